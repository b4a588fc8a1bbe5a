"""GKE versions as values that can be compared, and the releases that xpk installs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from xpk.catalog.topologies import parse_number
from xpk.errors import Fault, UsageError


@dataclass(frozen=True, slots=True, order=True)
class GkeVersion:
    """One complete version of GKE, `1.33.5-gke.1201000`. Compares in release order."""

    major: int
    minor: int
    patch: int
    gke: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}-gke.{self.gke}"

    @classmethod
    def parse(cls, text: str, flag: str = "") -> GkeVersion:
        """Read a complete version.

        Raises `UsageError` for anything else, also for the short forms that GKE itself would
        complete (`1.33`, `latest`): what they become is known to the server alone.
        """
        version, dash, build = text.partition("-gke.")
        numbers = [0 if part == "0" else parse_number(part) for part in (*version.split("."), build)]
        if dash and len(numbers) == 4 and None not in numbers:
            return cls(*(number for number in numbers if number is not None))
        raise UsageError(
            Fault(
                f"{flag} {text}".strip() or "an empty GKE version",
                "not a complete GKE version",
                f"write one like {MTC_DOCUMENTED}; gcloud container get-server-config lists them",
            )
        )


MTC_DOCUMENTED: Final = GkeVersion(1, 32, 4, 1415000)
"""First version with multi-tier checkpointing by GKE's documentation (its Requirements section)."""

MTC_FLOOR: Final = GkeVersion(1, 32, 3, 1170000)
"""The lower bound that MaxText's guide names; its example uses 1.32.3-gke.1785000."""

FUSE_HOST_NETWORK: Final = GkeVersion(1, 33, 3, 1226000)
"""First version whose GCS FUSE driver serves pods on the host network with Workload Identity
(releases page of GoogleCloudPlatform/gcs-fuse-csi-driver)."""


@dataclass(frozen=True, slots=True)
class Release:
    """A pinned release of a controller: where its manifests are and what they install.

    `path` is the path on github.com; `image` is the manager's image without a tag.
    """

    component: Literal["JobSet", "Kueue"]
    version: str
    path: str
    namespace: str
    deployment: str
    image: str


JOBSET: Final = Release(
    component="JobSet",
    version="v0.12.0",
    path="/kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml",
    namespace="jobset-system",
    deployment="jobset-controller-manager",
    image="registry.k8s.io/jobset/jobset",
)

KUEUE: Final = Release(
    component="Kueue",
    version="v0.19.2",
    path="/kubernetes-sigs/kueue/releases/download/v0.19.2/manifests.yaml",
    namespace="kueue-system",
    deployment="kueue-controller-manager",
    image="registry.k8s.io/kueue/kueue",
)
