"""Which machine a node is: kept while it stands, handed on when it goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.agent.places import Places
from xpk.rehearsal.record.events import Host


def test_a_slice_has_the_number_of_its_pool_and_a_host_that_of_its_first_pod() -> None:
    places = Places()
    assert places.take("a", "c1-np-1", 1) == (Host(1, 1), False)
    assert places.take("b", "c1-np-1", 0) == (Host(1, 0), False)
    assert places.take("c", "c1-np-0", 0) == (Host(0, 0), False)
    # after a restart the pods have changed places, the machines have not
    assert places.take("a", "c1-np-1", 0) == (Host(1, 1), False)
    assert places.node(Host(1, 1)) == "a"
    assert places.node(Host(5, 5)) is None


def test_a_slice_has_the_number_of_the_job_that_comes_to_its_pool_first() -> None:
    """The scheduler gives a JobSet's jobs pools in any order, and the first ranks follow the jobs."""
    places = Places()
    assert places.take("a", "c1-np-1", 1, 0) == (Host(0, 1), False)
    assert places.take("b", "c1-np-0", 0, 1) == (Host(1, 0), False)
    # after a restart the jobs have changed pools, the machines have not
    assert places.take("c", "c1-np-1", 0, 1) == (Host(0, 0), False)
    # another JobSet's job has a number that is taken
    assert places.take("d", "c1-np-2", 0, 0) == (Host(2, 0), False)
    assert places.take("e", "mine", 0, 0) == (Host(3, 0), False)


def test_a_taken_number_gives_the_lowest_free_one() -> None:
    places = Places()
    assert places.take("a", "c1-np-0", 2)[0] == Host(0, 2)
    assert places.take("b", "c1-np-0", 2)[0] == Host(0, 0)
    assert places.take("c", "c1-np-0", 2)[0] == Host(0, 1)


def test_a_pool_without_a_number_takes_a_free_one() -> None:
    places = Places()
    assert places.take("a", "mine", 0)[0].slice_index == 0
    assert places.take("b", "c1-np-0", 0)[0].slice_index == 1
    assert places.take("c", "c1-np-5", 0)[0].slice_index == 5


def test_a_node_that_comes_back_has_its_place() -> None:
    places = Places()
    places.take("a", "c1-np-0", 0)
    places.take("b", "c1-np-0", 1)
    assert places.lose("a", "c1-np-0") == Host(0, 0)
    assert places.of("a") is None
    assert places.back("a") == Host(0, 0)
    assert places.of("a") == Host(0, 0)
    assert places.back("a") is None
    assert places.lose("never", "c1-np-0") is None


def test_another_node_takes_the_place_that_was_left() -> None:
    places = Places()
    places.take("a", "c1-np-0", 0)
    places.take("b", "c1-np-0", 1)
    places.lose("a", "c1-np-0")
    assert places.take("new", "c1-np-0", 1) == (Host(0, 0), True)
    # the old name finds its place taken, and gets another
    assert places.back("a") is None
    assert places.take("a", "c1-np-0", 0) == (Host(0, 2), False)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.sampled_from(["take", "lose", "back"]))
    )
)
def test_no_two_nodes_ever_share_a_place(course: list[tuple[str, int, str]]) -> None:
    places = Places()
    for node, wanted, what in course:
        pool = f"c1-np-{ord(node) % 2}"
        before = {name: places.of(name) for name in "abcdef"}
        if what == "take":
            places.take(node, pool, wanted)
        elif what == "lose":
            places.lose(node, pool)
        else:
            places.back(node)
        standing = [host for name in "abcdef" if (host := places.of(name)) is not None]
        assert len(set(standing)) == len(standing)
        for name, host in before.items():
            if name != node:
                assert places.of(name) == host
