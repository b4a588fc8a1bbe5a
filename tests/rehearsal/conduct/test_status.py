"""What a JobSet's status is told as, look by look."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from xpk.errors import Fault, StateError
from xpk.rehearsal.conduct.status import StatusWatch
from xpk.rehearsal.record.events import AllRunning, Ended, Event, Noticed

Json = dict[str, Any]


def jobset(ready: int = 0, failed: int = 0, restarts: int = 0, *conditions: Json) -> Json:
    group = {"name": "slice-job", "ready": ready, "failed": failed}
    status = {"restarts": restarts, "replicatedJobsStatus": [group], "conditions": list(conditions)}
    return {"status": status}


class Looks:
    """Shows one JobSet after the other, the last one for ever."""

    def __init__(self, *found: Json | StateError | None) -> None:
        self.found = list(found)

    def get(self, path: str) -> Json | None:
        assert path == "/jobset"
        one = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(one, StateError):
            raise one
        return one


def told(*found: Json | None) -> list[Event]:
    events: list[Event] = []
    watch = StatusWatch(Looks(*found), "/jobset", 2, events.append, lambda: 1.0)
    for _ in found:
        watch.look()
    return events


def test_nothing_before_there_is_a_status() -> None:
    assert told(None, {"metadata": {}}, jobset(ready=1)) == []


def test_running_is_told_once_for_each_attempt() -> None:
    assert told(jobset(2), jobset(2), jobset(0, 0, 1), jobset(2, 0, 1)) == [
        AllRunning(1.0, 0),
        Noticed(1.0, "JobSet restart 1"),
        AllRunning(1.0, 1),
    ]


def test_a_failed_job_and_the_restart_that_follows_are_one_trouble() -> None:
    assert told(jobset(2), jobset(1, 1), jobset(0, 0, 1), jobset(2, 0, 1), jobset(1, 1, 1)) == [
        AllRunning(1.0, 0),
        Noticed(1.0, "1 of 2 slices failed"),
        AllRunning(1.0, 1),
        Noticed(1.0, "1 of 2 slices failed"),
    ]


@pytest.mark.parametrize(("kind", "state"), [("Completed", "succeeded"), ("Failed", "failed")])
def test_the_end(kind: str, state: str) -> None:
    condition = {"type": kind, "status": "True", "message": "why", "reason": "r"}
    (end,) = told(jobset(0, 0, 0, condition))
    assert isinstance(end, Ended)
    assert (end.state, end.words) == (state, "why")
    assert told(jobset(0, 0, 0, {**condition, "status": "False"})) == []


def test_runs_until_the_end_and_keeps_an_error() -> None:
    events: list[Event] = []
    done = jobset(0, 0, 0, {"type": "Completed", "status": "True"})
    watch = StatusWatch(Looks(jobset(2), done), "/jobset", 2, events.append, lambda: 0.0)
    watch.run(threading.Event())
    assert isinstance(events[-1], Ended)
    assert watch.failure is None
    broken = StatusWatch(Looks(StateError(Fault("get", "403", "log in"))), "/jobset", 2, events.append, float)
    broken.run(threading.Event())
    assert broken.failure is not None
