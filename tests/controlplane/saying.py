"""What the program says of a workload, beside what its objects are: read here, by other means than xpk's.

`Teller.truth` compares `workload list` and `workload describe`, both as JSON and as text, with the JobSet,
Kueue's Workload, the pods and the nodes at one moment: objects that change while the program looks make
it look again.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controlplane import facts
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.facts import Facts
from tests.controlplane.program import CREATE, WORKLOAD, Program, program
from tests.controlplane.world import JOBSETS, PODS, WORKLOADS, World, uid
from xpk.cloud.kube import Kube

Json = dict[str, Any]
ENDS = 120.0
_WHERE = ("--cluster", "c1")
_SAME = (
    *("name", "namespace", "status", "words", "detail", "slices", "hosts", "hostsReady", "restarts"),
    *("restartsCounted", "maxRestarts", "priority", "created", "finished", "queuePosition", "failure"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """One workload in the words of the program: the entry and the row of `workload list`, the description."""

    listed: Json
    row: str
    described: Json
    text: str


@contextlib.contextmanager
def telling(
    plane: ControlPlane, kube: Kube, home: Path, create: tuple[str, ...] = CREATE
) -> Iterator[Teller]:
    """A cluster that the program made, for the length of a block."""
    with program(plane, home) as xpk:
        made = xpk.here(*create)  # with 128 hosts on a busy machine it takes longer than a process may
        assert made.returncode == 0, made.stderr
        yield Teller(xpk, World(plane, kube))


@dataclass(frozen=True, slots=True)
class Teller:
    """Asks the program about workloads of cluster c1, and compares."""

    program: Program
    world: World

    def start(self, name: str, *more: str, words: tuple[str, ...] = WORKLOAD) -> str:
        """Create a workload, as a process; the uid of its JobSet."""
        self.program.works(*words, "--workload", name, *more)
        return uid(self.world.jobset("default", name))

    def delete(self, name: str) -> str:
        """Delete one workload, as a process; what was said about it."""
        done = self.program("workload", "delete", *_WHERE, "--workload", name, "--yes")
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def wait(self, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        """`workload list --wait-for-job-completion`, as a process."""
        return self.program("workload", "list", *_WHERE, "--wait-for-job-completion", name, *more)

    def clear(self) -> None:
        """Delete all workloads and wait until nothing of them is left."""
        uids = {name: uid(self.world.jobset("default", name)) for name in self.listed()}
        done = self.program("workload", "delete", *_WHERE, "--yes")
        assert done.returncode == 0, done.stderr
        for name, jobset in uids.items():
            self.gone(name, jobset)

    def listed(self) -> dict[str, Json]:
        """`workload list -o json`, by name."""
        return {one["name"]: one for one in json.loads(self._ask("workload", "list", "-o", "json"))}

    def truth(self, name: str, state: str = "") -> Said:
        """What is said of one workload, all of it true; `state` where a test expects one of them."""
        found = self._moment(name)
        if state:
            assert found.listed["status"] == state, found.listed
        return found

    def follow(self, name: str, until: Callable[[], bool]) -> list[str]:
        """Compare again and again until something is so; the states that were said on the way."""
        states: list[str] = []

        def look() -> bool:
            done = until()
            if (said := self._once(name)) is not None:
                states.append(said.listed["status"])
            return done

        self.world.plane.wait(look, f"{name} at its next moment", ENDS)
        return states

    def wait_says(self, name: str, key: str, value: object) -> None:
        """Wait until `workload list` says so."""
        self.world.plane.wait(lambda: self.listed()[name][key] == value, f"{name}: {key} {value}", ENDS)

    def gone(self, name: str, uid: str) -> None:
        """Wait until nothing of a workload is left, and the program does not know it any more."""
        self.world.plane.wait(lambda: self.left(name, uid) == [], f"nothing left of {name}", ENDS)
        assert name not in self.listed()
        missing = self.program.here("workload", "describe", *_WHERE, "--workload", name)
        assert missing.returncode != 0
        assert f"--workload {name}: no such workload in cluster c1" in missing.stderr

    def left(self, name: str, uid: str) -> list[str]:
        """The JobSet of this uid and all that it owns or that carries its name, as kind and name."""
        kube = self.world.kube
        mine = f"jobset.sigs.k8s.io/jobset-name={name}"
        kinds = {
            "JobSet": [i for i in kube.list(JOBSETS.format("default")) if i["metadata"]["uid"] == uid],
            "Workload": [i for i in kube.list(WORKLOADS.format("default")) if facts.owned(i, uid)],
            "Job": kube.list("/apis/batch/v1/namespaces/default/jobs", label_selector=mine),
            "Pod": kube.list(PODS.format("default"), label_selector=mine),
            "Service": [i for i in kube.list("/api/v1/namespaces/default/services") if facts.owned(i, uid)],
        }
        return [f"{kind} {item['metadata']['name']}" for kind, items in kinds.items() for item in items]

    def _moment(self, name: str) -> Said:
        found: list[Said] = []

        def looked() -> bool:
            if (said := self._once(name)) is not None:
                found.append(said)
            return bool(found)

        self.world.plane.wait(looked, f"{name} in one state for as long as a look takes", ENDS)
        return found[0]

    def _once(self, name: str) -> Said | None:
        """One comparison; None where the objects changed meanwhile."""
        before = facts.read(self.world, name)
        (row,) = [r for r in self._ask("workload", "list").splitlines() if r.split()[0] == name]
        said = Said(
            listed=self.listed()[name],
            row=row,
            described=json.loads(self._ask("workload", "describe", "--workload", name, "-o", "json")),
            text=self._ask("workload", "describe", "--workload", name),
        )
        if facts.read(self.world, name).versions != before.versions:
            return None
        _compare(said, before)
        return said

    def _ask(self, *words: str) -> str:
        done = self.program.here(*words[:2], *_WHERE, *words[2:])
        assert done.returncode == 0, done.stderr
        return done.stdout


def _compare(said: Said, found: Facts) -> None:
    """Everything that was said with everything that is."""
    listed, described = said.listed, said.described
    expected = found.expected()
    assert {key: listed[key] for key in expected} == expected
    _compare_row(said, found)
    if not found.nodeless:  # until Kubernetes notices, only a description knows of a host that is gone
        assert {key: described[key] for key in _SAME} == {key: listed[key] for key in _SAME}
    assert described["hostsReady"] == found.ready_on_nodes
    assert described["sliceStatus"] == found.slices()
    for key, item in (("conditions", found.jobset), ("queueConditions", found.workload)):
        wanted = item.get("status", {}).get("conditions", [])
        assert [_condition(c) for c in described[key]] == [_condition(c) for c in wanted]
    assert [f["pod"] for f in described["failures"]] == found.failed_pods()
    _compare_text(said, found)


def _compare_row(said: Said, found: Facts) -> None:
    """The line of the table; its last column may be cut."""
    name, slices, hosts, priority, _, *words = said.row.split()
    assert (name, int(slices), int(hosts)) == (found.name, found.number_of_slices, found.hosts)
    assert priority == said.listed["priority"]
    shown = " ".join(words)
    assert len(said.row) <= 80
    assert said.listed["words"].startswith(shown.removesuffix("..."))
    assert shown.startswith(said.listed["status"])


def _compare_text(said: Said, found: Facts) -> None:
    described = said.described
    lines = said.text.splitlines()
    assert lines[0] == f"workload {found.name}: {described['words']}"
    budget = f"{described['restartsCounted']} of {described['maxRestarts']} counted"
    assert lines[1].endswith(f"priority {described['priority']}, restarts {described['restarts']}, {budget}")
    rows = [line.split() for line in lines[3 : 3 + found.number_of_slices]]
    assert rows == [
        [
            str(s["slice"]),
            f"{s['hostsReady']}/{s['hosts']}",
            str(s["restarts"]),
            *(s["nodePool"] or "-").split(),
        ]
        for s in described["sliceStatus"]
    ]
    missing = [(s["slice"], host) for s in described["sliceStatus"] for host in s["missing"]]
    shown = [line for line in lines if line.startswith("missing: slice ")]
    assert len(shown) == min(10, len(missing))
    for line, (index, host) in zip(shown, missing[:10], strict=True):
        assert line.startswith(f"missing: slice {index} host {host['host']}, {host['reason']}")
        assert line.endswith(host["message"])
    failed = [line for line in lines if line.startswith("failed: ")]
    assert len(failed) == min(10, len(described["failures"]))


def _condition(condition: Json) -> tuple[str, ...]:
    return tuple(str(condition.get(key, "")) for key in ("type", "status", "reason", "message"))
