"""A slice of the same family that a laptop can stand for. Pure."""

from __future__ import annotations

from xpk.catalog.slices import SliceType, slice_types
from xpk.errors import Fault, UsageError
from xpk.rehearsal.record.outcome import Override


def scaled(wanted: SliceType, hosts: int, flag: str) -> tuple[SliceType, tuple[Override, ...]]:
    """The family's slice with `hosts` hosts, and what that changed. UsageError where there is none."""
    if wanted.hosts == hosts:
        return wanted, ()
    same = [one for one in slice_types(wanted.family) if one.multi_host]
    found = next((one for one in same if one.hosts == hosts), None)
    if found is None:
        sizes = sorted({one.hosts for one in same if one.hosts <= 64})
        why = f"no {wanted.family} slice has {hosts} hosts; there are {', '.join(map(str, sizes))}"
        raise UsageError(Fault(f"{flag} {hosts}", why, f"write {flag} {sizes[0]}"))
    why = f"{hosts} hosts of a slice run here, not {wanted.hosts}"
    return found, (Override("--tpu-type", wanted.name, found.name, why),)
