from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.driver.choice import Source, choose, choose_from_backup
from xpk.rehearsal.driver.names import Part


def parts(rank: int, *steps: int) -> frozenset[Part]:
    return frozenset(Part(step, rank) for step in steps)


def test_every_node_that_has_the_step_keeps_its_own() -> None:
    plan = choose({rank: parts(rank, 5, 10) for rank in range(4)}, 4, 2)
    assert plan is not None
    assert (plan.step, plan.backup) == (10, None)
    assert plan.sources == tuple(Source(rank, Part(10, rank)) for rank in range(4))


def test_a_node_that_lost_it_gets_it_from_the_same_position_of_another_slice() -> None:
    plan = choose({0: parts(0, 10), 1: parts(1, 10), 2: parts(2, 10), 3: frozenset()}, 4, 2)
    assert plan is not None
    assert plan.sources[3] == Source(1, Part(10, 1))


def test_a_step_that_no_slice_can_complete_is_passed_over() -> None:
    held = {0: parts(0, 10), 1: parts(1, 10, 15), 2: parts(2, 10), 3: parts(3, 10, 15)}
    plan = choose(held, 4, 2)
    assert plan is not None
    assert plan.step == 10


def test_two_slices_complete_a_step_between_them() -> None:
    plan = choose({0: parts(0, 15), 1: frozenset(), 2: frozenset(), 3: parts(3, 15)}, 4, 2)
    assert plan is not None
    assert plan.step == 15
    assert [source.holder for source in plan.sources] == [0, 3, 0, 3]


def test_a_host_that_has_another_rank_now_uses_data_of_its_position() -> None:
    plan = choose({0: parts(2, 15), 1: parts(3, 15), 2: parts(0, 15), 3: parts(1, 15)}, 4, 2)
    assert plan is not None
    assert plan.sources == (
        Source(0, Part(15, 2)),
        Source(1, Part(15, 3)),
        Source(2, Part(15, 0)),
        Source(3, Part(15, 1)),
    )


def test_peers_take_turns() -> None:
    held = {0: parts(0, 5), 1: parts(1, 5), 2: frozenset[Part](), 3: frozenset[Part]()}
    plan = choose(held, 4, 1)
    assert plan is not None
    assert [source.holder for source in plan.sources] == [0, 1, 0, 1]


def test_one_slice_has_no_peers() -> None:
    assert choose({0: parts(0, 5), 1: frozenset()}, 2, 2) is None


def test_step_0_counts_as_nothing() -> None:
    assert choose({0: parts(0, 0), 1: parts(1, 0)}, 2, 1) is None
    assert choose_from_backup("b", parts(0, 0) | parts(1, 0), 2, 1) is None


def test_a_backup_is_read_once_a_position_and_passed_on() -> None:
    plan = choose_from_backup("b", parts(2, 10) | parts(3, 10), 4, 2)
    assert plan is not None
    assert plan.sources == (
        Source(None, Part(10, 2)),
        Source(None, Part(10, 3)),
        Source(0, Part(10, 2)),
        Source(1, Part(10, 3)),
    )
    assert plan.order == (0, 1, 2, 3)


def test_a_backup_that_lacks_a_position_is_none() -> None:
    assert choose_from_backup("b", parts(2, 10), 4, 2) is None
    assert choose_from_backup("b", frozenset(), 4, 2) is None


@given(
    slices=st.integers(1, 4),
    hosts=st.integers(1, 4),
    data=st.data(),
)
def test_the_step_is_the_newest_that_can_be_assembled_and_every_source_fits(
    slices: int, hosts: int, data: st.DataObject
) -> None:
    nodes = slices * hosts
    any_part = st.builds(Part, st.integers(1, 6), st.integers(0, nodes - 1))
    held = {rank: data.draw(st.frozensets(any_part, max_size=5)) for rank in range(nodes)}
    everything = {part for found in held.values() for part in found}
    possible = {
        step
        for step in {part.step for part in everything}
        if {part.rank % hosts for part in everything if part.step == step} == set(range(hosts))
    }
    plan = choose(held, nodes, hosts)
    assert (plan.step if plan is not None else None) == max(possible, default=None)
    for rank, source in enumerate(plan.sources if plan is not None else ()):
        assert plan is not None
        assert source.holder is not None
        assert source.part in held[source.holder]
        assert source.part.step == plan.step
        assert source.part.rank % hosts == rank % hosts
        own = [part for part in held[rank] if part.step == plan.step and part.rank % hosts == rank % hosts]
        assert not own or source.holder == rank
