"""Capacity: at most one kind, and reservations by name or path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.errors import UsageError
from xpk.spec.capacity import (
    Capacity,
    FlexStart,
    OnDemand,
    Reservation,
    Spot,
    capacity_from_flags,
    parse_reservation,
)

names = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
projects = st.from_regex(r"[a-z][-a-z0-9]{4,20}[a-z0-9]", fullmatch=True)


def chosen(
    on_demand: bool = False, spot: bool = False, reservation: str | None = None, flex: bool = False
) -> tuple[Capacity, bool]:
    return capacity_from_flags(on_demand=on_demand, spot=spot, reservation=reservation, flex=flex)


def test_one_flag_is_one_capacity() -> None:
    assert chosen(on_demand=True) == (OnDemand(), True)
    assert chosen(spot=True) == (Spot(), True)
    assert chosen(flex=True) == (FlexStart(), True)
    assert chosen(reservation="r1") == (Reservation("r1"), True)


def test_no_flag_means_on_demand_and_says_that_none_was_given() -> None:
    assert chosen() == (OnDemand(), False)


def test_two_flags_are_one_fault_that_repeats_them() -> None:
    with pytest.raises(UsageError) as caught:
        chosen(spot=True, reservation="r1")
    (fault,) = caught.value.faults
    assert fault.what == "--spot --reservation r1"
    assert fault.fix == "keep one of these flags"


def test_a_broken_reservation_beside_another_flag_is_two_faults() -> None:
    with pytest.raises(UsageError) as caught:
        chosen(on_demand=True, flex=True, reservation="R_1")
    assert {fault.what for fault in caught.value.faults} == {
        "--reservation R_1",
        "--on-demand --flex --reservation R_1",
    }


@pytest.mark.parametrize(
    ("text", "reservation"),
    [
        ("r1", Reservation("r1")),
        ("projects/p1/reservations/r1", Reservation("r1", "p1")),
        ("projects/example.com:p1/reservations/r1", Reservation("r1", "example.com:p1")),
        ("projects/123456789/reservations/r1", Reservation("r1", "123456789")),
        ("r1/reservationBlocks/b1", Reservation("r1", None, "b1")),
        (
            "projects/p1/reservations/r1/reservationBlocks/b1/reservationSubBlocks/s1",
            Reservation("r1", "p1", "b1", "s1"),
        ),
    ],
)
def test_reservations_by_name_and_by_path(text: str, reservation: Reservation) -> None:
    assert parse_reservation(text) == reservation
    assert reservation.path == text


@given(names, st.none() | projects, st.none() | names, st.none() | names)
def test_a_reservation_s_path_reads_back(
    name: str, project: str | None, block: str | None, sub_block: str | None
) -> None:
    reservation = Reservation(name, project, block, sub_block if block else None)
    assert parse_reservation(reservation.path) == reservation


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R1",
        "r_1",
        "-r",
        "r-",
        "r1\n",
        "r1/b1",
        "projects/p1/r1",
        "projects//reservations/r1",
        "r1/reservationSubBlocks/s1",
        "r1/reservationBlocks/",
        "r" * 64,
        "r1;reboot",
    ],
)
def test_other_text_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reservation(text)
    (fault,) = caught.value.faults
    assert fault.what == f"--reservation {text or repr('')}"
    assert "projects/P/reservations/R" in fault.fix


def test_several_reservations_are_refused_with_the_reason() -> None:
    with pytest.raises(UsageError) as caught:
        parse_reservation("r1,r2")
    (fault,) = caught.value.faults
    assert fault.why == "all slices of a cluster come from one reservation"
    assert fault.fix.startswith("write --reservation r1,")


def test_the_words_of_the_record_and_of_the_plan() -> None:
    kinds: list[Capacity] = [OnDemand(), Spot(), FlexStart(), Reservation("r1", "p1")]
    assert [one.record_name for one in kinds] == ["ON_DEMAND", "SPOT", "FLEX_START", "RESERVATION"]
    assert [one.words for one in kinds] == [
        "on demand",
        "spot",
        "flex-start",
        "reservation projects/p1/reservations/r1",
    ]
