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
    "volume-without-source": Difference(
        (422, "Invalid"),
        "Kubernetes makes it an emptyDir, which hides a source that was forgotten; the emulator says so",
    ),
    "jobset-without-template": Difference(
        "spec.replicatedJobs[0].template: Required value",
        "the real webhooks write an empty template before the schema is checked, so the fault moves "
        "deeper; refused on both, with the same status",
    ),
    "pod-token-volume": Difference(
        [],
        "no container runs in the emulator, so no ServiceAccount token is projected into one",
    ),
    "container-defaults": Difference(
        {},
        "defaults that only a kubelet reads; no kubelet pulls an image or collects a message here",
    ),
    "node-tolerations": Difference(
        [],
        "the emulator's lost hosts vanish at once, so no pod waits 300 seconds on an unreachable one",
    ),
    "pod-defaults": Difference(
        {},
        "defaults of which nothing in the emulator makes use, nor xpk; the others are filled in",
    ),
    "job-selector": Difference(
        [],
        "the emulator's Jobs find their pods by ownerReference; xpk never reads the selector",
    ),
}
