"""Readers for gcloud values that become a whole message of the API, such as `network=N,subnetwork=S`.

Like `gcloud_value.py`, whose single values these are made of, nothing here knows a flag.
"""

from __future__ import annotations

from typing import Any

from xpk.spec import gcloud_value as value
from xpk.spec.api_field import AUTHORIZED, Json
from xpk.spec.gcloud_row import Draft

_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}


def node_network(given: str) -> Json:
    """One more network interface of every host."""
    keys = ("network", "subnetwork")
    return dict(value.record(given, keys, keys))


def pod_network(given: str) -> Json:
    """Pod addresses on one more network interface."""
    keys = ("subnetwork", "pod-ipv4-range", "max-pods-per-node")
    found = value.record(given, keys, ("pod-ipv4-range",))
    message: Json = {"secondaryPodRange": found["pod-ipv4-range"]}
    if subnetwork := found.get("subnetwork"):
        message["subnetwork"] = subnetwork
    if pods := found.get("max-pods-per-node"):
        message["maxPodsPerNode"] = {"maxPodsPerNode": value.whole(pods, 1, 256)}
    return message


def new_pod_range(given: str) -> Json:
    """A secondary range for the pods of this pool, made by GKE."""
    found = value.record(given, ("name", "range"))
    message: Json = {"createPodRange": True}
    if name := found.get("name"):
        message["podRange"] = name
    if size := found.get("range"):
        message["podIpv4CidrBlock"] = value.cidr_or_size(size)
    return message


def ip_range(given: str) -> Json:
    """One more subnetwork for pods: `subnetwork=S,pod-ipv4-range=R`."""
    found = value.record(given, ("subnetwork", "pod-ipv4-range"), ("subnetwork",))
    message: Json = {"subnetwork": found["subnetwork"]}
    if pods := found.get("pod-ipv4-range"):
        message["podIpv4RangeNames"] = pods.split(";")
    return message


def subnetwork_drafts(given: str) -> tuple[Draft, ...]:
    """`--create-subnetwork`: an empty value has GKE choose the name and the range."""
    found = value.record(given, ("name", "range")) if given.strip() else {}
    drafts: list[Draft] = [
        (("ipAllocationPolicy", "createSubnetwork"), True, False),
        (("ipAllocationPolicy", "useIpAliases"), True, False),
    ]
    if name := found.get("name"):
        drafts.append((("ipAllocationPolicy", "subnetworkName"), name, False))
    if size := found.get("range"):
        drafts.append((("ipAllocationPolicy", "nodeIpv4CidrBlock"), value.cidr_or_size(size), False))
    return tuple(drafts)


def authorized_networks(given: str) -> tuple[Draft, ...]:
    """Networks that may reach the control plane. `enabled` comes with them."""
    blocks = [{"cidrBlock": value.cidr(each)} for each in value.words(given)]
    return (((*AUTHORIZED, "enabled"), True, False), ((*AUTHORIZED, "cidrBlocks"), blocks, True))


def taints(given: str) -> list[Any]:
    """`KEY=VALUE:EFFECT,...`; Kubernetes lets the value be empty."""
    found: list[Any] = []
    for part in value.words(given):
        pair, colon, effect = part.rpartition(":")
        key, _, item = pair.partition("=")
        if not colon or not key:
            raise value.BadValue(f"{part!r} is not KEY=VALUE:EFFECT", "dedicated=training:NoSchedule")
        found.append({"key": key, "value": item, "effect": value.choice(effect, _EFFECTS)})
    return found


def local_ssds(given: str) -> Json:
    """`count=N` local SSDs."""
    return {"localSsdCount": value.whole(value.record(given, ("count",), ("count",))["count"], 1, 24)}


def boot_disk(given: str) -> Json:
    """A disk image with preloaded container images."""
    found = value.record(given, ("disk-image", "mode"), ("disk-image",))
    message = {"diskImage": found["disk-image"]}
    if mode := found.get("mode"):
        message["mode"] = value.choice(mode, {"CONTAINER_IMAGE_CACHE": "CONTAINER_IMAGE_CACHE"})
    return message


