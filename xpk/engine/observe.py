"""One look at a project, for a plan: reads only, made at once, few, and not more for more slices.

Facts in, facts out: what they mean is decided in `plan/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from xpk.engine.buckets import bucket_reads, bucket_state
from xpk.engine.kube_reads import KubeState, read_for_cluster, read_for_deletion, read_for_workload, read_work
from xpk.engine.reads import together
from xpk.engine.settle import Waiting as Waiting
from xpk.engine.wire import CloudApi, Json, KubeApi
from xpk.errors import AccessError, Fault, Interrupted, UsageError, XpkError
from xpk.plan.adapt import as_found
from xpk.plan.bucket import OBJECT_USER, driver_principal
from xpk.plan.cluster import touches_hosts
from xpk.plan.deletion import has_mtc
from xpk.plan.observed import BucketState, Observed, ReleaseFile
from xpk.plan.record import record_of, recorded_buckets
from xpk.plan.releases import RELEASES, read_release_file, wants_file
from xpk.plan.steps import ObjectRef
from xpk.spec.cluster import ClusterSpec, Place
from xpk.spec.workload import WorkloadSpec

_SERVING = frozenset({"RUNNING", "RECONCILING", "DEGRADED"})
_COMPONENTS: tuple[Literal["JobSet", "Kueue"], ...] = ("JobSet", "Kueue")


def observe_cluster(cloud: CloudApi, spec: ClusterSpec, waiting: Waiting | None = None) -> Observed:
    """What `cluster create` needs to know, release files too where they will be installed.

    Waits for operations of an earlier run unless told otherwise (a dry run does not wait).
    Raises AccessError, CloudError or NotReady; UsageError for a file of the user's that cannot be read.
    """
    waiting = waiting or Waiting()
    reads: list[Callable[[], Any]] = [lambda: cloud.gke.get_cluster(spec.full_name)]
    versions = spec.gke_version is not None
    reads.append((lambda: cloud.gke.server_config(spec.place.parent)) if versions else _nothing)
    reads.append(_number(cloud, spec.place, needed=spec.mtc is not None and spec.project_number is None))
    reads += bucket_reads(cloud.storage, spec.mtc.bucket) if spec.mtc else []
    cluster, server, number, *bucket = together(reads)
    cluster = waiting.settle(cloud, spec.full_name, cluster)
    observed = Observed(
        live=True,
        cluster=cluster,
        server_config=server,
        project_number=number or spec.project_number,
        bucket=bucket_state(spec.mtc.bucket, *bucket) if spec.mtc else None,
    )
    if cluster is None:
        return observed if spec.adapt else _observe_absent(cloud, spec, observed)
    spec = as_found(spec, observed)
    if cluster.get("status") in _SERVING:
        kube = cloud.kube(spec.full_name, cluster)
        state = waiting.answer(
            cloud, spec.full_name, lambda: read_for_cluster(kube, spec.name, mtc=spec.mtc is not None)
        )
        observed = _with(observed, state)
        observed = replace(observed, releases=_release_files(cloud, spec, observed))
        if touches_hosts(spec, observed):
            work = waiting.answer(cloud, spec.full_name, lambda: read_work(kube))
            hosts, running = work.tpu_hosts, work.running
            observed = replace(observed, tpu_hosts=hosts, running=running, mounting=work.mounting)
    return observed


def _observe_absent(cloud: CloudApi, spec: ClusterSpec, observed: Observed) -> Observed:
    """A new cluster: the versions that are offered, and both release files."""
    versions: list[Json] = [] if observed.server_config is None else [observed.server_config]

    def read_versions() -> None:
        if not versions:
            versions.append(cloud.gke.server_config(spec.place.parent))

    files: dict[Literal["JobSet", "Kueue"], ReleaseFile] = {}
    together([read_versions, lambda: files.update(_release_files(cloud, spec, observed))])
    return replace(observed, server_config=versions[0], releases=files)


def _release_files(
    cloud: CloudApi, spec: ClusterSpec, observed: Observed
) -> dict[Literal["JobSet", "Kueue"], ReleaseFile]:
    """The files that a plan made from `observed` would install."""
    wanted = [component for component in _COMPONENTS if wants_file(component, spec, observed)]
    files = together([_reader(cloud, spec, component) for component in wanted])
    return dict(zip(wanted, files, strict=True))


def _reader(
    cloud: CloudApi, spec: ClusterSpec, component: Literal["JobSet", "Kueue"]
) -> Callable[[], ReleaseFile]:
    release, controllers = RELEASES[component], spec.controllers
    jobset = component == "JobSet"
    path = controllers.jobset_manifest if jobset else controllers.kueue_manifest
    digest = controllers.jobset_sha256 if jobset else controllers.kueue_sha256

    def read() -> ReleaseFile:
        data = cloud.fetch_release(release.path) if path is None else _file(path, component)
        return read_release_file(release, path or release.path, data, digest)

    return read


def _file(path: str, component: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        why = f"cannot be read: {error.strerror or type(error).__name__}"
        what = f"--{component.lower()}-manifest {path}"
        raise UsageError(
            Fault(what, why, "name a file, or leave the flag out to fetch the release")
        ) from error


def observe_workload(
    cloud: CloudApi,
    spec: WorkloadSpec,
    place: Place,
    number: str | None = None,
    waiting: Waiting | None = None,
) -> Observed:
    """What `workload create` needs to know. `number` is the project's number where the user named it.

    Waits while GKE works on the control plane. Raises NotReady when that takes too long.
    """
    full_name = place.cluster(spec.cluster)
    buckets = list(dict.fromkeys(mount.bucket for mount in spec.mounts))
    reads: list[Callable[[], Any]] = [lambda: cloud.gke.get_cluster(full_name)]
    reads.append(_number(cloud, place, needed=bool(buckets) and number is None))
    for bucket in buckets:
        reads += bucket_reads(cloud.storage, bucket)
    cluster, found, *rest = together(reads)
    states = {b: bucket_state(b, *rest[3 * i : 3 * i + 3]) for i, b in enumerate(buckets)}
    observed = Observed(live=True, cluster=cluster, project_number=found or number, buckets=states)
    if cluster is None or cluster.get("status") not in _SERVING:
        return observed
    kube = cloud.kube(full_name, cluster)
    found_there = (waiting or Waiting()).answer(
        cloud,
        full_name,
        lambda: read_for_workload(kube, spec.name, spec.namespace, spec.cluster, spec.service_account),
    )
    return _with(observed, found_there)


def observe_deletion(cloud: CloudApi, place: Place, name: str, waiting: Waiting | None = None) -> Observed:
    """What `cluster delete` needs to know: what goes with the cluster, and who else uses the grant.

    A cluster whose Kubernetes does not answer can be deleted all the same: what runs there is
    then unknown, and the grant stays.
    """
    waiting = waiting or Waiting()
    full_name = place.cluster(name)
    everywhere = f"projects/{place.project}/locations/-"
    reads: list[Callable[[], Any]] = [
        lambda: cloud.gke.get_cluster(full_name),
        lambda: cloud.gke.list_clusters(everywhere),
    ]
    cluster, clusters = together(reads)
    cluster = waiting.settle(cloud, full_name, cluster)
    others = tuple(
        sorted(
            str(c["name"])
            for c in clusters
            if has_mtc(c) and (c["name"], c.get("location")) != (name, place.region)
        )
    )
    observed = Observed(live=True, cluster=cluster, other_clusters=others)
    if cluster is None or cluster.get("status") not in _SERVING:
        return observed
    try:
        kube = cloud.kube(full_name, cluster)
        observed = _with(observed, waiting.answer(cloud, full_name, lambda: read_for_deletion(kube, name)))
    except (AccessError, Interrupted):
        raise
    except XpkError:
        observed = _with_record(observed, cloud.kube(full_name, cluster), name)
    return _with_grant(cloud, place, name, observed)


def _with_record(observed: Observed, kube: KubeApi, name: str) -> Observed:
    """The record alone, if only what runs there cannot be read: without it the grant would stay."""
    path = f"/api/v1/namespaces/default/configmaps/{name}-metadata-configmap"
    try:
        record = kube.get(path)
    except XpkError:
        return observed
    return observed if record is None else replace(observed, objects={ObjectRef.of(record): record})


def _with_grant(cloud: CloudApi, place: Place, name: str, observed: Observed) -> Observed:
    """The buckets that the cluster's record names, and who has which role on them."""
    buckets = recorded_buckets(record_of(name, observed))
    if not buckets:
        return observed
    number = cloud.projects.project_number(place.project)
    states: dict[str, BucketState] = {}
    for bucket in buckets:
        try:
            states[bucket] = bucket_state(bucket, *together(bucket_reads(cloud.storage, bucket)))
        except XpkError:
            # Unreadable is no reason to keep the cluster, nor to leave the grant without a word: the
            # plan then takes it back, and says so if that is not allowed.
            member = driver_principal(place.project, number)
            states[bucket] = BucketState(bucket, {}, True, ((OBJECT_USER, (member,)),))
    return replace(observed, project_number=number, buckets=states)


def _number(cloud: CloudApi, place: Place, *, needed: bool) -> Callable[[], Any]:
    return (lambda: cloud.projects.project_number(place.project)) if needed else _nothing


def _nothing() -> None:
    """A read that is not needed."""


def _with(observed: Observed, state: KubeState) -> Observed:
    return replace(
        observed,
        objects=state.objects,
        driver=state.driver,
        tpu_hosts=state.tpu_hosts,
        running=state.running,
    )
