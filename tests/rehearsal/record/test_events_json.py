"""Events survive JSON, and nothing else is taken for an event."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from tests.rehearsal.record.any_event import events
from xpk.rehearsal.record.event_json import from_json, to_json
from xpk.rehearsal.record.events import Broke, Event, Host


@given(events())
def test_an_event_survives_json(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_the_names_are_these() -> None:
    event = Broke(1.5, "last-slice-host", (Host(1, 0),), 47)
    wanted = {"event": "broke", "t": 1.5, "fault": "last-slice-host", "hosts": [[1, 0]], "step": 47}
    assert to_json(event) == wanted
    assert str(Host(1, 3)) == "slice 1 host 3"


GOOD = to_json(Broke(1.5, "slice", (Host(1, 0),), 47))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event": "exploded"}, "no event is called 'exploded'"),
        ({"event": None}, "no event is called"),
        ({"t": "1"}, "t is no number"),
        ({"t": float("nan")}, "t is no number"),
        ({"t": True}, "t is no number"),
        ({"fault": "flood"}, "fault is none of process, host"),
        ({"hosts": [[1]]}, "hosts is no"),
        ({"hosts": "11"}, "hosts is no list"),
        ({"step": 1.5}, "step is no whole number"),
        ({"more": 1}, "missing or unknown: more"),
    ],
)
def test_what_is_no_event_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(GOOD | change)


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(ValueError, match="missing or unknown: step"):
        from_json({name: value for name, value in GOOD.items() if name != "step"})
