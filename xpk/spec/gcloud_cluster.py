"""`gcloud container clusters create`: which field of the API's `Cluster` each flag is.

Flags for nodes are those of the default (CPU) pool and come from `gcloud_pool.py`; flags about
addresses are in `gcloud_network.py`. Sources: the gcloud reference of the command and the field
comments of google.container.v1 `Cluster`.
"""

from __future__ import annotations

from functools import cache

from xpk.spec import gcloud_compound as compound
from xpk.spec import gcloud_value as value
from xpk.spec.api_field import DEFAULT_POOL
from xpk.spec.gcloud_network import network_rows
from xpk.spec.gcloud_pool import node_rows
from xpk.spec.gcloud_row import Draft, Refused, Row, Takes, choice, only_on, picks, read, switch, text, within
from xpk.spec.gcloud_slice import CONFIDENTIAL, LOGGING_VARIANTS

_NOT_DISABLED = "gcloud's list also disables add-ons that are not in it; here they stay as GKE has them"
_NO_AUTOPROVISIONING = "slices are whole node pools of their own; node auto-provisioning would make others"
_TOPIC = "pubsub=ENABLED,pubsub-topic=projects/p/topics/t"
_SPOT_CPU = "the CPU pool runs the controllers, which have to stay"


@cache
def cluster_rows() -> dict[str, Row]:
    """Every flag for a cluster, by its name with the two dashes."""
    return {
        **within(DEFAULT_POOL, node_rows()),
        **network_rows(),
        **_basics(),
        **_identity(),
        **_security(),
        **_logs(),
        **_node_defaults(),
        **_maintenance(),
        **_owned(),
        **_never(),
    }


_CHANNELS = {
    "rapid": "RAPID",
    "regular": "REGULAR",
    "stable": "STABLE",
    "extended": "EXTENDED",
    "None": "UNSPECIFIED",
}


def _basics() -> dict[str, Row]:
    lustre = ("addonsConfig", "lustreCsiDriverConfig")
    ray = ("addonsConfig", "rayOperatorConfig")
    return {
        "--release-channel": choice(("releaseChannel", "channel"), _CHANNELS),
        "--addons": Takes(compound.addons, "GcsFuseCsiDriver,HighScaleCheckpointing", note=_NOT_DISABLED),
        "--enable-legacy-lustre-port": switch((*lustre, "enableLegacyLustrePort")),
        "--disable-multi-nic-lustre": only_on(((*lustre, "disableMultiNic"), True, False)),
        "--enable-ray-cluster-logging": switch((*ray, "rayClusterLoggingConfig", "enabled")),
        "--enable-ray-cluster-monitoring": switch((*ray, "rayClusterMonitoringConfig", "enabled")),
        "--enable-managed-mldiagnostics": switch(("managedMachineLearningDiagnosticsConfig", "enabled")),
        "--labels": read(("resourceLabels",), value.mapping, "team=research", append=True),
        "--description": text(("description",), "training cluster"),
        "--autoscaling-profile": choice(
            ("autoscaling", "autoscalingProfile"),
            {"optimize-utilization": "OPTIMIZE_UTILIZATION", "balanced": "BALANCED"},
        ),
        "--enable-vertical-pod-autoscaling": switch(("verticalPodAutoscaling", "enabled")),
        "--hpa-profile": choice(
            ("podAutoscaling", "hpaProfile"), {"none": "NONE", "performance": "PERFORMANCE"}
        ),
        "--enable-cost-allocation": switch(("costManagementConfig", "enabled")),
        "--enable-default-compute-class": switch(("autoscaling", "defaultComputeClassConfig", "enabled")),
        "--enable-kubernetes-unstable-apis": read(
            ("enableK8sBetaApis", "enabledApis"), value.words, "networking.k8s.io/v1beta1/servicecidrs"
        ),
        "--notification-config": read(
            ("notificationConfig", "pubsub"),
            compound.notifications,
            "pubsub=ENABLED,pubsub-topic=projects/p/topics/t",
        ),
        "--patch-update": choice(("gkeAutoUpgradeConfig", "patchMode"), {"accelerated": "ACCELERATED"}),
        "--fleet-project": text(("fleet", "project"), "p1"),
        "--membership-type": choice(("fleet", "membershipType"), {"LIGHTWEIGHT": "LIGHTWEIGHT"}),
    }


