"""What IAM knows late: new bindings, and workload identity pools that a cluster has just made.

A change is readable at once and has its effect later: "typically 2 minutes, potentially 7 minutes or longer"
(cloud.google.com/iam/docs/access-change-propagation). Here at once, unless a fault says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xpk.emulator.clock import Clock
from xpk.emulator.projects.routes import number

WRITERS = frozenset(
    f"roles/storage.{name}" for name in ("objectUser", "objectAdmin", "admin", "legacyBucketOwner", "legacyBucketWriter")
)
READERS = WRITERS | frozenset(f"roles/storage.{name}" for name in ("objectViewer", "legacyBucketReader"))


@dataclass(frozen=True, slots=True)
class Account:
    """A Kubernetes service account as IAM sees it. `email` is the Google account that it stands for, if any."""

    project: str
    namespace: str
    name: str
    email: str = ""

    def members(self) -> frozenset[str]:
        """All members of a policy that mean it."""
        pool = f"{self.project}.svc.id.goog"
        place = f"iam.googleapis.com/projects/{number(self.project)}/locations/global/workloadIdentityPools/{pool}"
        means = {
            "allUsers",
            "allAuthenticatedUsers",
            f"principal://{place}/subject/ns/{self.namespace}/sa/{self.name}",
            f"principalSet://{place}/namespace/{self.namespace}",
            f"serviceAccount:{pool}[{self.namespace}/{self.name}]",
        }
        return frozenset(means | {f"serviceAccount:{self.email}"} if self.email else means)


Access = Callable[[str, Account, bool], str]
"""Why an account may not read (True: write) a bucket's objects; empty when it may."""


def allows(role: str, write: bool) -> bool:
    """Whether a role lets one read or write objects; a custom role may, for all that is known here."""
    return not role.startswith("roles/") or role in (WRITERS if write else READERS)


class Iam:
    """The workload identity pools with the moment from which IAM knows each, and how late it is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.late = 0.0
        self._pools: dict[str, float] = {}

    def effective(self) -> float:
        """The emulated moment from which what changes now has its effect."""
        return self._clock.now() + self.late

    def learn(self, pool: str) -> None:
        """A cluster has this pool; it stays."""
        self._pools.setdefault(pool, self.effective())

    def pools(self) -> frozenset[str]:
        """Those that are known by now."""
        now = self._clock.now()
        return frozenset(pool for pool, since in self._pools.items() if since <= now)

    def hurry(self) -> None:
        """Be late no more."""
        self.late = 0.0
        self._pools = {pool: min(since, self._clock.now()) for pool, since in self._pools.items()}

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {"late": self.late, "pools": self._pools}

    def load(self, state: Mapping[str, Any]) -> None:
        """The inverse of `dump`."""
        self.late, self._pools = state["late"], dict(state["pools"])
