"""The page of a rehearsal: whole, self-contained, and safe whatever a trainer prints."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from tests.rehearsal.report.sample import Run, crash_loop, setup, story
from xpk.rehearsal.record.events import Event, Host, HostLost, Moved, Noticed, Said
from xpk.rehearsal.record.outcome import Difference, Finding, Outcome, Override, Setup
from xpk.rehearsal.record.reduce import outcome
from xpk.rehearsal.report.page import page

_VOID = {"meta", "br", "hr", "img", "link"}
EVIL = (
    "\"'></style></title><script>alert(1)</script><img src=x onerror=alert(1)>{{ view }}"
    "\x1b[2J\u202e\ud800\x00"
)


class Reader(HTMLParser):
    """The elements, checked to be closed in order, their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self.open else ""


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def of(events: list[Event], known: Setup | None = None) -> str:
    return page(outcome(known or setup(), events), events)


RUNS = {
    "story": story(),
    "crash loop": crash_loop(),
    "whole": Run(steps=30).go(),
    "nothing yet": [],
    "in the middle": story()[:200],
}


@pytest.mark.parametrize("name", RUNS)
def test_it_is_whole_and_loads_nothing(name: str) -> None:
    text = of(RUNS[name])
    reader = read(text)
    names = {tag for tag, _ in reader.tags}
    assert {"html", "title", "svg", "style", "main", "footer"} <= names
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form"}
    for _, attributes in reader.tags:
        assert not {"src", "href", "srcset", "style"} & set(attributes)
        assert not any(key.startswith("on") for key in attributes)
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    assert "None" not in reader.text
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_its_parts_are_named_for_those_who_cannot_see_it() -> None:
    reader = read(of(story()))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.tags:
        for reference in (attributes.get("aria-labelledby") or "").split():
            assert reference in ids
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
    assert reader.tags[0] == ("html", {"lang": "en"})
    headings = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_it_says_what_was_lost_and_regained() -> None:
    text = re.sub(r"\s+", " ", read(of(story())).text)
    assert "All 4 faults were survived. 23 steps lost instead of 54 from the bucket alone." in text
    for words in (
        "host lost: slice 0 host 1",
        "17 to 15",
        "out of the ramdisk of slice 1",
        "56 to 40",
        "8.8 s",
    ):
        assert words in text
    assert "each step computed again after a restart has the same loss" in text


def test_it_does_not_call_a_crash_loop_survived() -> None:
    text = re.sub(r"\s+", " ", read(of(crash_loop())).text)
    assert "Training did not come back after fault 1 of 1." in text
    assert "survived." not in text
    assert "faults survived 0 of 1" in text
    assert "last slice lost: 17, not recovered" in text


def test_every_override_and_substitution_is_there() -> None:
    known = setup()
    text = read(of(story(), known)).text
    for one in known.overrides:
        assert all(part in text for part in (one.what, one.was or "not set", one.now, one.why))
    assert "mount namespace" in text


def test_findings_come_with_reason_and_fix() -> None:
    found = replace(
        outcome(setup(), story()),
        findings=(
            Finding(
                "ramdisk-empty", "no ramdisk holds a step", "the first axis has size 1", "mesh_axes=['data']"
            ),
        ),
    )
    text = read(page(found, story())).text
    for words in ("1 finding", "no ramdisk holds a step", "the first axis has size 1", "mesh_axes=['data']"):
        assert words in text
    assert "exit code is 125" in text
    assert "No findings" not in text


def test_losses_that_differ_are_named_and_there_is_an_end_to_them() -> None:
    known = outcome(setup(), story())
    each = tuple(Difference(step, Host(0, 1), "0.77", "0.78") for step in range(30))
    broken = replace(known.recoveries[0], losses_equal=False, differences=each)
    totals = replace(known.totals, losses_equal=False)
    text = read(page(replace(known, recoveries=(broken,), totals=totals), story())).text
    assert "step 0, slice 0 host 1: 0.77 before, 0.78 after" in text
    assert "and 18 more" in text
    assert "differ" in text


def evil() -> tuple[Outcome, list[Event]]:
    a = Host(0, 0)
    events = [
        *story(),
        Said(70, a, 4, EVIL),
        Noticed(70, EVIL),
        Moved(70, EVIL, EVIL, 1, EVIL),
        HostLost(70, a, EVIL),
    ]
    known = replace(setup(), mount_path=EVIL, overrides=(Override(EVIL, EVIL, EVIL, EVIL),))
    found = outcome(known, events)
    bad = replace(
        found.recoveries[0],
        from_words=EVIL,
        losses_equal=False,
        differences=(Difference(1, a, EVIL, EVIL),),
    )
    return replace(
        found,
        words=EVIL,
        recoveries=(bad,),
        findings=(Finding(EVIL, EVIL, EVIL, EVIL),),
        totals=replace(found.totals, losses_equal=False),
    ), events


def test_a_run_without_ramdisks_says_nothing_of_them() -> None:
    known = setup(2, 2, 0, "bucket")
    text = read(of(Run(steps=40).go([(25, "process", Host(0, 0))]), replace(known, local_period=0))).text
    assert "newest in the bucket" in text
    assert "newest in the ramdisks" not in text
    assert "as the command says" in text
    assert "of 0" not in text.replace("0 of 1", "")


def test_untrusted_text_stays_text() -> None:
    text = page(*evil())
    text.encode("utf-8")
    reader = read(text)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert "img" not in {tag for tag, _ in reader.tags}
    assert reader.text.count("<script>alert(1)</script>") >= 10
    assert not re.search("[\x00\x1b\u202e\ud800]", text)


def test_the_same_record_gives_the_same_page() -> None:
    assert of(story()) == of(list(story()))


@pytest.mark.parametrize(("slices", "hosts"), [(1, 1), (3, 2), (2, 4), (8, 5)])
def test_any_shape(slices: int, hosts: int) -> None:
    known = setup(slices, hosts, 30)
    events = Run(slices=slices, hosts=hosts, steps=30).go([(12, "host", Host(slices - 1, hosts - 1))])
    text = read(page(outcome(known, events), events)).text
    assert ("8 more hosts are not drawn" in text) == (slices * hosts == 40)
