"""Whether the checkpointing driver is up."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.engine.driver import DriverState, NotUp, Overlap, Up, driver_state, drivers_by_name
from xpk.engine.wire import Json

CONFIGURATION: Json = {
    "metadata": {"name": "cpc", "uid": "u1"},
    "spec": {
        "nodeSelector": {"node.kubernetes.io/instance-type": "ct6e-standard-4t"},
        "tolerations": [{"key": "google.com/tpu"}],
    },
}


def daemon_set(desired: int, ready: int, *, name: str = "multitier-driver-u1", **metadata: Any) -> Json:
    return {
        "metadata": {"name": name, "generation": 1, **metadata},
        "status": {"desiredNumberScheduled": desired, "numberReady": ready, "observedGeneration": 1},
    }


def conflict(uid: str = "u1", name: str = "cpc") -> Json:
    about = {"kind": "CheckpointConfiguration", "name": name, "uid": uid}
    return {"reason": "Conflict", "message": "overlaps with other", "involvedObject": about}


@pytest.mark.parametrize(
    ("sets", "events", "hosts", "state"),
    [
        ([daemon_set(8, 8)], [], 8, Up(8)),
        ([daemon_set(8, 7)], [], 8, NotUp("7 of 8 hosts ready")),
        ([daemon_set(4, 4)], [], 8, NotUp("4 of 8 hosts ready, 4 hosts not joined or not matched")),
        ([daemon_set(12, 12)], [], 8, Up(12)),
        ([daemon_set(0, 0)], [], 0, Up(0)),
        ([], [], 8, NotUp("its DaemonSet is not made yet", nothing_matches=True)),
        (
            [daemon_set(8, 8, name="multitier-driver-other")],
            [],
            8,
            NotUp("its DaemonSet is not made yet", True),
        ),
        ([], [conflict()], 8, Overlap("overlaps with other")),
        ([], [conflict("of-an-earlier-one")], 8, NotUp("its DaemonSet is not made yet", True)),
        ([], [conflict(name="another")], 8, NotUp("its DaemonSet is not made yet", True)),
        ([daemon_set(8, 8)], [conflict()], 8, Up(8)),
        ([daemon_set(8, 8, generation=2)], [], 8, NotUp("8 of 8 hosts ready")),
    ],
)
def test_states(sets: list[Json], events: list[Json], hosts: int, state: DriverState) -> None:
    assert driver_state(CONFIGURATION, sets, events, hosts) == state


def test_says_what_no_host_matches() -> None:
    found = driver_state(CONFIGURATION, [daemon_set(0, 0)], [], 8)
    assert isinstance(found, NotUp)
    assert found.nothing_matches
    assert "node.kubernetes.io/instance-type=ct6e-standard-4t" in found.words
    assert "google.com/tpu" in found.words


def test_the_driver_is_found_by_label_and_by_uid_and_the_uid_wins() -> None:
    label = {"labels": {"highscalecheckpointing.gke.io/config-name": "cpc"}}
    by_label, by_uid = daemon_set(1, 1, name="multitier-driver-x", **label), daemon_set(2, 2)
    assert drivers_by_name([CONFIGURATION], [by_label]) == {"cpc": by_label}
    assert drivers_by_name([CONFIGURATION], [by_label, by_uid]) == {"cpc": by_uid}
    assert drivers_by_name([CONFIGURATION], []) == {}
