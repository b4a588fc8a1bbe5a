from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.driver.ranks import Seat, assign, shape_text
from xpk.rehearsal.record.events import Host


def seats(cached: dict[tuple[int, int], int | None], slices: int = 2, hosts: int = 2) -> list[Seat]:
    return [
        Seat(Host(at, host), cached.get((at, host)), at * hosts + host)
        for at in range(slices)
        for host in range(hosts)
    ]


def ranks(order: tuple[Host, ...]) -> dict[tuple[int, int], int]:
    return {(host.slice_index, host.host_index): rank for rank, host in enumerate(order)}


def test_without_memory_ranks_are_the_jobsets_own() -> None:
    assert ranks(assign(seats({}), 2, 2)) == {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}


def test_remembered_ranks_stay_even_when_slices_are_swapped() -> None:
    swapped: dict[tuple[int, int], int | None] = {(0, 0): 2, (0, 1): 3, (1, 0): 0, (1, 1): 1}
    assert ranks(assign(seats(swapped), 2, 2)) == swapped


def test_a_wiped_host_gets_the_free_rank_of_its_own_slice() -> None:
    swapped: dict[tuple[int, int], int | None] = {(0, 0): 2, (0, 1): 3, (1, 0): None, (1, 1): 0}
    assert ranks(assign(seats(swapped), 2, 2)) == {(0, 0): 2, (0, 1): 3, (1, 0): 1, (1, 1): 0}


def test_a_wiped_slice_gets_the_ranks_of_the_missing_slice() -> None:
    kept: dict[tuple[int, int], int | None] = {(0, 0): 5, (0, 1): 4, (2, 0): 0, (2, 1): 1}
    found = ranks(assign(seats(kept, slices=3), 3, 2))
    assert found == {(0, 0): 5, (0, 1): 4, (1, 0): 2, (1, 1): 3, (2, 0): 0, (2, 1): 1}


@pytest.mark.parametrize(
    "cached",
    [
        pytest.param({(0, 0): 0, (0, 1): 0, (1, 0): 2, (1, 1): 3}, id="one rank twice"),
        pytest.param({(0, 0): 0, (0, 1): 2, (1, 0): 1, (1, 1): 3}, id="ranks torn over slices"),
        pytest.param({(0, 0): 0, (0, 1): 7, (1, 0): 2, (1, 1): -1}, id="ranks out of range"),
    ],
)
def test_remembered_ranks_that_cannot_be_give_way(cached: dict[tuple[int, int], int | None]) -> None:
    assert ranks(assign(seats(cached), 2, 2)) == {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}


def test_pods_that_the_jobset_placed_across_node_pools_are_sorted_by_pool() -> None:
    """Job 0 has a pod on a node of either pool: its own order would tear the slices."""
    torn = [
        Seat(Host(0, 0), None, 0),
        Seat(Host(1, 0), None, 1),
        Seat(Host(0, 1), None, 2),
        Seat(Host(1, 1), None, 3),
    ]
    assert ranks(assign(torn, 2, 2)) == {(0, 0): 0, (0, 1): 1, (1, 0): 2, (1, 1): 3}


def test_a_missing_or_doubled_host_is_refused() -> None:
    with pytest.raises(ValueError, match="3 seats"):
        assign(seats({})[:3], 2, 2)
    with pytest.raises(ValueError, match="4 seats"):
        assign([*seats({})[:3], seats({})[0]], 2, 2)


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    data=st.data(),
)
def test_any_memory_gives_every_rank_once_and_keeps_slices_together(
    shape: tuple[int, int], data: st.DataObject
) -> None:
    slices, hosts = shape
    memory = st.none() | st.integers(-1, slices * hosts)
    cached = {key: data.draw(memory) for key in itertools.product(range(slices), range(hosts))}
    order = assign(seats(cached, slices, hosts), slices, hosts)
    assert len(set(order)) == slices * hosts
    for at in range(0, slices * hosts, hosts):
        assert len({host.slice_index for host in order[at : at + hosts]}) == 1


@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 4)), data=st.data())
def test_after_any_loss_the_hosts_that_remember_keep_their_ranks(
    shape: tuple[int, int], data: st.DataObject
) -> None:
    slices, hosts = shape
    pools = data.draw(st.permutations(range(slices)))
    inside = [data.draw(st.permutations(range(hosts))) for _ in range(slices)]
    before = {
        (pool, host): at * hosts + place
        for at, pool in enumerate(pools)
        for place, host in enumerate(inside[at])
    }
    lost = data.draw(st.sets(st.sampled_from(sorted(before))))
    after = ranks(assign(seats({k: None if k in lost else v for k, v in before.items()}, *shape), *shape))
    kept = {key: rank for key, rank in before.items() if key not in lost}
    initial = {(at, host): at * hosts + host for at in range(slices) for host in range(hosts)}
    assert {key: after[key] for key in kept} == kept
    whole = {pool for pool in range(slices) if any((pool, host) in kept for host in range(hosts))}
    for pool, host in lost:
        if pool in whole:
            assert after[pool, host] // hosts == before[pool, 0] // hosts
    if not kept:
        assert after == initial


def test_the_shape_is_written_as_the_driver_writes_it() -> None:
    assert shape_text(2, 16) == "2x16"