def _identity() -> dict[str, Row]:
    return {
        "--workload-pool": Takes(_workload_pool, "p1.svc.id.goog"),
        "--enable-identity-service": switch(("identityServiceConfig", "enabled")),
        "--security-group": Takes(_security_group, "gke-security-groups@example.com"),
        "--enable-legacy-authorization": switch(("legacyAbac", "enabled")),
        "--enable-mesh-certificates": switch(("meshCertificates", "enableCertificates")),
        "--issue-client-certificate": switch(
            ("masterAuth", "clientCertificateConfig", "issueClientCertificate")
        ),
        "--anonymous-authentication-config": choice(
            ("anonymousAuthenticationConfig", "mode"), {"ENABLED": "ENABLED", "LIMITED": "LIMITED"}
        ),
    }


def _security() -> dict[str, Row]:
    scanning = {"disabled": "DISABLED", "standard": "BASIC", "enterprise": "ENTERPRISE"}
    return {
        "--enable-shielded-nodes": switch(("shieldedNodes", "enabled")),
        "--enable-confidential-nodes": switch(("confidentialNodes", "enabled")),
        "--confidential-node-type": choice(("confidentialNodes", "confidentialInstanceType"), CONFIDENTIAL),
        "--database-encryption-key": Takes(_database_key, "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
        "--binauthz-evaluation-mode": choice(
            ("binaryAuthorization", "evaluationMode"),
            {k: k.upper() for k in ("disabled", "project_singleton_policy_enforce")},
        ),
        "--enable-binauthz": switch(("binaryAuthorization", "enabled")),
        "--security-posture": choice(("securityPostureConfig", "mode"), scanning),
        "--workload-vulnerability-scanning": choice(
            ("securityPostureConfig", "vulnerabilityMode"),
            {name: f"VULNERABILITY_{meaning}" for name, meaning in scanning.items()},
        ),
        "--enable-secret-manager": switch(("secretManagerConfig", "enabled")),
    }


def _logs() -> dict[str, Row]:
    prometheus = ("monitoringConfig", "managedPrometheusConfig")
    watched = ("componentConfig", "enableComponents")
    service = {"--enable-cloud-logging": "logging", "--enable-cloud-monitoring": "monitoring"}
    return {
        "--logging": read(
            ("loggingConfig", *watched), lambda given: _components(given, _LOGGING), "SYSTEM,WORKLOAD"
        ),
        "--monitoring": read(
            ("monitoringConfig", *watched), lambda given: _components(given, _MONITORING), "SYSTEM,JOBSET"
        ),
        "--enable-managed-prometheus": switch((*prometheus, "enabled")),
        "--auto-monitoring-scope": choice(
            (*prometheus, "autoMonitoringConfig", "scope"), {"ALL": "ALL", "NONE": "NONE"}
        ),
        **{
            flag: picks((f"{name}Service",), f"{name}.googleapis.com/kubernetes", "none")
            for flag, name in service.items()
        },
    }


def _node_defaults() -> dict[str, Row]:
    defaults = ("nodePoolDefaults", "nodeConfigDefaults")
    return {
        "--enable-image-streaming": switch((*defaults, "gcfsConfig", "enabled")),
        "--logging-variant": choice(
            (*defaults, "loggingConfig", "variantConfig", "variant"), LOGGING_VARIANTS
        ),
    }


def _maintenance() -> dict[str, Row]:
    window = ("maintenancePolicy", "window")
    recurring = (*window, "recurringWindow")
    return {
        "--maintenance-window": read((*window, "dailyMaintenanceWindow", "startTime"), value.clock, "03:00"),
        "--maintenance-window-start": read(
            (*recurring, "window", "startTime"), value.moment, "2030-01-05T09:00:00Z"
        ),
        "--maintenance-window-end": read(
            (*recurring, "window", "endTime"), value.moment, "2030-01-05T17:00:00Z"
        ),
        "--maintenance-window-recurrence": text((*recurring, "recurrence"), "FREQ=WEEKLY;BYDAY=SA"),
    }


def _owned() -> dict[str, Row]:
    return {
        "--cluster-version": Refused("this command has it itself", "--gke-version of this command"),
        "--node-version": Refused("nodes follow the cluster's version", "--gke-version of this command"),
        "--machine-type": Refused("this command has it itself", "--default-pool-cpu-machine-type"),
        "--num-nodes": Refused("this command has it itself", "--default-pool-cpu-num-nodes"),
        "--node-locations": Refused("the nodes stand in the zone of the slices", "--zone of this command"),
        "--host-maintenance-interval": Refused(
            "this command has it itself", "--host-maintenance-interval of this command"
        ),
        "--spot": Refused(_SPOT_CPU, "--spot of this command, for slices"),
        "--preemptible": Refused(_SPOT_CPU, "--spot of this command, for slices"),
        "--reservation": Refused(
            "it would be the CPU pool's reservation", "--reservation of this command, for slices"
        ),
        "--reservation-affinity": Refused(
            "it would be the CPU pool's reservation", "--reservation of this command, for slices"
        ),
    }


def _never() -> dict[str, Row]:
    auto = Refused(_NO_AUTOPROVISIONING, "--num-slices")
    names = (
        "-config-file",
        "-locations",
        "-max-surge-upgrade",
        "-network-tags",
        "-scopes",
        "-service-account",
    )
    alpha = Refused("GKE deletes alpha clusters after 30 days", "leave it out")
    old_tpu = Refused("it is for Cloud TPU before node pools", "--tpu-type")
    old_login = Refused("GKE has no basic authentication any more", "leave it out")
    return {
        "--enable-autoprovisioning": auto,
        **{f"--autoprovisioning{name}": auto for name in names},
        **{f"--{end}-{what}": auto for end in ("min", "max") for what in ("cpu", "memory", "accelerator")},
        "--enable-kubernetes-alpha": alpha,
        "--alpha-cluster-feature-gates": alpha,
        "--enable-tpu": old_tpu,
        "--tpu-ipv4-cidr": old_tpu,
        "--username": old_login,
        "--password": old_login,
        "--enable-basic-auth": old_login,
        "--enable-fleet": Refused("the project would have to be guessed", "--fleet-project=PROJECT"),
        "--max-nodes-per-pool": Refused("the default pool is one pool", "--default-pool-cpu-num-nodes"),
        "--additional-node-network": Refused(
            "gcloud has it for node pools", "--custom-tpu-nodepool-arguments for the slices"
        ),
    }


_LOGGING = {
    "SYSTEM": "SYSTEM_COMPONENTS",
    "WORKLOAD": "WORKLOADS",
    "API_SERVER": "APISERVER",
    "SCHEDULER": "SCHEDULER",
    "CONTROLLER_MANAGER": "CONTROLLER_MANAGER",
    "KCP_SSHD": "KCP_SSHD",
    "KCP_CONNECTION": "KCP_CONNECTION",
    "KCP_HPA": "KCP_HPA",
}
_SAME = ("SCHEDULER", "CONTROLLER_MANAGER", "STORAGE", "HPA", "POD", "DAEMONSET", "DEPLOYMENT", "STATEFULSET")
_MONITORING = {"SYSTEM": "SYSTEM_COMPONENTS", "API_SERVER": "APISERVER", **{name: name for name in _SAME}}
_MONITORING |= {name: name for name in ("CADVISOR", "KUBELET", "DCGM", "JOBSET")}


def _components(given: str, names: dict[str, str]) -> list[str]:
    """The API's names of what is watched; `NONE` alone turns all of it off."""
    found = value.words(given)
    if [word.upper() for word in found] == ["NONE"]:
        return []
    return [value.choice(word, names) for word in found]


def _workload_pool(given: str) -> tuple[Draft, ...]:
    pool = value.text(given)
    if not pool.endswith(".svc.id.goog") or pool == ".svc.id.goog":
        raise value.BadValue("a workload pool is the project's id and .svc.id.goog", "PROJECT.svc.id.goog")
    return ((("workloadIdentityConfig", "workloadPool"), pool, False),)


def _security_group(given: str) -> tuple[Draft, ...]:
    group = ("authenticatorGroupsConfig",)
    return (((*group, "enabled"), True, False), ((*group, "securityGroup"), value.text(given), False))


def _database_key(given: str) -> tuple[Draft, ...]:
    key = ("databaseEncryption",)
    return (((*key, "keyName"), value.text(given), False), ((*key, "state"), "ENCRYPTED", False))
