"""One TPU cluster on either server: the emulator, or real Kubernetes with JobSet and Kueue.

Not the tests: those see a `Side` and cannot tell which server it is, but for `Side.expected`.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from tests.controlplane import nodes
from tests.controlplane.both_objects import PLACE, cluster_spec, tpu_pool
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.differences import DIFFERENCES
from tests.controlplane.gateway import Gateway
from tests.controlplane.processes import Deadline
from tests.controlplane.world import World, true_conditions
from xpk.cloud.credentials import anonymous
from xpk.cloud.endpoints import emulated
from xpk.cloud.kube import Kube
from xpk.cloud.retry import Retrier
from xpk.cloud.session import Cloud
from xpk.emulator.server import Emulator
from xpk.engine.apply import apply
from xpk.engine.observe import observe_cluster
from xpk.plan.cluster import plan_cluster
from xpk.plan.observed import Observed
from xpk.plan.steps import ApplyCounted, ApplyObject
from xpk.render.cluster import local_queue

Json = dict[str, Any]
CLUSTER = "projects/p1/locations/us-east5/clusters/c1"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
APPLY = "application/apply-patch+yaml"
SERVERS = [
    pytest.param("emulator", marks=pytest.mark.xdist_group("both-emulator")),
    pytest.param("real", marks=[pytest.mark.xdist_group("controlplane"), pytest.mark.slow]),
]


class Side(ABC):
    """A server with a cluster of two slices on it. `url` is its address in the emulator's form."""

    name: str

    def __init__(self, url: str, world: World) -> None:
        self.world = world
        self.kube = world.kube
        self.url = f"{url}/kubernetes/{CLUSTER}"

    def expected(self, difference: str, real: object) -> object:
        """What this server answers: as the real one unless the table says otherwise."""
        listed = DIFFERENCES.get(difference)
        if listed is None:
            return real
        assert listed.emulator != real, f"{difference} is listed and is none"
        return listed.emulator if self.name == "emulator" else real

    def call(
        self, method: str, path: str, body: object = None, *, form: str = "application/json", **query: str
    ) -> tuple[int, Json]:
        """A raw request: HTTP status and answer, also where it is refused."""
        target = f"{self.url}{path}?{urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(target, data, {"Content-Type": form}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def apply(self, manifest: Json, *, manager: str = "xpk", **query: str) -> tuple[int, Json]:
        """Server-side apply as xpk does it: HTTP status and answer."""
        words = {"fieldManager": manager, "fieldValidation": "Strict", "force": "false", **query}
        return self.call("PATCH", self.kube.path_of(manifest), manifest, form=APPLY, **words)

    def wait(self, done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait until something is so; fails with `what`."""
        self.world.plane.wait(done, what, seconds)

    def namespace(self) -> str:
        """A fresh namespace with its entrance to the queue."""
        name = self._new_namespace()
        self.kube.apply(local_queue(name))
        return name

    def conditions(self, namespace: str, name: str) -> dict[str, tuple[str, str]]:
        """Status and reason of each condition of a JobSet."""
        found = self.world.status(namespace, name).get("conditions", [])
        return {item["type"]: (item["status"], item["reason"]) for item in found}

    def waiting(self, namespace: str, name: str) -> tuple[str, str] | None:
        """Reason and message with which Kueue lets a JobSet wait."""
        for item in self.world.workload(namespace, name).get("status", {}).get("conditions", []):
            if item["type"] == "QuotaReserved" and item["status"] == "False":
                return item["reason"], item["message"]
        return None

    def workload_is(self, namespace: str, name: str, condition: str) -> bool:
        """Whether a condition of the JobSet's Workload is True."""
        return any(true_conditions(self.world.workload(namespace, name).get("status", {}), condition))

    @abstractmethod
    def exit(self, pod: Json, code: int) -> None:
        """A pod's containers end with a code."""

    @abstractmethod
    def evict(self, pod: Json) -> None:
        """A pod is evicted."""

    @abstractmethod
    def lose_host(self, node: str) -> None:
        """A host vanishes, with its Node."""

    @abstractmethod
    def return_host(self, node: str) -> None:
        """GKE's repair: the host is there again under its name."""

    @abstractmethod
    def _new_namespace(self) -> str: ...


class Real(Side):
    """The control plane."""

    name = "real"

    def exit(self, pod: Json, code: int) -> None:
        self.world.exit(pod, code)

    def evict(self, pod: Json) -> None:
        self.world.evict(pod)

    def lose_host(self, node: str) -> None:
        nodes.remove_node(self.world.plane.api, node)

    def return_host(self, node: str) -> None:
        (pool,) = [pool for pool in self.world.pools if node in pool.node_names()]
        self.world.add_nodes([host for host in pool.nodes() if host["metadata"]["name"] == node])

    def _new_namespace(self) -> str:
        return self.world.plane.new_namespace("both")


class Emulated(Side):
    """The emulator; its disasters are faults of its control route."""

    name = "emulator"

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url, world)
        self._faults = f"{url}/_emulator/faults"
        self._namespaces = 0

    def exit(self, pod: Json, code: int) -> None:
        self._pod_fault("pod-exit", pod, code=code)

    def evict(self, pod: Json) -> None:
        self._pod_fault("pod-evicted", pod)

    def lose_host(self, node: str) -> None:
        self._fault({"world": "host-lost", "cluster": "c1", "node": node})

    def return_host(self, node: str) -> None:
        """It comes back by itself, as on GKE."""

    def _new_namespace(self) -> str:
        self._namespaces += 1
        name = f"both-{self._namespaces}"
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        self.wait(lambda: self.kube.get(account) is not None, "the default ServiceAccount")
        return name

    def _pod_fault(self, kind: str, pod: Json, **more: object) -> None:
        metadata = pod["metadata"]
        place = {"namespace": metadata["namespace"], "pod": metadata["name"]}
        self._fault({"world": kind, "cluster": "c1", **place, **more})

    def _fault(self, fault: Json) -> None:
        request = urllib.request.Request(self._faults, json.dumps(fault).encode(), method="POST")
        urllib.request.urlopen(request, timeout=60).close()


