"""Where the emulator and the real control plane differ, each with its reason.

`test_both_*.py` assert the real server's answer on both. A name in this table replaces it for the
emulator, so an unknown difference fails, and so does one that was mended but is still listed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """What the emulator answers instead, and why that is left so."""

    emulator: object
    reason: str


DIFFERENCES: dict[str, Difference] = {
    "protobuf": Difference(
        (415, "UnsupportedMediaType"),
        "the emulator reads JSON and YAML: xpk, kubectl and the Python client send nothing else unless told "
        "to; refused by its name",
    ),
    "jobset-without-template": Difference(
        "spec.replicatedJobs[0].template: Required value",
        "the real webhooks write an empty template before the schema is checked, so the fault moves "
        "deeper; refused on both, with the same status",
    ),
    "jobset-empty-structures": Difference(
        set(),
        "JobSet's webhook is Go, whose types write a structure that was left out as an empty one; it means "
        "nothing, and a JobSet of ours leaves none out",
    ),
    "pod-token-volume": Difference(
        [],
        "no container runs in the emulator, so no ServiceAccount token is projected into one",
    ),
}


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """Fields (`Kind name .path`, `*` for anything) that differ when all objects are compared, and why."""

    pattern: str
    reason: str


_NO_TOKEN = "no container runs in the emulator, so no ServiceAccount token is projected into one"
_KWOK = "written by every real kubelet, as by the emulator; KWOK, which stands in for one, leaves it out"
FIELDS: tuple[FieldDifference, ...] = (
    FieldDifference("Pod * .status.qosClass", "nothing in the emulator is evicted by its quality of service"),
    FieldDifference("Pod * .spec.containers[*].volumeMounts[kube-api-access].*", _NO_TOKEN),
    FieldDifference("Pod * .spec.volumes[kube-api-access].*", _NO_TOKEN),
    FieldDifference("Pod * .status.conditions[PodReadyToStartContainers].*", _KWOK),
    FieldDifference("Pod * .status.containerStatuses[*].started", _KWOK),
)