def bandwidth(given: str) -> Json:
    """The egress bandwidth tier."""
    key = "total-egress-bandwidth-tier"
    tier = value.choice(value.record(given, (key,), (key,))[key], {"TIER_1": "TIER_1"})
    return {"totalEgressBandwidthTier": tier}


def rollout(given: str) -> Json:
    """How fast a blue-green upgrade moves nodes."""
    keys = ("batch-node-count", "batch-percent", "batch-soak-duration")
    found = value.record(given, keys)
    message: Json = {}
    if count := found.get("batch-node-count"):
        message["batchNodeCount"] = value.whole(count, 1)
    if percent := found.get("batch-percent"):
        message["batchPercentage"] = value.fraction(percent)
    if soak := found.get("batch-soak-duration"):
        message["batchSoakDuration"] = value.seconds(soak)
    return message


def notifications(given: str) -> Json:
    """`pubsub=ENABLED,pubsub-topic=projects/P/topics/T`."""
    found = value.record(given, ("pubsub", "pubsub-topic"), ("pubsub",))
    enabled = value.choice(found["pubsub"], {"ENABLED": "y", "DISABLED": ""}) == "y"
    message: Json = {"enabled": enabled}
    if topic := found.get("pubsub-topic"):
        message["topic"] = topic
    elif enabled:
        raise value.BadValue("pubsub-topic is missing", "pubsub=ENABLED,pubsub-topic=projects/P/topics/T")
    return message


def addons(given: str) -> tuple[Draft, ...]:
    """gcloud's add-on names; `NAME=DISABLED` turns one off."""
    drafts: list[Draft] = []
    for part in value.words(given):
        name, equals, state = part.partition("=")
        field, sense = ADDONS.get(value.choice(name, {known: known for known in ADDONS}), ("", ""))
        on = not equals or value.choice(state, {"ENABLED": "y", "DISABLED": ""}) == "y"
        drafts.append((("addonsConfig", field, sense), on if sense == "enabled" else not on, False))
    return tuple(drafts)


ADDONS = {
    "HttpLoadBalancing": ("httpLoadBalancing", "disabled"),
    "HorizontalPodAutoscaling": ("horizontalPodAutoscaling", "disabled"),
    "NetworkPolicy": ("networkPolicyConfig", "disabled"),
    "NodeLocalDNS": ("dnsCacheConfig", "enabled"),
    "ConfigConnector": ("configConnectorConfig", "enabled"),
    "GcePersistentDiskCsiDriver": ("gcePersistentDiskCsiDriverConfig", "enabled"),
    "GcpFilestoreCsiDriver": ("gcpFilestoreCsiDriverConfig", "enabled"),
    "BackupRestore": ("gkeBackupAgentConfig", "enabled"),
    "GcsFuseCsiDriver": ("gcsFuseCsiDriverConfig", "enabled"),
    "StatefulHA": ("statefulHaConfig", "enabled"),
    "ParallelstoreCsiDriver": ("parallelstoreCsiDriverConfig", "enabled"),
    "RayOperator": ("rayOperatorConfig", "enabled"),
    "HighScaleCheckpointing": ("highScaleCheckpointingConfig", "enabled"),
    "LustreCsiDriver": ("lustreCsiDriverConfig", "enabled"),
    "PodSnapshot": ("podSnapshotConfig", "enabled"),
    "SlurmOperator": ("slurmOperatorConfig", "enabled"),
    "SliceController": ("sliceControllerConfig", "enabled"),
    "AgentSandbox": ("agentSandboxConfig", "enabled"),
    "NodeReadinessController": ("nodeReadinessConfig", "enabled"),
}
"""gcloud's name of an add-on: its field in `AddonsConfig`, and how that says yes or no."""