class _Patience:
    """All that `World` needs of a control plane for looking at one."""

    def wait(self, done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = Deadline(seconds)
        while not done():
            assert deadline.pause(), f"{what}: not so after {seconds:.0f} seconds"


@contextlib.contextmanager
def opened(request: pytest.FixtureRequest) -> Iterator[Side]:
    """The server that the fixture's parameter names, with the cluster."""
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("NO_PROXY", "127.0.0.1")
        if request.param == "emulator":
            yield stack.enter_context(_emulated())
        else:
            yield stack.enter_context(_real(request.getfixturevalue("control_plane")))


@contextlib.contextmanager
def opened_both(plane: ControlPlane) -> Iterator[tuple[Side, Side]]:
    """The real server and the emulator, with a cluster on each."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield stack.enter_context(_real(plane)), stack.enter_context(_emulated())


@contextlib.contextmanager
def _emulated() -> Iterator[Side]:
    spec = cluster_spec()
    with (
        Emulator(port=0, time_scale=0.001) as emulator,
        Cloud(emulated(emulator.url), environ={}, retrier=Retrier(sleep=lambda _: None)) as cloud,
    ):
        plan = plan_cluster(spec, observe_cluster(cloud, spec))
        apply(plan, cloud, PLACE.cluster("c1"), on_event=lambda _: None)
        kube = Kube(emulated(emulator.url), anonymous(), CLUSTER, {})
        yield Emulated(emulator.url, World(cast("ControlPlane", _Patience()), kube))
        kube.close()


@contextlib.contextmanager
def _real(plane: ControlPlane) -> Iterator[Side]:
    spec = cluster_spec()
    steps = plan_cluster(spec, Observed.nothing()).steps
    applied = ApplyObject | ApplyCounted
    manifests = [planned.step.manifest for planned in steps if isinstance(planned.step, applied)]
    with Gateway(plane) as gateway:
        kube = Kube(emulated(gateway.url), anonymous(), CLUSTER, {})
        world = World(plane, kube)
        world.add_pools(tpu_pool(name) for name in spec.pool_names)
        world.apply(manifests)
        yield Real(gateway.url, world)
        world.remove(reversed(manifests))
        kube.close()


@contextlib.contextmanager
def cordoned(side: Side, *nodes: str) -> Iterator[None]:
    """No new pod comes to these hosts for the length of a block."""

    def mark(value: bool) -> None:
        patch = {"spec": {"unschedulable": value}}
        for node in nodes:
            side.call("PATCH", f"/api/v1/nodes/{node}", patch, form="application/merge-patch+json")

    mark(True)
    try:
        yield
    finally:
        mark(False)


@pytest.fixture(scope="module", params=SERVERS)
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """A cluster on each of the two servers in turn."""
    with opened(request) as found:
        yield found


@pytest.fixture
def namespace(side: Side) -> str:
    """A fresh namespace with its entrance to the queue."""
    return side.namespace()
