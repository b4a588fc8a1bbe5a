"""Every manifest that xpk prints is taken by a real API server, JobSet's and Kueue's webhooks included.

What a dry run prints goes to the server as it is, as it stands. That our reader of
YAML and Kubernetes' agree is not given: they are two programs, and YAML has many corners.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from tests.controlplane.api import Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.corpus import GOLDENS, Case, cases, dry_run
from tests.controlplane.specs import CAPACITIES, STORAGE, TYPES, cluster, workload
from tests.controlplane.taker import Taker, documents
from xpk.catalog.slices import resolve
from xpk.catalog.topologies import PREFIX
from xpk.plan.cluster import plan_cluster
from xpk.plan.document import manifests_of, yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.workload import plan_workload
from xpk.spec.capacity import Capacity, OnDemand
from xpk.spec.cluster import parse_place
from xpk.spec.ramdisk import Ramdisk

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

ALL = list(cases())
SHAPES = [case for case in ALL if case.source == "shape"]
OTHERS = [case for case in ALL if case.source != "shape"]


@pytest.fixture(scope="module")
def taker(control_plane: ControlPlane) -> Taker:
    """All tests together count."""
    return Taker(control_plane)


def take(taker: Taker, case: Case) -> None:
    """Everything that a case prints, which is something unless xpk refuses it."""
    text = case.text()
    if text is not None:
        found = list(documents(text))
        assert found
        for document in found:
            taker.take(case.source, document)


@pytest.mark.parametrize("case", OTHERS, ids=[case.id for case in OTHERS])
def test_is_taken(case: Case, taker: Taker) -> None:
    take(taker, case)


@pytest.mark.parametrize("prefix", PREFIX.values())
def test_every_shape_is_taken(prefix: str, taker: Taker) -> None:
    mine = [case for case in SHAPES if case.name.startswith(f"{prefix}-")]
    assert len(mine) > 7
    for case in mine:
        take(taker, case)


def test_nothing_is_left_out() -> None:
    """Each family, each kind of capacity, the ramdisk with and without mounts, most real lines."""
    assert {resolve(name).name.partition("-")[0] for name in TYPES} == set(PREFIX.values())
    assert {type(value) for value in CAPACITIES.values()} == set(get_args(Capacity))
    assert {(ramdisk, bool(mounts)) for ramdisk, mounts in STORAGE.values()} == {
        *((True, True), (True, False), (False, True), (False, False)),
    }
    lines = [case for case in ALL if case.source == "command line"]
    printed = [case for case in lines if case.text() is not None]
    assert len(printed) > 60
    assert len(printed) > 3 * (len(lines) - len(printed))
    assert len(GOLDENS) > 15


def test_a_cluster_prints_all_kinds() -> None:
    plan = plan_cluster(cluster(resolve("v6e-16"), OnDemand()), Observed.nothing())
    kinds = {manifest["kind"] for entry in plan.steps for manifest in manifests_of(entry.step)}
    assert kinds >= {"ClusterQueue", "LocalQueue", "ResourceFlavor", "ConfigMap", "CheckpointConfiguration"}


def test_a_refused_line_prints_nothing() -> None:
    assert dry_run(["workload", "create", "--workload", "w1", "--tpu-type", "v6e-16"]) is None


def _without_volume(pod: dict[str, Any]) -> None:
    del pod["volumes"][-1]


def _without_source(pod: dict[str, Any]) -> None:
    pod["volumes"][-1] = {"name": pod["volumes"][-1]["name"], "csi": {}}


def _wrong_policy(pod: dict[str, Any]) -> None:
    pod["restartPolicy"] = "Always"


@pytest.mark.parametrize("spoil", [_without_volume, _without_source, _wrong_policy])
def test_what_admission_does_not_see_the_jobs_show(spoil: Any, control_plane: ControlPlane) -> None:
    """And a manifest whose Jobs are refused does not count as taken."""
    spec = workload("v6e-16", ramdisk=Ramdisk("/ramdisk"))
    plan = plan_workload(spec, parse_place("p1", "us-east5-b"), Observed.nothing())
    (jobset,) = [manifest for entry in plan.steps for manifest in manifests_of(entry.step)]
    spoil(jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"])
    (text,) = documents(yaml_stream(plan))
    taker = Taker(control_plane)
    with pytest.raises(Refused, match=r"Job\.batch .* is invalid"):
        taker.take("here", text)
    assert taker.try_to_take("here", text) is not None
    assert not taker.all_taken()
    assert list(taker.figures())[-1].split() == ["all", "2", "0", "0", "0"]
