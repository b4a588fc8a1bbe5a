"""`gcloud container node-pools create`: which field of the API's `NodePool` each flag is.

What a default pool shares is in `gcloud_pool.py`, and so are the sources.
"""

from __future__ import annotations

from functools import cache

from xpk.spec import gcloud_compound as compound
from xpk.spec import gcloud_value as value
from xpk.spec.gcloud_pool import node_rows
from xpk.spec.gcloud_row import Refused, Row, choice, each, only_on, read, switch, text

LOGGING_VARIANTS = {"DEFAULT": "DEFAULT", "MAX_THROUGHPUT": "MAX_THROUGHPUT"}
CONFIDENTIAL = {"sev": "SEV", "sev_snp": "SEV_SNP", "tdx": "TDX"}


@cache
def nodepool_rows() -> dict[str, Row]:
    """Every flag for a TPU slice pool, by its name with the two dashes."""
    return {**node_rows(), **_pool(), **_networks(), **_owned(), **_never()}


def _pool() -> dict[str, Row]:
    confidential = ("config", "confidentialNodes")
    policy = ("placementPolicy",)
    return {
        "--enable-image-streaming": switch(("config", "gcfsConfig", "enabled")),
        "--labels": read(("config", "resourceLabels"), value.mapping, "team=research", append=True),
        "--logging-variant": choice(
            ("config", "loggingConfig", "variantConfig", "variant"), LOGGING_VARIANTS
        ),
        "--placement-type": choice(
            (*policy, "type"), {"COMPACT": "COMPACT", "UNSPECIFIED": "TYPE_UNSPECIFIED"}
        ),
        "--placement-policy": text((*policy, "policyName"), "my-workload-policy"),
        "--max-run-duration": read(("config", "maxRunDuration"), value.seconds, "7d"),
        "--enable-confidential-nodes": switch((*confidential, "enabled")),
        "--confidential-node-type": choice((*confidential, "confidentialInstanceType"), CONFIDENTIAL),
        "--local-ssd-encryption-mode": choice(
            ("config", "localSsdEncryptionMode"),
            {k: k for k in ("STANDARD_ENCRYPTION", "EPHEMERAL_KEY_ENCRYPTION")},
        ),
    }


def _networks() -> dict[str, Row]:
    network = ("networkConfig",)
    return {
        "--additional-node-network": each(
            (*network, "additionalNodeNetworkConfigs"), compound.node_network, "network=n1,subnetwork=s1"
        ),
        "--additional-pod-network": each(
            (*network, "additionalPodNetworkConfigs"), compound.pod_network, "subnetwork=s1,pod-ipv4-range=r1"
        ),
        "--accelerator-network-profile": text((*network, "acceleratorNetworkProfile"), "auto"),
        "--enable-private-nodes": switch((*network, "enablePrivateNodes")),
        "--pod-ipv4-range": text((*network, "podRange"), "pods"),
        "--create-pod-ipv4-range": read(network, compound.new_pod_range, "name=pods,range=/20", append=True),
        "--subnetwork": text((*network, "subnetwork"), "projects/p/regions/r/subnetworks/s"),
        "--disable-pod-cidr-overprovision": only_on(
            ((*network, "podCidrOverprovisionConfig", "disable"), True, False)
        ),
        "--network-performance-configs": read(
            (*network, "networkPerformanceConfig"), compound.bandwidth, "total-egress-bandwidth-tier=TIER_1"
        ),
    }


def _owned() -> dict[str, Row]:
    return {
        "--machine-type": Refused("the slice decides it", "--tpu-type"),
        "--tpu-topology": Refused("the slice decides it", "--tpu-type=v5p-4x4x8"),
        "--num-nodes": Refused("the slice decides it: one node per host", "--tpu-type and --num-slices"),
        "--node-locations": Refused("a slice stands in one zone", "--zone"),
        "--node-version": Refused("pools follow the cluster's version", "--gke-version"),
        "--cluster": Refused("the pools belong to the cluster of this command", "--cluster of this command"),
        "--spot": Refused("Kueue and the report need to know it", "--spot of this command"),
        "--reservation": Refused("Kueue and the report need to know it", "--reservation of this command"),
        "--reservation-affinity": Refused("it follows from the capacity", "--reservation of this command"),
        "--flex-start": Refused("Kueue and the report need to know it", "--flex of this command"),
        "--enable-queued-provisioning": Refused("it follows from the capacity", "--flex of this command"),
        "--host-maintenance-interval": Refused(
            "this command has it itself", "--host-maintenance-interval of this command"
        ),
    }


def _never() -> dict[str, Row]:
    return {
        "--enable-best-effort-provision": Refused("a slice needs all of its hosts", "leave it out"),
        "--min-provision-nodes": Refused("a slice needs all of its hosts", "leave it out"),
        "--windows-os-version": Refused("TPU nodes run Linux", "leave it out"),
        "--gpudirect-strategy": Refused("it is for GPUs", "leave it out"),
    }
