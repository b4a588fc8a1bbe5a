"""The GKE version of a cluster: offered, new enough, and brought up but never down. Pure."""

from __future__ import annotations

from xpk.catalog.versions import MTC_DOCUMENTED, MTC_FLOOR, GkeVersion
from xpk.errors import FaultCollector, UsageError
from xpk.plan.observed import Observed
from xpk.plan.steps import Json, PlannedStep, UpdateCluster
from xpk.spec.cluster import ClusterSpec


def plan_version(spec: ClusterSpec, cluster: Json) -> list[PlannedStep]:
    """Bring the control plane up to the version asked for. Nodes follow when GKE upgrades them.

    Nodes are left alone: to upgrade them is to recreate them, which empties every ramdisk, and GKE
    lets them be two minor versions older than the control plane.
    """
    if not _upgrades(spec, cluster):
        return []
    what = f"control plane {_running(cluster)} -> {spec.gke_version}; nodes stay as they are"
    update = UpdateCluster(spec.full_name, {"desiredMasterVersion": str(spec.gke_version)}, what)
    return [PlannedStep("update/version", update)]


def older_note(spec: ClusterSpec, cluster: Json) -> str | None:
    """A sentence when an older version was asked for than the one that runs: GKE never goes down."""
    running = _running(cluster)
    if spec.gke_version is None or running is None or running <= spec.gke_version:
        return None
    return f"cluster {spec.name} runs GKE {running}, newer than --gke-version {spec.gke_version}: it stays so"


def check_running_version(spec: ClusterSpec, cluster: Json, faults: FaultCollector) -> None:
    """Checkpointing needs a version that neither runs nor was asked for."""
    running = _running(cluster)
    if not spec.mtc or running is None or running >= MTC_FLOOR or _upgrades(spec, cluster):
        return
    upgrade = (
        f"gcloud container clusters upgrade {spec.name} --master --cluster-version {MTC_DOCUMENTED} "
        f"--location {spec.place.region} --project {spec.place.project}"
    )
    again = f"the same command with --gke-version {MTC_DOCUMENTED}, or later, upgrades its control plane"
    faults.add(
        f"cluster {spec.name}",
        f"runs GKE {running}, multi-tier checkpointing needs {MTC_DOCUMENTED} or later",
        upgrade if spec.adapt else again,
    )


def _upgrades(spec: ClusterSpec, cluster: Json) -> bool:
    running = _running(cluster)
    return spec.gke_version is not None and running is not None and running < spec.gke_version


def _running(cluster: Json) -> GkeVersion | None:
    return _parse(str(cluster.get("currentMasterVersion", "")))


def check_offered(spec: ClusterSpec, observed: Observed, faults: FaultCollector) -> None:
    """The version asked for must be offered; without one, a new cluster's default must be new enough."""
    server = observed.server_config
    if server is None or (observed.cluster is not None and not _upgrades(spec, observed.cluster)):
        return
    channel, offered = _offered(server, observed.cluster or {})
    if spec.gke_version and offered and str(spec.gke_version) not in offered:
        known = sorted(v for v in map(_parse, offered) if v is not None)
        newer = [v for v in known if v >= spec.gke_version][:2] or known[-2:]
        faults.add(
            f"--gke-version {spec.gke_version}",
            f"{channel} in {spec.place.region}",
            " or ".join(f"--gke-version {v}" for v in newer),
        )
    default = _parse(_regular_default(server))
    if observed.cluster is None and spec.mtc and spec.gke_version is None and default and default < MTC_FLOOR:
        faults.add(
            "--enable-mtc",
            f"the default version here, {default}, is older than {MTC_DOCUMENTED}",
            f"--gke-version {MTC_DOCUMENTED} or later",
        )


def _offered(server: Json, cluster: Json) -> tuple[str, set[str]]:
    """The versions that a cluster can have, and who does not offer others.

    A new cluster is put into the channel that has its version; one that is there stays in its own.
    """
    own = cluster.get("releaseChannel", {}).get("channel")
    channels = {
        str(one.get("channel")): set(one.get("validVersions", [])) for one in server.get("channels", [])
    }
    if own in channels:
        return f"release channel {own}, in which the cluster is, does not offer it", channels[own]
    return "no release channel offers it", set(server.get("validMasterVersions", [])).union(
        *channels.values()
    )


def _regular_default(server: Json) -> str:
    for channel in server.get("channels", []):
        if channel.get("channel") == "REGULAR":
            return str(channel.get("defaultVersion", ""))
    return str(server.get("defaultClusterVersion", ""))


def _parse(text: str) -> GkeVersion | None:
    try:
        return GkeVersion.parse(text)
    except UsageError:
        return None
