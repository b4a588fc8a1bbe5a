"""When requests that start operations go out: GKE's quota is found out, no pool waits for another's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from xpk.cloud.errors import OperationInProgress, TooManyOperations
from xpk.engine.operations import OPERATIONS_AT_ONCE, PROBES, REFUSED_FOR, SendGate, Sending
from xpk.errors import Fault, XpkError

SECONDS = 100.0


def too_many(quota: int | None) -> TooManyOperations:
    words = f"concurrent operations quota {quota}" if quota else "concurrent operations"
    return TooManyOperations(Fault("create", f"Too many operations: hits the {words}", "wait"))


BUSY = OperationInProgress(Fault("create", "Please wait and try again once it is done.", "wait"))


@dataclass
class Google:
    """Answers each round of requests at once; operations take `SECONDS`."""

    refuse: Callable[[str, int], XpkError | None]
    gate: SendGate = field(default_factory=SendGate)
    now: float = 1000.0
    ends: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    most: int = 0
    seconds: float = SECONDS

    def run(self, names: list[str], until: float = 20_000.0) -> None:
        """Until all are done or given up."""
        for name in names:
            self.gate.add(Sending(name, dict))
        while len(self.done) + len(self.given_up) < len(names):
            assert self.now < 1000.0 + until
            self._send()
            dues = [*self.ends.values(), *([due] if (due := self.gate.due()) is not None else [])]
            self.now = max(self.now, min(dues, default=self.now))
            for name in [name for name, end in self.ends.items() if end <= self.now]:
                self.done[name] = self.ends.pop(name)
                self.gate.release()

    def _send(self) -> None:
        batch = []
        while (sending := self.gate.next(self.now, len(self.ends))) is not None:
            batch.append(sending)
        for sending in batch:
            error = self.refuse(sending.step_id, len(self.ends))
            if error is None:
                self.gate.accepted(self.now)
                self.ends[sending.step_id] = self.now + self.seconds
                self.most = max(self.most, len(self.ends))
            else:
                self.refused[sending.step_id] += 1
                if not self.gate.refused(sending, error, self.now, len(self.ends)):
                    self.given_up.append(sending.step_id)
        if batch:
            self._send()


def names(count: int) -> list[str]:
    return [f"p{index}" for index in range(count)]


@pytest.mark.parametrize(("quota", "refusals"), [(1, 19), (5, 15), (20, PROBES), (50, PROBES), (1000, 0)])
def test_the_quota_is_found_out_with_few_refusals(quota: int, refusals: int) -> None:
    google = Google(lambda name, running: too_many(quota) if running >= quota else None)
    google.run(names(100))
    assert google.most == min(quota, 100)
    assert google.refused.total() <= refusals
    rounds = -(-100 // quota)
    assert google.now - 1000.0 == pytest.approx(rounds * SECONDS, abs=2.0)


@pytest.mark.parametrize("quota", [1, 5, 30])
def test_a_quota_without_a_number_is_found_out_too(quota: int) -> None:
    google = Google(lambda name, running: too_many(None) if running >= quota else None)
    google.run(names(60))
    assert google.most == quota
    assert google.refused.total() <= OPERATIONS_AT_ONCE + 60


def test_a_quota_that_others_fill_for_a_while_is_not_taken_for_ours() -> None:
    google = Google(lambda name, running: None)
    google.refuse = lambda name, running: too_many(None) if google.now < 1300.0 or running >= 10 else None
    google.run(names(60))
    assert google.most == 10
    assert google.now - 1300.0 <= 12 * SECONDS


def test_what_is_in_the_way_of_one_pool_holds_no_other_one_back() -> None:
    google = Google(lambda name, running: None)
    google.refuse = lambda name, running: BUSY if name == "p0" and google.now < 1500.0 else None
    google.run(names(9))
    assert max(end for name, end in google.done.items() if name != "p0") <= 1000.0 + SECONDS + 2.0
    assert 1500.0 <= google.done["p0"] - SECONDS <= 1550.0
    assert google.refused.total() < 150


def test_an_operation_on_the_cluster_is_asked_for_seldom_whatever_the_number_of_pools() -> None:
    google = Google(lambda name, running: None)
    google.refuse = lambda name, running: BUSY if google.now < 1300.0 else None
    google.run(names(64))
    assert google.refused.total() <= OPERATIONS_AT_ONCE + 100
    assert google.now - 1000.0 <= 300.0 * 1.05 + SECONDS


def test_waits_longer_than_a_creation_without_machines_and_not_for_ever() -> None:
    google = Google(lambda name, running: None)
    google.refuse = lambda name, running: BUSY if google.now < 1000.0 + 35 * 60 else None
    google.run(["p0"])
    assert not google.given_up
    google = Google(lambda name, running: BUSY)
    google.run(["p0"])
    assert google.given_up == ["p0"]
    assert REFUSED_FOR <= google.now - 1000.0 < REFUSED_FOR + 10.0


def test_a_queue_that_moves_is_no_refusal_that_lasts() -> None:
    """With a quota of one the last of many waits for hours, and is refused once more by somebody else."""
    google = Google(lambda name, running: None, seconds=300.0)
    again = iter([too_many(1)])
    google.refuse = lambda name, running: (
        too_many(1) if running else next(again, None) if google.now > 5800.0 else None
    )
    google.run(names(60))
    assert not google.given_up
