"""Which step to restore, and where every node gets its data: pure.

Nodes whose ranks are equal modulo `partition` stand at the same position of different slices and
save equal data, so that any of them can give it to the others (`assume-data-parallelism` of
GoogleCloudPlatform/checkpoint-replicator, `coordinator.py: infer_missing_meta, validate_checkpoint`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from xpk.rehearsal.driver.names import Part


@dataclass(frozen=True, slots=True)
class Source:
    """Where one node's data lies. `holder`: the rank of the node, None for the backup itself."""

    holder: int | None
    part: Part


@dataclass(frozen=True, slots=True)
class Plan:
    """What to restore: `sources[rank]` for every node. `backup`: its name, None for a step in the ramdisks.

    A source may be a node that gets the data itself from the backup: copy in the order of `order`.
    """

    step: int
    sources: tuple[Source, ...]
    backup: str | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """Ranks, those first whose data is there from the beginning."""
        late = {
            rank
            for rank, source in enumerate(self.sources)
            if self.backup is not None and source.holder not in (None, rank)
        }
        ranks = range(len(self.sources))
        return (*(rank for rank in ranks if rank not in late), *sorted(late))


def choose(held: Mapping[int, Collection[Part]], nodes: int, partition: int) -> Plan | None:
    """The newest step that every position still has on some node; None when there is none.

    `held`: what each node has, by its rank of now; a part may carry another rank of the same position.
    Step 0 is never restored: the published coordinator takes it for "no valid checkpoints".
    """
    for step in sorted(
        {part.step for parts in held.values() for part in parts if part.step > 0}, reverse=True
    ):
        sources = _sources(held, step, nodes, partition)
        if sources is not None:
            return Plan(step, sources)
    return None


def choose_from_backup(name: str, parts: Collection[Part], nodes: int, partition: int) -> Plan | None:
    """The newest complete step of a backup: one node a position reads it, the others copy from that node."""
    for step in sorted({part.step for part in parts if part.step > 0}, reverse=True):
        readers = [
            min(
                (part for part in parts if part.step == step and part.rank % partition == position),
                default=None,
            )
            for position in range(partition)
        ]
        sources = [
            Source(None if rank < partition else rank % partition, part)
            for rank in range(nodes)
            if (part := readers[rank % partition]) is not None
        ]
        if len(sources) == nodes:
            return Plan(step, tuple(sources), name)
    return None


def _sources(
    held: Mapping[int, Collection[Part]], step: int, nodes: int, partition: int
) -> tuple[Source, ...] | None:
    """A source for every rank, its own ramdisk first; peers take turns, so that none serves all."""
    found: list[Source] = []
    turns: dict[int, int] = {}
    for rank in range(nodes):
        holders = [
            Source(node, part)
            for node in sorted(held)
            for part in sorted(held[node])
            if part.step == step and part.rank % partition == rank % partition
        ]
        if not holders:
            return None
        own = [source for source in holders if source.holder == rank]
        if own:
            found.append(next((source for source in own if source.part.rank == rank), own[0]))
            continue
        position = rank % partition
        found.append(holders[turns.get(position, 0) % len(holders)])
        turns[position] = turns.get(position, 0) + 1
    return tuple(found)
