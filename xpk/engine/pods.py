"""The pods of a workload: how many are ready, and which one failed first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xpk.cloud.errors import clean
from xpk.engine.conditions import conditions_of, true
from xpk.engine.wire import Json

JOBSET_LABEL = "jobset.sigs.k8s.io/jobset-name"
_SLICE = "jobset.sigs.k8s.io/job-index"
_HOST = "batch.kubernetes.io/job-completion-index"
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"
_TOLD_TO_STOP = frozenset({137, 143})  # SIGKILL, SIGTERM: what the others of a failed slice end with


@dataclass(frozen=True, slots=True)
class PodFailure:
    """A container that ended badly, on which host of which slice. `reason` as Kubernetes has it."""

    pod: str
    slice: int
    host: int
    container: str
    exit_code: int
    reason: str
    finished: str

    @property
    def words(self) -> str:
        """In a few words: "exit 1, slice 0 host 3"."""
        cause = f"exit {self.exit_code}" if self.reason in ("", "Error", "Completed") else self.reason
        if cause == self.reason and self.exit_code:
            cause = f"{self.reason} (exit {self.exit_code})"
        return f"{cause}, slice {self.slice} host {self.host}"

    def as_json(self) -> Json:
        """As JSON."""
        return {
            "pod": self.pod,
            "slice": self.slice,
            "host": self.host,
            "container": self.container,
            "exitCode": self.exit_code,
            "reason": self.reason,
            "finishedAt": self.finished,
        }


def slice_of(pod: Json) -> int:
    """The index of the slice that a pod belongs to."""
    return _number(pod, _SLICE)


def host_of(pod: Json) -> int:
    """The index of the host in its slice."""
    return _number(pod, _HOST)


def _number(pod: Json, label: str) -> int:
    metadata = pod.get("metadata", {})
    text = str(metadata.get("labels", {}).get(label) or metadata.get("annotations", {}).get(label) or "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def ready(pod: Json) -> bool:
    """Whether a pod runs and is ready. One that ended well counts, too: its host has done its part."""
    phase = pod.get("status", {}).get("phase")
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return False
    return phase == "Succeeded" or (phase == "Running" and true(pod, "Ready") is not None)


def lost(pod: Json) -> bool:
    """Whether a pod has ended badly or is being ended: it is none that still comes up."""
    return (
        bool(pod.get("metadata", {}).get("deletionTimestamp"))
        or pod.get("status", {}).get("phase") == "Failed"
    )


def of_attempt(pods: Iterable[Json], attempt: int) -> list[Json]:
    """The pods of one attempt: those of an earlier one may still be on their way out."""
    wanted = str(attempt)
    found = []
    for pod in pods:
        metadata = pod.get("metadata", {})
        label = metadata.get("labels", {}).get(_ATTEMPT, metadata.get("annotations", {}).get(_ATTEMPT))
        if label is None or str(label) == wanted:
            found.append(pod)
    return found


def trouble_of(pods: Sequence[Json], slice_hosts: int, slices: int) -> str:
    """Why pods do not start, in Kubernetes' own word for it, and where; empty when they do.

    "Unschedulable on 8 hosts", or where one slice of several has all the trouble what is there of it:
    "slice 1 3/4 hosts, Unschedulable". `slice_hosts` is how many hosts one slice has.
    """
    found: dict[str, list[int]] = {}
    for pod in pods:
        if (word := trouble(pod)) is not None:
            found.setdefault(word, []).append(slice_of(pod))
    if not found:
        return ""
    word, where = max(found.items(), key=lambda item: len(item[1]))
    if slices > 1 and len({index for indexes in found.values() for index in indexes}) == 1:
        up = sum(ready(pod) for pod in pods if slice_of(pod) == where[0])
        return f"slice {where[0]} {up}/{slice_hosts} hosts, {word}"
    return f"{word} on {len(where)} hosts" if len(where) > 1 else f"{word} on 1 host"


def trouble(pod: Json) -> str | None:
    """Kubernetes' own word for why a pod does not start; None where nothing is wrong with it (yet)."""
    status = pod.get("status", {})
    for container in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        reason = str(container.get("state", {}).get("waiting", {}).get("reason") or "")
        if reason.startswith(("Err", "Invalid", "Create")) or reason.endswith("BackOff"):
            return clean(reason, limit=60)
    placed = [c for c in conditions_of(pod) if c.type == "PodScheduled" and c.status == "False"]
    return "Unschedulable" if any(c.reason == "Unschedulable" for c in placed) else None


def failures_of(pods: Iterable[Json]) -> tuple[PodFailure, ...]:
    """Containers that ended badly, the likely cause first.

    When one host fails, the others are told to stop and end with SIGTERM or SIGKILL: these come last,
    whatever their times.
    """
    found = [failure for pod in pods for failure in _failures(pod)]
    return tuple(sorted(found, key=lambda f: (f.exit_code in _TOLD_TO_STOP, f.finished, f.slice, f.host)))


def _failures(pod: Json) -> Iterable[PodFailure]:
    status = pod.get("status", {})
    statuses = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in statuses:
        ended = container.get("state", {}).get("terminated")
        if ended and int(ended.get("exitCode", 0)) != 0:
            yield PodFailure(
                pod=str(pod["metadata"]["name"]),
                slice=slice_of(pod),
                host=host_of(pod),
                container=clean(str(container.get("name", "")), limit=80),
                exit_code=int(ended["exitCode"]),
                reason=clean(str(ended.get("reason") or ""), limit=80),
                finished=str(ended.get("finishedAt") or ""),
            )
