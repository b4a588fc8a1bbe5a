"""The workloads of a cluster: list them, choose from them. A few requests, however many there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpk.engine import slim
from xpk.engine.kube_reads import JOBSET_API, KUEUE
from xpk.engine.pods import JOBSET_LABEL
from xpk.engine.queue_closed import closed_queues
from xpk.engine.queue_order import by_jobset, cluster_queue_of, positions
from xpk.engine.reads import together
from xpk.engine.settle import LOOK, Waiting
from xpk.engine.status import FILTERS, State, WorkloadStatus, status_of
from xpk.engine.wire import CloudApi, Json, KubeApi
from xpk.errors import Fault, FaultCollector, StateError, UsageError
from xpk.spec.cluster import Place

JOBSETS = f"{JOBSET_API}/jobsets"
_OPEN: Mapping[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which workloads are meant: by state, by a regular expression on the name, by namespace (None: all)."""

    states: frozenset[State] = FILTERS["EVERYTHING"]
    job: re.Pattern[str] | None = None
    namespace: str | None = None

    def takes(self, status: WorkloadStatus) -> bool:
        """Whether a workload is meant."""
        return status.state in self.states and (self.job is None or bool(self.job.search(status.name)))


def parse_filter(status: str = "EVERYTHING", job: str | None = None, namespace: str | None = None) -> Filter:
    """Read `--filter-by-status` and `--filter-by-job`.

    The latter is a regular expression that is searched for in the name, as xpk documents it; a plain
    name therefore matches all names that contain it, as it does in xpk. `^run1$` is one name.
    Raises UsageError.
    """
    faults = FaultCollector()
    states = FILTERS.get(status.upper())
    if states is None:
        faults.add(f"--filter-by-status {status}", "not a word of this filter", ", ".join(FILTERS))
    pattern: re.Pattern[str] | None = None
    try:
        pattern = re.compile(job) if job is not None else None
    except re.error as error:
        faults.add(
            f"--filter-by-job {job}", f"not a regular expression: {error.msg}", "--filter-by-job '^run1$'"
        )
    faults.raise_if_any(UsageError)
    return Filter(states or frozenset(), pattern, namespace)


@dataclass(frozen=True, slots=True)
class Found:
    """A workload: its JobSet as it is, and its status."""

    jobset: Json
    status: WorkloadStatus


def list_workloads(
    cloud: CloudApi,
    place: Place,
    cluster: str,
    chosen: Filter | None = None,
    waiting: Waiting | None = None,
) -> list[WorkloadStatus]:
    """The workloads of a cluster, newest first. Raises StateError when there is no such cluster."""
    return [found.status for found in find_workloads(cloud, place, cluster, chosen, waiting)]


def find_workloads(
    cloud: CloudApi,
    place: Place,
    cluster: str,
    chosen: Filter | None = None,
    waiting: Waiting | None = None,
) -> list[Found]:
    """The same with their JobSets, which `plan_workload_delete` takes.

    Waits while GKE works on the control plane. Raises NotReady when that takes too long.
    """
    chosen = chosen or Filter()
    kube = connect(cloud, place, cluster)
    found = (waiting or Waiting(within=LOOK)).answer(
        cloud, place.cluster(cluster), lambda: read_workloads(kube, chosen.namespace)
    )
    return [item for item in found if chosen.takes(item.status)]


def connect(cloud: CloudApi, place: Place, cluster: str) -> KubeApi:
    """The Kubernetes API of a cluster. Raises StateError when there is no such cluster."""
    full_name = place.cluster(cluster)
    found = cloud.gke.get_cluster(full_name)
    if found is None:
        where = f"no such cluster in project {place.project}, {place.region}"
        raise StateError(Fault(f"--cluster {cluster}", where, "xpk cluster list"))
    if found.get("status") == "PROVISIONING":
        fix = f"xpk cluster describe --cluster {cluster}"
        raise StateError(Fault(f"--cluster {cluster}", "is still being created", fix))
    return cloud.kube(full_name, found)


def read_workloads(kube: KubeApi, namespace: str | None = None) -> list[Found]:
    """All workloads of all namespaces, or of one, newest first.

    Four lists, and a look at a queue that is closed.
    """
    inside = f"/namespaces/{namespace}" if namespace else ""
    jobsets, workloads, pods, queues = together(
        [
            lambda: kube.list(f"{JOBSET_API}{inside}/jobsets", keep=slim.jobset),
            lambda: kube.list(f"{KUEUE}{inside}/workloads", keep=slim.queued),
            lambda: kube.list(f"/api/v1{inside}/pods", label_selector=JOBSET_LABEL, keep=slim.pod),
            lambda: kube.list(f"{KUEUE}{inside}/localqueues"),
        ]
    )
    return assemble(jobsets, workloads, pods, queues, closed_queues(kube, workloads, queues))


def assemble(
    jobsets: Sequence[Json],
    workloads: Sequence[Json],
    pods: Sequence[Json],
    queues: Sequence[Json],
    closed: Mapping[tuple[str, str], str] = _OPEN,
) -> list[Found]:
    """Put the lists together. `closed`: of each LocalQueue that takes nobody in, why. Pure."""
    kueue, places = by_jobset(workloads, jobsets), positions(workloads, cluster_queue_of(queues))
    mine: dict[tuple[str, str], list[Json]] = {}
    for pod in pods:
        metadata = pod["metadata"]
        key = (str(metadata.get("namespace", "default")), str(metadata.get("labels", {}).get(JOBSET_LABEL)))
        mine.setdefault(key, []).append(pod)
    found = []
    for jobset in jobsets:
        key = (str(jobset["metadata"].get("namespace", "default")), str(jobset["metadata"]["name"]))
        workload = kueue.get(key)
        why = closed.get((key[0], str((workload or {}).get("spec", {}).get("queueName", ""))), "")
        status = status_of(jobset, workload, mine.get(key, ()), places.get(key), why)
        found.append(Found(jobset, status))
    found.sort(key=lambda item: (item.status.namespace, item.status.name))
    return sorted(found, key=lambda item: item.status.created, reverse=True)
