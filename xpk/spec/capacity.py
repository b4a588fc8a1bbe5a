"""Where the machines of a slice come from: on demand, spot, flex-start or a reservation."""

from __future__ import annotations

import re
from typing import ClassVar

from xpk.errors import Fault, FaultCollector, UsageError
from xpk.frozen import dataclass


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Machines that are free now, for as long as they are wanted."""

    record_name: ClassVar[str] = "ON_DEMAND"

    @property
    def words(self) -> str:
        """How a plan says it."""
        return "on demand"


@dataclass(frozen=True, slots=True)
class Spot:
    """Cheaper machines that can be taken back with 30 seconds' notice."""

    record_name: ClassVar[str] = "SPOT"

    @property
    def words(self) -> str:
        """How a plan says it."""
        return "spot"


@dataclass(frozen=True, slots=True)
class FlexStart:
    """Machines for up to seven days, started when there are enough of them."""

    record_name: ClassVar[str] = "FLEX_START"

    @property
    def words(self) -> str:
        """How a plan says it."""
        return "flex-start"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Machines that were reserved before. `project` is None for the cluster's own project."""

    record_name: ClassVar[str] = "RESERVATION"

    name: str
    project: str | None = None
    block: str | None = None
    sub_block: str | None = None

    @property
    def path(self) -> str:
        """What GKE takes as the value of the reservation affinity; `parse_reservation` reads it back."""
        text = self.name if self.project is None else f"projects/{self.project}/reservations/{self.name}"
        if self.block is not None:
            text += f"/reservationBlocks/{self.block}"
        if self.sub_block is not None:
            text += f"/reservationSubBlocks/{self.sub_block}"
        return text

    @property
    def words(self) -> str:
        """How a plan says it."""
        return f"reservation {self.path}"


Capacity = OnDemand | Spot | FlexStart | Reservation
"""`record_name` is xpk's word for each, kept in the cluster's metadata ConfigMap."""


def capacity_from_flags(
    *, on_demand: bool, spot: bool, reservation: str | None, flex: bool
) -> tuple[Capacity, bool]:
    """The capacity that was asked for, and whether it was: none of the flags means on demand.

    Raises `UsageError` with all faults: more than one of the flags, a broken reservation.
    """
    faults = FaultCollector()
    found: dict[str, Capacity] = {}
    if on_demand:
        found["--on-demand"] = OnDemand()
    if spot:
        found["--spot"] = Spot()
    if flex:
        found["--flex"] = FlexStart()
    words = list(found)
    if reservation is not None:
        words.append(f"--reservation {reservation or repr('')}")
        with faults.gather():
            found["--reservation"] = parse_reservation(reservation)
    if len(words) > 1:
        faults.add(" ".join(words), "slices come from one kind of capacity", "keep one of these flags")
    faults.raise_if_any()
    for capacity in found.values():
        return capacity, True
    return OnDemand(), False


_NAME = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"  # Compute Engine's rule for the names of resources
_PROJECT = r"(?:[a-z0-9][-a-z0-9.]*:)?[a-z0-9][-a-z0-9]{0,29}"  # example.com:name, name or number


def parse_reservation(text: str, flag: str = "--reservation") -> Reservation:
    """Read `[projects/P/reservations/]R[/reservationBlocks/B[/reservationSubBlocks/S]]`.

    Raises `UsageError` for anything else, also for a comma list of several reservations, which
    xpk takes: the pools of one plan would differ in what they are made of.
    """
    match = re.fullmatch(
        rf"(?:projects/(?P<project>{_PROJECT})/reservations/)?(?P<name>{_NAME})"
        rf"(?:/reservationBlocks/(?P<block>{_NAME})(?:/reservationSubBlocks/(?P<sub>{_NAME}))?)?",
        text,
        re.ASCII,
    )
    if match is not None:
        return Reservation(match["name"], match["project"], match["block"], match["sub"])
    what = f"{flag} {text or repr('')}"
    if "," in text:
        first = next((part.strip() for part in text.split(",") if part.strip()), "R")
        why = "all slices of a cluster come from one reservation"
        raise UsageError(Fault(what, why, f"write {flag} {first}, or make one cluster for each"))
    raise UsageError(
        Fault(
            what,
            "not the name of a reservation",
            f"write {flag} R or {flag} projects/P/reservations/R, "
            "with /reservationBlocks/B[/reservationSubBlocks/S] after it for a part of it",
        )
    )
