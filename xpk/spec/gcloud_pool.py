"""Flags that describe nodes: gcloud has them for node pools and for a cluster's default pool.

Paths are inside a `NodePool` of the API. Sources: the gcloud reference of `container
node-pools create` and `container clusters create`, and the field comments of
google.container.v1 `NodePool` and `NodeConfig`. What only one of the two commands has is in
`gcloud_slice.py` and `gcloud_cluster.py`.
"""

from __future__ import annotations

from functools import cache

from xpk.spec import gcloud_compound as compound
from xpk.spec import gcloud_value as value
from xpk.spec.gcloud_row import Refused, Row, choice, each, only_on, read, switch, text, whole
from xpk.spec.gcloud_scope import scopes

_FREE_UPGRADE = "GKE refuses this in a cluster with a release channel: --release-channel=None"

_WORKLOAD_METADATA = {
    "GKE_METADATA": "GKE_METADATA",
    "GCE_METADATA": "GCE_METADATA",
    "GKE_METADATA_SERVER": "GKE_METADATA",
    "EXPOSED": "GCE_METADATA",
}


@cache
def node_rows() -> dict[str, Row]:
    """Flags that both commands have, with paths inside a `NodePool`."""
    return {
        **_disks(),
        **_identity(),
        **_marks(),
        **_machine(),
        **_upgrades(),
        **_scaling(),
        **_not_for_tpus(),
    }


def _disks() -> dict[str, Row]:
    cached = ("config", "ephemeralStorageLocalSsdConfig")
    return {
        "--disk-size": read(("config", "diskSizeGb"), value.disk_gib, "100GB"),
        "--disk-type": choice(("config", "diskType"), dict(zip(_DISK_TYPES, _DISK_TYPES, strict=True))),
        "--boot-disk-kms-key": text(
            ("config", "bootDiskKmsKey"), "projects/p/locations/l/keyRings/r/cryptoKeys/k"
        ),
        "--boot-disk-provisioned-iops": whole(("config", "bootDisk", "provisionedIops"), "3000", 1),
        "--boot-disk-provisioned-throughput": whole(
            ("config", "bootDisk", "provisionedThroughput"), "140", 1
        ),
        "--local-ssd-count": whole(("config", "localSsdCount"), "1", 0, 24),
        "--data-cache-count": whole((*cached, "dataCacheCount"), "1", 1),
        "--ephemeral-storage-local-ssd": read(cached, compound.local_ssds, "count=1", append=True),
        "--local-nvme-ssd-block": read(("config", "localNvmeSsdBlockConfig"), compound.local_ssds, "count=1"),
        "--storage-pools": read(("config", "storagePools"), value.words, "projects/p/zones/z/storagePools/s"),
        "--secondary-boot-disk": each(
            ("config", "secondaryBootDisks"), compound.boot_disk, "disk-image=global/images/i"
        ),
        "--enable-confidential-storage": switch(("config", "enableConfidentialStorage")),
    }


_DISK_TYPES = (
    "pd-balanced",
    "pd-standard",
    "pd-ssd",
    "pd-extreme",
    "hyperdisk-balanced",
    "hyperdisk-extreme",
)


def _identity() -> dict[str, Row]:
    return {
        "--scopes": read(("config", "oauthScopes"), scopes, "storage-full,gke-default"),
        "--service-account": text(("config", "serviceAccount"), "sa@p1.iam.gserviceaccount.com"),
        "--workload-metadata": choice(("config", "workloadMetadataConfig", "mode"), _WORKLOAD_METADATA),
        "--shielded-secure-boot": switch(("config", "shieldedInstanceConfig", "enableSecureBoot")),
        "--shielded-integrity-monitoring": switch(
            ("config", "shieldedInstanceConfig", "enableIntegrityMonitoring")
        ),
        "--enable-insecure-kubelet-readonly-port": switch(
            ("config", "kubeletConfig", "insecureKubeletReadonlyPortEnabled")
        ),
    }


