"""Where the hosts of a restart got their state from, and how much of it came from afar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from xpk.rehearsal.record.events import Event, Host, Moved, Restored, Tier

BUCKET: Final = "bucket"
"""`Moved.source` and `Moved.target` where it is not a host."""


@dataclass(frozen=True, slots=True)
class Sources:
    """`by_host`: the last word of each host on its restore; `bytes_moved`: what came from elsewhere."""

    by_host: tuple[Restored, ...]
    bytes_moved: int

    @property
    def step(self) -> int | None:
        """The step that all hosts go on from, None for none."""
        if any(one.tier == "nothing" for one in self.by_host):
            return None
        return min((one.step for one in self.by_host), default=None)

    def tiers(self) -> tuple[tuple[Tier, int], ...]:
        """How many hosts each tier served, in the order of `Tier`."""
        counts = Counter(one.tier for one in self.by_host)
        return tuple((tier, counts[tier]) for tier in get_args(Tier) if counts[tier])


def sources(attempt: Iterable[Event], moves: Iterable[Moved]) -> Sources:
    """The restores of one attempt. `moves`: what the driver copied between the fault and training.

    A trainer that finds a step in its ramdisk cannot know that the driver has just put it there, so
    a copy to its host overrules it.
    """
    last: dict[Host, Restored] = {}
    for event in attempt:
        if isinstance(event, Restored):
            # Orbax's own line says no size, and the trainer's line after it does not know the slice.
            last[event.host] = event
    copied: Counter[str] = Counter()
    origin: dict[str, str] = {}
    for move in moves:
        copied[move.target] += move.bytes
        origin.setdefault(move.target, move.source)
    found, total = [], 0
    for host, one in sorted(last.items()):
        source = origin.get(str(host))
        if one.tier == "ramdisk" and source is not None and source != str(host):
            one = replace(one, tier="bucket" if source == BUCKET else "peer")
        found.append(one)
        if one.tier in ("peer", "bucket"):
            total += one.bytes or copied[str(host)]
    return Sources(tuple(found), total)


def from_words(by_host: Sequence[Restored]) -> str:
    """`the ramdisk of slice 0`, `the bucket`, ... as it follows "out of"; empty if no host has told."""
    if not by_host:
        return ""
    hosts = {tier: [one.host for one in by_host if one.tier == tier] for tier in get_args(Tier)}
    if hosts["nothing"]:
        return "nothing"
    if hosts["bucket"]:
        if not hosts["ramdisk"]:
            return "the bucket"  # what a peer sent came from there, too
        return f"the bucket on {len(hosts['bucket'])} of {len(by_host)} hosts"
    own, peer = hosts["ramdisk"], hosts["peer"]
    if not peer:
        return "the hosts' own ramdisks"
    if not own:
        return "the ramdisks of peers"
    slices = sorted({host.slice_index for host in own})
    if not {host.slice_index for host in peer} & set(slices):
        return f"the ramdisk{'s' * (len(slices) > 1)} of slice{'s' * (len(slices) > 1)} {_listed(slices)}"
    one_host = f"slice-{peer[0].slice_index}/{peer[0].host_index}"
    where = one_host if len(peer) == 1 else f"{len(peer)} of {len(by_host)} hosts"
    return f"the hosts' own ramdisks, and a peer's for {where}"


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) > 4:
        return f"{numbers[0]} to {numbers[-1]}" if numbers[-1] - numbers[0] == len(numbers) - 1 else "several"
    return " and ".join(str(number) for number in numbers)
