"""Both servers driven through the same moments. What is compared there is said in `capture.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both_objects import HOSTS, make_jobset
from tests.controlplane.capture import Flat, compare, events
from tests.controlplane.differences import FIELDS
from tests.controlplane.world import JOBSETS, PODS

Json = dict[str, Any]
ENDS = 120.0
"""Seconds until two servers have to say the same; what they say is looked at until then."""


class Couple:
    """The real server and the emulator, with one namespace on each."""

    def __init__(self, real: Side, emulator: Side) -> None:
        self._sides = (emulator, real)
        self._namespaces = {side.name: side.namespace() for side in self._sides}
        self._pods: dict[str, list[Json]] = {}
        self._met: set[str] = set()

    def each(self, act: Callable[[Side, str], object]) -> None:
        """Do the same on both."""
        for side in self._sides:
            act(side, self._namespaces[side.name])

    def start(self, name: str, **options: Any) -> None:
        """Apply a JobSet of all hosts."""
        self.each(lambda side, namespace: side.kube.apply(make_jobset(namespace, name, **options)))

    def running(self, name: str) -> None:
        """Wait until all its pods run, new ones if some were there."""

        def wait(side: Side, namespace: str) -> None:
            old = self._pods.get(side.name, [])
            self._pods[side.name] = side.world.wait_running(namespace, name, HOSTS, old=old)

        self.each(wait)

    def reaches(self, name: str, condition: str) -> None:
        """Wait for a condition of a JobSet."""
        self.each(lambda side, namespace: side.world.wait_condition(namespace, name, condition))

    def exit(self, pod: str, code: int) -> None:
        """End the pod whose name starts so."""
        self.each(lambda side, _: side.exit(self._pod(side, pod), code))

    def exit_all(self, code: int) -> None:
        """End all pods that were seen running last."""
        for side in self._sides:
            for pod in self._pods[side.name]:
                side.exit(pod, code)

    def evict(self, pod: str) -> None:
        """Evict the pod whose name starts so."""
        self.each(lambda side, _: side.evict(self._pod(side, pod)))

    def delete(self, name: str) -> None:
        """Delete a JobSet and wait until nothing runs any more."""

        def end(side: Side, namespace: str) -> None:
            side.kube.delete(side.kube.path_of(make_jobset(namespace, name)))
            side.wait(lambda: not side.world.jobset(namespace, name), f"{name} deleted", ENDS)

        self.each(end)

    def clear(self) -> None:
        """Delete what a failed test left behind: other tests need the hosts."""

        def end(side: Side, namespace: str) -> None:
            for jobset in side.kube.list(JOBSETS.format(namespace)):
                side.kube.delete(side.kube.path_of(jobset))
            pods = PODS.format(namespace)
            side.wait(lambda: side.kube.list(pods) == [], "no pod left", ENDS)

        self.each(end)

    def same(self, moment: str, take: Callable[[Side, str], Flat]) -> None:
        """Wait until both say the same but for the known differences; fails with the others."""
        unknown: dict[str, tuple[object, object]] = {}

        def equal() -> bool:
            unknown.clear()
            unknown.update(self._unknown(take))
            return not unknown

        try:
            self._sides[0].wait(equal, "nothing unknown", ENDS)
        except AssertionError:
            lines = [f"{key}: real {one!r}, emulator {two!r}" for key, (one, two) in sorted(unknown.items())]
            pytest.fail("\n".join([f"{moment}: {len(lines)} unknown differences", *lines[:80]]))

    def same_events(self, *jobsets: str) -> None:
        """Both have said the same about these JobSets so far."""
        self.same(f"events about {', '.join(jobsets)}", lambda side, space: events(side, space, *jobsets))

    def unused(self) -> list[str]:
        """The listed patterns that no difference was met for."""
        return [entry.pattern for entry in FIELDS if entry.pattern not in self._met]

    def _unknown(self, take: Callable[[Side, str], Flat]) -> dict[str, tuple[object, object]]:
        emulator, real = (take(side, self._namespaces[side.name]) for side in self._sides)
        found = compare(real, emulator)
        for key in list(found):
            for entry in FIELDS:
                if _matches(entry.pattern, key):
                    self._met.add(entry.pattern)
                    del found[key]
                    break
        return found

    def _pod(self, side: Side, start: str) -> Json:
        return next(pod for pod in self._pods[side.name] if pod["metadata"]["name"].startswith(start))


def _matches(pattern: str, key: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), key) is not None
