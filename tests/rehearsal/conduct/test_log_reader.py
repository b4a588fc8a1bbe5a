"""Logs that grow, are cut in the middle of a line, hold anything, and end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from xpk.rehearsal.conduct.logs import LogReader
from xpk.rehearsal.record.events import Event, Host, PodEnded, PodStarted, Said, Stepped

HOST = Host(1, 0)


class Log:
    """One pod's log and what was told of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "p1.log"
        self.events: list[Event] = []
        self.reader = LogReader(lambda pod: folder / f"{pod}.log", self.events.append, lambda: 2.0)

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self.reader.look()

    def start(self) -> None:
        self.reader.hear(PodStarted(0.0, HOST, "p1", 3))

    def end(self, code: int) -> None:
        self.reader.hear(PodEnded(0.0, HOST, "p1", 3, code))
        self.reader.look()

    @property
    def steps(self) -> list[int]:
        return [event.step for event in self.events if isinstance(event, Stepped)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.reader.close()


def test_lines_are_read_as_they_are_completed(log: Log) -> None:
    log.start()
    log.reader.look()
    log.write(b"completed step: 1, loss: 0.5\ncompleted st")
    assert log.events == [Stepped(2.0, HOST, 3, 1, "0.5")]
    log.write(b"ep: 2, loss: 0.25\n")
    assert log.events[1:] == [Stepped(2.0, HOST, 3, 2, "0.25")]


def test_a_pod_that_stands_still_has_last_words(log: Log) -> None:
    log.start()
    log.write(b"one\ntwo\nthree\nfour\n")
    assert log.events == []
    log.reader.last_words()
    assert log.events == [Said(2.0, HOST, 3, text) for text in ("two", "three", "four")]


def test_what_is_left_is_read_at_the_end(log: Log) -> None:
    log.start()
    log.path.write_bytes(b"completed step: 1, loss: 0.5\ncompleted step: 2, loss: 0.25")
    log.end(0)
    assert log.steps == [1, 2]
    log.write(b"\ncompleted step: 3, loss: 0.1\n")
    assert log.steps == [1, 2]


@pytest.mark.parametrize(("code", "said"), [(1, True), (0, False), (137, False), (143, False)])
def test_the_last_words_of_a_pod_that_failed(log: Log, code: int, said: bool) -> None:
    log.start()
    log.write(b"\x1b[31mno such \xff file\x1b[0m\n")
    before = len(log.events)
    log.end(code)
    words = [event.text for event in log.events[before:] if isinstance(event, Said)]
    assert bool(words) is said
    assert not any("\x1b" in text or "\xff" in text for text in words)


def test_a_log_that_is_not_there_yet_or_never(log: Log) -> None:
    log.start()
    log.reader.look()
    log.end(137)
    assert log.events == []
