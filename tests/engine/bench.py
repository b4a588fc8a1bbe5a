"""A cluster and a cloud that answer as a test says, and a bench to carry out steps on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from xpk.cloud.errors import AlreadyExists, Conflict
from xpk.engine.apply import apply
from xpk.engine.events import Event, StepProgress
from xpk.engine.timing import Timing
from xpk.engine.wire import Json
from xpk.engine.workers import Workers
from xpk.errors import Fault
from xpk.plan.steps import Plan, PlannedStep, Step

CLUSTER = "projects/p/locations/us-east5/clusters/c"
FAULT = Fault("it", "cannot", "do")


class FakeKube:
    """Objects by path; `refuse` is raised, one after the other, by applies."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.lists: dict[str, list[Json]] = {}
        self.refuse: list[Exception] = []
        self.applied: list[tuple[str, bool]] = []
        self.gone_after: int | None = None
        self.on_get: Callable[[str], None] = lambda path: None

    def get(self, path: str, /) -> Json | None:
        self.on_get(path)
        if self.gone_after is not None:
            self.gone_after -= 1
            if self.gone_after < 0:
                self.objects.pop(path, None)
        return self.objects.get(path)

    def list(
        self,
        path: str,
        /,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        keep: Callable[[Json], Json] | None = None,
        metadata_only: bool = False,
    ) -> list[Json]:
        return self.lists.get(path, [])

    def apply(self, manifest: Json, /, *, force: bool = False) -> Json:
        if self.refuse:
            error = self.refuse.pop(0)
            raise error
        self.applied.append((str(manifest["metadata"]["name"]), force))
        self.objects[self.path_of(manifest)] = manifest
        return manifest

    def create(self, manifest: Json, /) -> Json:
        if self.refuse:
            raise self.refuse.pop(0)
        path = self.path_of(manifest)
        if path in self.objects:
            raise AlreadyExists(FAULT)
        self.objects[path] = manifest
        return manifest

    def delete(
        self,
        path: str,
        /,
        *,
        propagation: Literal["Foreground", "Background", "Orphan"] = "Foreground",
        uid: str = "",
    ) -> bool:
        found = self.objects.get(path)
        if found is not None and uid and found["metadata"].get("uid") != uid:
            raise Conflict(FAULT)
        return found is not None

    def path_of(self, manifest: Json, /) -> str:
        return f"/{manifest['kind']}/{manifest['metadata']['name']}"


class FakeCloud:
    """Everything at once: one cluster, one bucket."""

    def __init__(self, kube: FakeKube) -> None:
        self.fake_kube = kube
        self.cluster_reads = 0
        self.binding_errors: list[Exception] = []
        self.removing_errors: list[Exception] = []
        self.bindings: list[str] = []
        self.cluster: Json | None = {"name": "c"}
        self.clusters: list[Json] = []
        self.sent: list[str] = []

    @property
    def gke(self) -> Any:
        return self

    @property
    def storage(self) -> Any:
        return self

    @property
    def projects(self) -> Any:
        return self

    def kube(self, cluster_name: str, cluster_json: Json, /) -> FakeKube:
        return self.fake_kube

    def fetch_release(self, path: str, /) -> bytes:
        raise AssertionError("not while a plan is carried out")

    def get_cluster(self, name: str, /) -> Json | None:
        self.cluster_reads += 1
        return self.cluster

    def list_clusters(self, parent: str, /) -> list[Json]:
        assert parent == "projects/p/locations/-"
        return self.clusters

    def add_binding(self, bucket: str, role: str, member: str, /) -> bool:
        if self.binding_errors:
            raise self.binding_errors.pop(0)
        self.bindings.append(member)
        return True

    def remove_binding(self, bucket: str, role: str, member: str, /) -> bool:
        if self.removing_errors:
            raise self.removing_errors.pop(0)
        if member in self.bindings:
            self.bindings.remove(member)
        return True

    def send(self, method: str, path: str, body: Json | None = None, /) -> Json:
        self.sent.append(path)
        return {"name": "op", "status": "RUNNING"}

    def list_operations(self, parent: str, /, keep: object = None) -> list[Json]:
        message = "Not all instances running in IGM. Current errors: [GCE_STOCKOUT]: x"
        return [{"name": "op", "status": "DONE", "error": {"code": 8, "message": message}}]

    def get_node_pool(self, name: str, /) -> Json | None:
        text = "The zone does not have\x1b[31m enough resources"
        return {"name": "np", "status": "ERROR", "conditions": [{"code": "GCE_STOCKOUT", "message": text}]}


class Bench:
    def __init__(self, timing: Timing, workers: Workers) -> None:
        self.timing, self.workers = timing, workers
        self.kube = FakeKube()
        self.cloud = FakeCloud(self.kube)
        self.events: list[Event] = []

    def __call__(self, *steps: Step, **needs: tuple[str, ...]) -> None:
        planned = [PlannedStep(f"s{i}", step, needs.get(f"s{i}", ())) for i, step in enumerate(steps)]
        apply(
            Plan("test", tuple(planned)),
            self.cloud,
            CLUSTER,
            on_event=self.events.append,
            timing=self.timing,
            workers=self.workers,
        )

    @property
    def words(self) -> list[str]:
        return [event.words for event in self.events if isinstance(event, StepProgress)]
