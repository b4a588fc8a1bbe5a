"""Which lists of the built-in types are merged element by element, and by which key.

The client's models do not carry this; it is a fact of the Kubernetes API reference ("listType: map"). A
list that is not named here is atomic: the last writer owns it whole.
"""

from __future__ import annotations

LIST_KEYS: dict[tuple[str, str], tuple[str, ...]] = {
    ("V1PodSpec", "containers"): ("name",),
    ("V1PodSpec", "initContainers"): ("name",),
    ("V1PodSpec", "ephemeralContainers"): ("name",),
    ("V1PodSpec", "volumes"): ("name",),
    ("V1PodSpec", "imagePullSecrets"): ("name",),
    ("V1PodSpec", "hostAliases"): ("ip",),
    ("V1PodSpec", "schedulingGates"): ("name",),
    ("V1PodSpec", "resourceClaims"): ("name",),
    ("V1PodSpec", "topologySpreadConstraints"): ("topologyKey", "whenUnsatisfiable"),
    ("V1Container", "env"): ("name",),
    ("V1Container", "ports"): ("containerPort", "protocol"),
    ("V1Container", "volumeMounts"): ("mountPath",),
    ("V1Container", "volumeDevices"): ("devicePath",),
    ("V1EphemeralContainer", "env"): ("name",),
    ("V1EphemeralContainer", "volumeMounts"): ("mountPath",),
    ("V1EphemeralContainer", "ports"): ("containerPort", "protocol"),
    ("V1EphemeralContainer", "volumeDevices"): ("devicePath",),
    ("V1ResourceRequirements", "claims"): ("name",),
    ("V1PodStatus", "podIPs"): ("ip",),
    ("V1ServiceSpec", "ports"): ("port", "protocol"),
    ("V1ServiceAccount", "secrets"): ("name",),
    ("V1NodeStatus", "addresses"): ("type",),
    ("V1ObjectMeta", "ownerReferences"): ("uid",),
    ("V1MutatingWebhookConfiguration", "webhooks"): ("name",),
    ("V1ValidatingWebhookConfiguration", "webhooks"): ("name",),
    ("", "conditions"): ("type",),
}
"""(type, field) -> keys; an empty type means the field of that name anywhere."""

SETS = frozenset(
    {
        ("V1ObjectMeta", "finalizers"),
        ("V1NodeSpec", "podCIDRs"),
        ("V1PodFailurePolicyOnExitCodesRequirement", "values"),
        ("V1ContainerRestartRuleOnExitCodes", "values"),
    }
)

ATOMIC_TYPES = (
    *(
        "V1LabelSelector",
        "V1NodeSelector",
        "V1NodeSelectorTerm",
        "V1ScopeSelector",
        "V1OwnerReference",
        "V1RoleRef",
    ),
    *("V1LocalObjectReference", "V1ObjectReference", "V1SecretReference", "V1TypedLocalObjectReference"),
    *("V1SecretKeySelector", "V1ConfigMapKeySelector", "V1ObjectFieldSelector", "V1ResourceFieldSelector"),
    *("V1ConfigMapEnvSource", "V1SecretEnvSource", "V1FileKeySelector", "V1ConfigMapVolumeSource"),
    *("V1ConfigMapProjection", "V1SecretProjection", "RbacV1Subject"),
)

ATOMIC_FIELDS = frozenset({("V1PodSpec", "nodeSelector"), ("V1ServiceSpec", "selector")})

KEY_DEFAULTS: dict[str, str] = {"protocol": "TCP"}
"""A key field that may be left out, and what it then is."""
