"""Kubernetes calls that outlive a control plane on which GKE works.

GKE resizes, upgrades and repairs control planes on its own; that of a zonal cluster does not answer for
minutes then (GKE docs, "maintenance windows and exclusions: repairs"). The wire's few repeats do not
reach so far. Where no such operation runs, no answer is an error as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from xpk.cloud.errors import Ambiguous
from xpk.engine.context import Context
from xpk.engine.tasks import Say, Task, call, call_all
from xpk.engine.wire import GkeApi, Json
from xpk.errors import UnreachableError, XpkError

T = TypeVar("T")
AWAY: Final = 1800.0
"""Seconds for which an operation of GKE excuses a control plane that does not answer."""
_WORDS: Final = {
    "RESIZE_CLUSTER": "GKE resizes the control plane",
    "UPGRADE_MASTER": "GKE upgrades the control plane",
    "REPAIR_CLUSTER": "GKE repairs the control plane",
}


def running_on(operations: Iterable[Json], target: str) -> list[Json]:
    """The unfinished operations on the cluster or pool of this full name.

    Links name the project by its id or its number: what follows it is compared.
    """
    wanted = target.removeprefix("projects/").partition("/")[2]
    return [
        operation
        for operation in operations
        if operation.get("status") != "DONE"
        and str(operation.get("targetLink", "")).partition("/projects/")[2].partition("/")[2] == wanted
    ]


def unfinished(operation: Json) -> bool:
    """Whether an operation, as Google sent it, is not over: what of a long list is worth reading."""
    return operation.get("status") != "DONE"


def excuse(gke: GkeApi, cluster: str) -> str | None:
    """What GKE does to the cluster as a whole now, in words; None for nothing.

    By its operations, or by the cluster's own status where no operation tells.
    """
    running = running_on(gke.list_operations(cluster.partition("/clusters/")[0], unfinished), cluster)
    if not running and (gke.get_cluster(cluster) or {}).get("status") != "RECONCILING":
        return None
    kind = _WORDS.get(str(running[0].get("operationType")) if running else "", "GKE changes the cluster")
    return f"{kind}: waiting until Kubernetes answers"


def ask(context: Context, function: Callable[[], T]) -> Task[T]:
    """The result of one Kubernetes call that may safely be repeated."""
    patience = _Patience(context)
    while True:
        try:
            return (yield from call("kubernetes", function))
        except UnreachableError as error:
            yield from patience.wait(error)


def ask_all(context: Context, functions: Sequence[Callable[[], T]]) -> Task[list[T | XpkError]]:
    """The results, or errors, of several, in order."""
    patience = _Patience(context)
    results = yield from call_all("kubernetes", functions)
    while missing := {i: r for i, r in enumerate(results) if isinstance(r, UnreachableError)}:
        try:
            yield from patience.wait(next(iter(missing.values())))
        except UnreachableError:
            break
        again = yield from call_all("kubernetes", [functions[index] for index in missing])
        for index, result in zip(missing, again, strict=True):
            results[index] = result
    return results


class _Patience:
    """How long an answer has been waited for, and whether GKE's excuse was heard the last time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since: float | None = None
        self._excused = False
        self._said = ""

    def wait(self, error: UnreachableError) -> Task[None]:
        """Pause when GKE works on the control plane, or did so at the last look; else raise the error."""
        if isinstance(error, Ambiguous):
            raise error
        context, now = self._context, self._context.timing.now()
        try:
            words = yield from call("operations", lambda: excuse(context.cloud.gke, context.cluster))
        except XpkError:
            raise error from None
        self._since = now if self._since is None else self._since
        if (words is None and not self._excused) or now - self._since > AWAY:
            raise error
        self._excused = words is not None
        if words is not None and words != self._said:
            self._said = words
            yield Say(words)
        yield from context.pause(self._since)
