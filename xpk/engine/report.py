"""What came of carrying out a plan, as a value and as faults of an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xpk.errors import Fault, Interrupted, XpkError

_SHOWN = 6
_ALIKE = 3
AGAIN = "run the same command again to go on"


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed, and the error that it failed with."""

    step_id: str
    error: XpkError


@dataclass(frozen=True, slots=True)
class Report:
    """The ids of a plan's steps by what became of them, in the plan's order.

    `started_in_cloud` are steps that were given up while Google or the cluster still works on
    them; `left` were not carried out. `seconds` is how long it took. `slices` is how many of a
    cluster's slices are up, and of how many; None where the plan made none.
    """

    done: tuple[str, ...]
    failed: tuple[Failure, ...]
    left: tuple[str, ...]
    started_in_cloud: tuple[str, ...]
    seconds: float
    slices: tuple[int, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON, with each failure's faults."""
        failed = [
            {"step": failure.step_id, "faults": [asdict(fault) for fault in failure.error.faults]}
            for failure in self.failed
        ]
        return {
            "done": list(self.done),
            "failed": failed,
            "left": list(self.left),
            "startedInCloud": list(self.started_in_cloud),
            "seconds": round(self.seconds, 3),
            **({"slices": {"up": self.slices[0], "of": self.slices[1]}} if self.slices else {}),
        }


def error_of(report: Report) -> XpkError | None:
    """The first failure's error with all faults, and what is done and left; None when all is done."""
    if not report.failed:
        return None
    up, of = report.slices or (0, 0)
    word = "not complete" if 0 < up < of and not report.left else "stopped"
    return type(report.failed[0].error)(*faults_of(report.failed), summary(report, word))


def interrupted(report: Report) -> Interrupted:
    """The error of an interrupted run: what is done, what runs on in the cloud, what is not started."""
    return Interrupted(*faults_of(report.failed), summary(report, "interrupted"))


def faults_of(failures: Sequence[Failure]) -> list[Fault]:
    """The faults of all failures; many that ask for the same become the first ones and a count.

    A zone without machines fails every slice: a person needs to read that once.
    """
    by_fix: dict[tuple[type[XpkError], str], list[tuple[str, Fault]]] = {}
    for failure in failures:
        for fault in failure.error.faults:
            same = by_fix.setdefault((type(failure.error), fault.fix), [])
            if fault not in (other for _, other in same):
                same.append((failure.step_id, fault))
    faults: list[Fault] = []
    for (_, fix), found in by_fix.items():
        if len(found) <= _ALIKE + 1:
            faults += [fault for _, fault in found]
            continue
        faults += [fault for _, fault in found[:_ALIKE]]
        more = [step_id for step_id, _ in found[_ALIKE:]]
        faults.append(Fault(f"{len(more)} more steps", f"failed in the same way: {fold(more)}", fix))
    return faults


def summary(report: Report, word: str = "stopped") -> Fault:
    """Done, running on in the cloud and not started, as one fault."""
    total = len(report.done) + len(report.failed) + len(report.left) + len(report.started_in_cloud)
    parts = [f"done: {fold(report.done)}"]
    if report.started_in_cloud:
        parts.append(f"running in the cloud anyway: {fold(report.started_in_cloud)}")
    parts.append(f"not started: {fold(report.left)}")
    if report.slices and 0 < report.slices[0] < report.slices[1]:
        parts.insert(0, f"usable: {report.slices[0]} of {report.slices[1]} slices")
    return Fault(f"{word} after {len(report.done)} of {total} steps", "; ".join(parts), AGAIN)


def fold(names: Sequence[str]) -> str:
    """Names in a line; many become the first ones and a count."""
    if len(names) > _SHOWN:
        return f"{', '.join(names[: _SHOWN - 1])} and {len(names) - _SHOWN + 1} more"
    return ", ".join(names) or "nothing"
