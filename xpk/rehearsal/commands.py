"""The two commands of the guide to emergency checkpointing, as a rehearsal types them. Pure."""

from __future__ import annotations

from xpk.rehearsal.conduct.scenario import Scenario
from xpk.rehearsal.story import CLUSTER, GKE_VERSION, WORKLOAD


def cluster_create(scenario: Scenario) -> list[str]:
    """The words of `xpk cluster create`."""
    return [
        *("cluster", "create", "--cluster", CLUSTER),
        "--cluster-cpu-machine-type=n2-standard-8",
        f"--num-slices={scenario.num_slices}",
        f"--tpu-type={scenario.slice_type.name}",
        "--enable-mtc",
        "--enable-gcsfuse-csi-driver",
        f"--mtc-ramdisk-size={scenario.ramdisk_text}",
        f"--mtc-gcs-bucket=gs://{scenario.bucket}",
        f"--gke-version={GKE_VERSION}",
        "--yes",
    ]


def workload_create(scenario: Scenario) -> list[str]:
    """The words of `xpk workload create`. The budget is never what ends a rehearsal's restarts."""
    restarts = max(50, 2 * len(scenario.moments))
    return [
        *("workload", "create", "--cluster", CLUSTER),
        *("--docker-image", "gcr.io/rehearsal-1/mtc_runner:latest"),
        *("--workload", WORKLOAD),
        f"--tpu-type={scenario.slice_type.name}",
        f"--num-slices={scenario.num_slices}",
        f"--ramdisk-directory={scenario.mount_path}",
        "--mtc-enabled",
        f"--max-restarts={restarts}",
        f"--termination-grace-period-seconds={scenario.grace_seconds}",
        *("--command", scenario.command),
    ]