def _marks() -> dict[str, Row]:
    return {
        "--node-labels": read(("config", "labels"), value.mapping, "team=research", append=True),
        "--node-taints": read(("config", "taints"), compound.taints, "dedicated=ml:NoSchedule", append=True),
        "--tags": read(("config", "tags"), value.words, "training,tpu", append=True),
        "--metadata": read(("config", "metadata"), value.mapping, "serial-port-enable=true", append=True),
        "--resource-manager-tags": read(
            ("config", "resourceManagerTags", "tags"), value.mapping, "tagKeys/1=tagValues/2", append=True
        ),
    }


def _machine() -> dict[str, Row]:
    return {
        "--image-type": text(("config", "imageType"), "COS_CONTAINERD"),
        "--min-cpu-platform": text(("config", "minCpuPlatform"), "Intel Ice Lake"),
        "--threads-per-core": whole(("config", "advancedMachineFeatures", "threadsPerCore"), "1", 1, 2),
        "--enable-nested-virtualization": switch(
            ("config", "advancedMachineFeatures", "enableNestedVirtualization")
        ),
        "--enable-gvnic": switch(("config", "gvnic", "enabled")),
        "--max-pods-per-node": whole(("maxPodsConstraint", "maxPodsPerNode"), "15", 8, 256),
        "--linux-sysctls": read(
            ("config", "linuxNodeConfig", "sysctls"), value.mapping, "net.core.somaxconn=2048", append=True
        ),
    }


def _upgrades() -> dict[str, Row]:
    settings = ("upgradeSettings",)
    blue_green = ("upgradeSettings", "blueGreenSettings")
    return {
        "--enable-autorepair": switch(("management", "autoRepair"), note_off=_FREE_UPGRADE),
        "--enable-autoupgrade": switch(("management", "autoUpgrade"), note_off=_FREE_UPGRADE),
        "--max-surge-upgrade": whole((*settings, "maxSurge"), "1", 0, 20),
        "--max-unavailable-upgrade": whole((*settings, "maxUnavailable"), "0", 0, 20),
        "--enable-surge-upgrade": only_on(((*settings, "strategy"), "SURGE", False)),
        "--enable-blue-green-upgrade": only_on(((*settings, "strategy"), "BLUE_GREEN", False)),
        "--node-pool-soak-duration": read((*blue_green, "nodePoolSoakDuration"), value.seconds, "3600s"),
        "--standard-rollout-policy": read(
            (*blue_green, "standardRolloutPolicy"),
            compound.rollout,
            "batch-node-count=1",
        ),
    }


def _scaling() -> dict[str, Row]:
    scaling = ("autoscaling",)
    return {
        "--enable-autoscaling": switch((*scaling, "enabled")),
        "--min-nodes": whole((*scaling, "minNodeCount"), "1"),
        "--max-nodes": whole((*scaling, "maxNodeCount"), "10", 1),
        "--total-min-nodes": whole((*scaling, "totalMinNodeCount"), "1"),
        "--total-max-nodes": whole((*scaling, "totalMaxNodeCount"), "10", 1),
        "--location-policy": choice((*scaling, "locationPolicy"), {"BALANCED": "BALANCED", "ANY": "ANY"}),
    }


def _not_for_tpus() -> dict[str, Row]:
    from_file = "it names a file in gcloud's own form, which is not read"
    return {
        "--metadata-from-file": Refused(from_file, "--metadata=KEY=VALUE"),
        "--system-config-from-file": Refused(from_file, "--linux-sysctls=KEY=VALUE for kernel settings"),
        "--containerd-config-from-file": Refused(from_file, "gcloud container clusters update afterwards"),
        "--accelerator": Refused("it is for GPUs; a TPU comes with the machine type", "--tpu-type"),
        "--sandbox": Refused("GKE Sandbox does not run on TPU nodes", "leave it out"),
        "--sole-tenant-node-affinity-file": Refused(from_file, "leave it out"),
        "--node-group": Refused("there are no sole-tenant TPU machines", "leave it out"),
        "--enable-fast-socket": Refused("Fast Socket is for GPUs", "--enable-gvnic"),
        "--preemptible": Refused("it is the old form of spot machines", "--spot of this command, for slices"),
    }
