"""Carry a choice out: bring every node's data into its ramdisk, then let the trainers go.

The markers come only when all copies are done, and old data goes only after that, as in the published
`restore.py`: a copy may still be reading it. What is not as published: a node that cannot get its data
is told so in `replicator.failed`; the published one points its marker at nothing and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xpk.rehearsal.driver.backups import Backups
from xpk.rehearsal.driver.choice import Plan
from xpk.rehearsal.driver.names import DATA, PRERESTORE, Part
from xpk.rehearsal.driver.site import Site
from xpk.rehearsal.driver.trees import copy_whole, entries, link_whole, remove, write_whole
from xpk.rehearsal.record.events import Host, Tier


def restore(
    site: Site, job: str, members: Mapping[int, Host], plan: Plan | None, backups: Backups | None
) -> dict[Host, Tier]:
    """Restore by plan, or start afresh without one. Returns the tier that each host was served from.

    A host that is missing in the result could not be served: the fault has been told.
    """
    served: dict[Host, Tier] = {}
    for rank in plan.order if plan is not None else sorted(members):
        try:
            served[members[rank]] = _fetch(site, job, members, rank, plan, backups)
        except OSError as error:
            site.error(members[rank], f"restore failed: {error}", fatal=True)
    for rank, host in members.items():
        if host not in served:
            continue
        try:
            _mark(site, job, host, rank, plan)
        except OSError as error:
            site.error(host, f"restore failed: {error}", fatal=True)
            del served[host]
    return served


def _fetch(
    site: Site, job: str, members: Mapping[int, Host], rank: int, plan: Plan | None, backups: Backups | None
) -> Tier:
    if plan is None:
        return "nothing"
    host, source = members[rank], plan.sources[rank]
    target = site.ramdisk(host) / Part(plan.step, rank).data_name(job)
    if source.holder == rank:
        return "ramdisk"
    if source.holder is not None:
        peer = members[source.holder]
        part = source.part if plan.backup is None else Part(plan.step, source.holder)
        path = site.ramdisk(peer) / part.data_name(job)
        if plan.backup is None or path.exists():
            size = _copy(site, path, target, host)
            if plan.backup is None:
                site.moved(peer, host, size, f"step {plan.step} from a peer")
                return "peer"
            # Read once a position, then passed on: it comes from the bucket all the same.
            site.moved("bucket", host, size, f"step {plan.step} from backup {plan.backup} by way of {peer}")
            return "bucket"
    assert backups is not None
    assert plan.backup is not None
    size = _copy(site, backups.part_path(plan.backup, source.part), target, host)
    site.moved("bucket", host, size, f"step {plan.step} from backup {plan.backup}")
    return "bucket"


def _copy(site: Site, source: Path, target: Path, host: Host) -> int:
    # A forced restore replaces what the ramdisk holds of the same step.
    remove(target)
    return copy_whole(source, target, room=site.room(host))


def _mark(site: Site, job: str, host: Host, rank: int, plan: Plan | None) -> None:
    """Tell the trainer what to restore, and remove all other data of the replicator."""
    ramdisk = site.ramdisk(host)
    if plan is None:
        write_whole(ramdisk / PRERESTORE, "{}\n")
        write_whole(ramdisk / Part(0, rank).marker_name(job), "")
        _keep_only(ramdisk, None)
        return
    part = Part(plan.step, rank)
    data = ramdisk / part.data_name(job)
    source = plan.sources[rank]
    if source.holder == rank and source.part != part:
        remove(data)
        (ramdisk / source.part.data_name(job)).rename(data)
    backup = f"restore-backup: {plan.backup}\n" if plan.backup is not None else ""
    write_whole(ramdisk / PRERESTORE, f"{backup}restore-step: {plan.step}\n")
    # Relative: where the trainer looks from, the ramdisk has another path.
    link_whole(ramdisk / part.marker_name(job), data.name)
    _keep_only(ramdisk, data.name)


def _keep_only(ramdisk: Path, name: str | None) -> None:
    for entry in entries(ramdisk):
        if entry.name.endswith(DATA) and entry.name != name:
            remove(ramdisk / entry.name)
