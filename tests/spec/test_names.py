"""Names and the longest names that are derived from them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import Fault, UsageError
from xpk.spec.names import (
    check_cluster_name,
    check_workload_name,
    longest_cluster_name,
    longest_workload_name,
    node_pool_name,
)

slices = st.integers(min_value=1, max_value=3000)
hosts = st.integers(min_value=1, max_value=1536)
legal_names = st.from_regex(r"[a-z]([-a-z0-9]{0,70}[a-z0-9])?", fullmatch=True)


def cluster_fault(name: str, num_slices: int) -> Fault | None:
    try:
        check_cluster_name(name, num_slices)
    except UsageError as error:
        (fault,) = error.faults
        return fault
    return None


def workload_fault(name: str, num_slices: int, per_slice: int) -> Fault | None:
    try:
        check_workload_name(name, num_slices, per_slice)
    except UsageError as error:
        (fault,) = error.faults
        return fault
    return None


@pytest.mark.parametrize(("num_slices", "longest"), [(1, 35), (10, 35), (11, 34), (100, 34), (256, 33)])
def test_a_cluster_s_name_leaves_room_for_its_last_pool(num_slices: int, longest: int) -> None:
    assert longest_cluster_name(num_slices) == longest
    assert cluster_fault("c" * longest, num_slices) is None
    fault = cluster_fault("c" * (longest + 1), num_slices)
    assert fault is not None
    assert f"at most {longest} fit here" in fault.why
    assert node_pool_name("c" * (longest + 1), num_slices - 1) in fault.why
    assert fault.fix == f"write --cluster {'c' * longest}"


def test_a_cluster_that_is_there_may_have_all_forty_characters() -> None:
    """Its pools have names of their own."""
    assert cluster_fault("c" * 40, 0) is None
    fault = cluster_fault("c" * 41, 0)
    assert fault is not None
    assert fault.why == "41 characters, at most 40 fit here: GKE takes 40"


@pytest.mark.parametrize(
    ("num_slices", "per_slice", "longest"),
    [(1, 1, 43), (2, 64, 42), (2, 16, 42), (100, 1024, 39), (256, 64, 40)],
)
def test_a_workload_s_name_leaves_room_for_its_last_pod(
    num_slices: int, per_slice: int, longest: int
) -> None:
    assert longest_workload_name(num_slices, per_slice) == longest
    assert workload_fault("w" * longest, num_slices, per_slice) is None
    fault = workload_fault("w" * (longest + 1), num_slices, per_slice)
    assert fault is not None
    assert f"at most {longest} fit here" in fault.why
    assert "and JobSet takes 63" in fault.why


@given(legal_names, slices)
def test_a_cluster_passes_exactly_if_all_its_pools_do(name: str, num_slices: int) -> None:
    longest = max(len(node_pool_name(name, index)) for index in (0, num_slices - 1))
    assert (cluster_fault(name, num_slices) is None) == (longest <= 40)


@given(legal_names, slices, hosts)
def test_a_workload_passes_exactly_if_jobset_would_take_it(
    name: str, num_slices: int, per_slice: int
) -> None:
    pod = f"{name}-slice-job-{num_slices - 1}-{per_slice - 1}-abcde"
    assert (workload_fault(name, num_slices, per_slice) is None) == (len(pod) <= 63)


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_. -]{0,60}", fullmatch=True), slices, hosts)
def test_the_name_that_is_advised_is_legal(name: str, num_slices: int, per_slice: int) -> None:
    for fault, flag in (
        (cluster_fault(name, num_slices), "--cluster"),
        (workload_fault(name, num_slices, per_slice), "--workload"),
    ):
        if fault is None:
            assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
            continue
        advised = fault.fix.removeprefix(f"write {flag} ")
        assert cluster_fault(advised, num_slices) is None or flag != "--cluster"
        assert workload_fault(advised, num_slices, per_slice) is None or flag != "--workload"


@pytest.mark.parametrize(
    ("name", "advised"),
    [
        ("", "train-1"),
        ("My_Cluster", "my-cluster"),
        ("1st", "st"),
        ("a-", "a"),
        ("-a", "a"),
        ("a.b", "a-b"),
        ("a\nb", "a-b"),
        ("ａ", "train-1"),
        ("a\n", "a"),
    ],
)
def test_illegal_letters_are_refused_with_the_nearest_name(name: str, advised: str) -> None:
    fault = cluster_fault(name, 2)
    assert fault is not None
    assert fault.what == f"--cluster {name or repr('')}"
    assert fault.fix == f"write --cluster {advised}"


def test_no_slices_at_all_is_another_check_s_fault() -> None:
    assert cluster_fault("c", 0) is None
    assert workload_fault("w", 0, 0) is None
