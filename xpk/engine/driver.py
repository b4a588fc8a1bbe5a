"""Whether the checkpointing driver serves every TPU host, from plain JSON. Pure.

The controller of GoogleCloudPlatform/high-scale-checkpointing-controller makes one DaemonSet,
`multitier-driver-<uid of the configuration>`, in `gke-managed-checkpointing`; newer builds label it
with the configuration's name. It refuses a configuration that overlaps with another by a
Warning event of reason Conflict and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from xpk.cloud.errors import clean
from xpk.engine.wire import Json

NAMESPACE: Final = "gke-managed-checkpointing"
DAEMON_SETS: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
CONFIG_LABEL: Final = "highscalecheckpointing.gke.io/config-name"


@dataclass(frozen=True, slots=True)
class Up:
    """The driver is ready on every host that it should serve."""

    hosts: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another configuration holds the same hosts; the driver will never start."""

    message: str


@dataclass(frozen=True, slots=True)
class NotUp:
    """Not yet. `nothing_matches` is True while no host at all is to be served."""

    words: str
    nothing_matches: bool = False


DriverState: TypeAlias = Up | Overlap | NotUp


def daemon_set_of(configuration: Json, daemon_sets: Iterable[Json]) -> Json | None:
    """The driver of one configuration: by label where there is one, else by the configuration's UID.

    The UID comes first: a configuration that was deleted and made anew keeps its name.
    """
    metadata = configuration["metadata"]
    by_label: Json | None = None
    for daemon_set in daemon_sets:
        found = daemon_set.get("metadata", {})
        if metadata.get("uid") and found.get("name") == f"multitier-driver-{metadata['uid']}":
            return daemon_set
        if found.get("labels", {}).get(CONFIG_LABEL) == metadata["name"] and not found.get(
            "deletionTimestamp"
        ):
            by_label = daemon_set
    return by_label


def drivers_by_name(configurations: Iterable[Json], daemon_sets: Iterable[Json]) -> dict[str, Json]:
    """The DaemonSet of each configuration that has one."""
    sets = list(daemon_sets)
    pairs = [(str(c["metadata"]["name"]), daemon_set_of(c, sets)) for c in configurations]
    return {name: found for name, found in pairs if found is not None}


def conflict_of(configuration: Json, events: Iterable[Json]) -> str | None:
    """The message of the configuration's Conflict event; an earlier one of the same name has another UID."""
    metadata = configuration["metadata"]
    for event in events:
        about = event.get("involvedObject", {})
        same = about.get("uid") in (None, "", metadata.get("uid")) and about.get("name") == metadata["name"]
        if event.get("reason") == "Conflict" and about.get("kind") == "CheckpointConfiguration" and same:
            return clean(str(event.get("message") or "overlaps with another configuration"))
    return None


def driver_state(
    configuration: Json | None, daemon_sets: Iterable[Json], events: Iterable[Json], hosts: int
) -> DriverState:
    """How far the driver is. `hosts` is the number of TPU hosts that must be served."""
    if configuration is None:
        return NotUp("the configuration is not there", nothing_matches=True)
    conflict = conflict_of(configuration, events)
    daemon_set = daemon_set_of(configuration, daemon_sets)
    if conflict is not None and daemon_set is None:
        return Overlap(conflict)
    if daemon_set is None:
        return NotUp("its DaemonSet is not made yet", nothing_matches=hosts > 0)
    status = daemon_set.get("status", {})
    desired, ready = (int(status.get(k) or 0) for k in ("desiredNumberScheduled", "numberReady"))
    seen = int(status.get("observedGeneration") or 0) >= int(daemon_set["metadata"].get("generation") or 0)
    if seen and desired == ready >= hosts:
        return Up(ready)
    if desired == 0 and hosts > 0:
        return NotUp(
            f"0 of {hosts} hosts: {selector_words(configuration)} matches none yet", nothing_matches=True
        )
    unscheduled = max(0, hosts - desired)
    tail = f", {unscheduled} hosts not joined or not matched" if unscheduled else ""
    return NotUp(f"{ready} of {hosts} hosts ready{tail}")


def selector_words(configuration: Json) -> str:
    """The configuration's node selector and tolerations, for a person."""
    spec = configuration.get("spec", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(spec.get("nodeSelector", {}).items()))
    keys = ",".join(str(t.get("key")) for t in spec.get("tolerations", []))
    return clean(f"node selector {selector or 'none'} with toleration of {keys or 'nothing'}", limit=200)
