"""A watch that breaks, and answers that are too old: no command watches, but what is built on this does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.commands import CLUSTER
from tests.faults.states import state
from tests.faults.world import Json, World, world_from
from xpk.cloud.endpoints import emulated
from xpk.cloud.errors import ResourceVersionGone
from xpk.cloud.kube import Kube
from xpk.cloud.session import Cloud

MAPS = "/api/v1/namespaces/default/configmaps"
ALL = f"{CLUSTER}{MAPS}$"
NAMES = [f"map-{number}" for number in range(6)]


@contextmanager
def connected() -> Iterator[tuple[World, Kube]]:
    with world_from(state("two slices")) as world, Cloud(emulated(world.emulator.url), environ={}) as cloud:
        cluster = cloud.gke.get_cluster(CLUSTER)
        assert cluster is not None
        yield world, cloud.kube(CLUSTER, cluster)


def make(kube: Kube) -> None:
    for name in NAMES:
        kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})


def ours(events: list[tuple[str, Json]]) -> list[str]:
    names = [str(obj["metadata"]["name"]) for _, obj in events]
    return [name for name in names if name in NAMES]


@pytest.mark.parametrize("cut", [0, 1, 300, 700, 1200])
def test_a_watch_that_breaks_goes_on_where_it_was(cut: int) -> None:
    """Half an event is none: each comes once, in order, over as many connections as it takes."""
    with connected() as (world, kube):
        version = kube.list_versioned(MAPS).resource_version
        make(kube)
        world.fault(match={"method": "GET", "path": ALL}, times=1, cut=cut)
        broken = list(kube.watch(MAPS, resource_version=version, timeout_seconds=30))
        assert len(ours(broken)) < len(NAMES), "it did not break"
        if broken:
            version = broken[-1][1]["metadata"]["resourceVersion"]
        rest: list[tuple[str, Json]] = []
        for event in kube.watch(MAPS, resource_version=version, timeout_seconds=30):
            rest.append(event)
            if event[1]["metadata"]["name"] == NAMES[-1]:
                break
        assert ours([*broken, *rest]) == NAMES


def test_a_watch_that_is_too_old_says_so_and_a_list_goes_on() -> None:
    with connected() as (world, kube):
        version = kube.list_versioned(MAPS).resource_version
        world.fault(
            match={"method": "GET", "path": ALL},
            times=1,
            status=410,
            body={"kind": "Status", "reason": "Expired", "code": 410, "message": "too old resource version"},
        )
        with pytest.raises(ResourceVersionGone, match="too old"):
            list(kube.watch(MAPS, resource_version=version, timeout_seconds=30))
        make(kube)
        listing = kube.list_versioned(MAPS)
        assert {*NAMES} <= {o["metadata"]["name"] for o in listing.items}
        kube.delete(f"{MAPS}/{NAMES[0]}", propagation="Background")
        events = kube.watch(MAPS, resource_version=listing.resource_version, timeout_seconds=30)
        kind, found = next(events)
        events.close()
        assert (kind, found["metadata"]["name"]) == ("DELETED", NAMES[0])


def test_a_page_that_is_gone_begins_the_list_anew() -> None:
    """No object is missing, and none is there twice."""
    with connected() as (world, kube):
        make(kube)
        everything = [o["metadata"]["name"] for o in kube.list(MAPS)]
        world.fault(
            match={"method": "GET", "path": ALL},
            skip=2,
            times=1,
            status=410,
            body={"kind": "Status", "reason": "Expired", "code": 410, "message": "continue token expired"},
        )
        before = len(world.requests("GET", ALL))
        assert [o["metadata"]["name"] for o in kube.list(MAPS, limit=2)] == everything
        assert len(world.requests("GET", ALL)) - before == 4, "two pages, the one that is gone, all at once"
