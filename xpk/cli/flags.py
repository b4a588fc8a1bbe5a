"""What becomes of each flag that a user of xpk may type: it works, is ignored, or is refused.

Pure data: the options that click parses are built elsewhere, those for ignored and refused
flags from these rows. `docs/flags.md` is this table for people, and a test holds the table, the
page and what xpk 1.16 knows together. The rule behind the rows: a flag that only tuned xpk's
own machinery is ignored, and said to be; one whose loss would cost the user something is
refused, with what to type instead.
"""

from __future__ import annotations

from functools import cache

from xpk.cli.flag_row import FlagRow, Kind
from xpk.cli.flags_adapt import cluster_adapt
from xpk.cli.flags_cluster import cluster_create
from xpk.cli.flags_shared import cluster_delete, cluster_describe, cluster_list
from xpk.cli.flags_workload import workload_create, workload_delete, workload_list

__all__ = ["COMMANDS", "FlagRow", "Kind", "flag_rows", "rows_of"]

_TABLES = {
    "cluster adapt": cluster_adapt,
    "cluster create": cluster_create,
    "cluster delete": cluster_delete,
    "cluster describe": cluster_describe,
    "cluster list": cluster_list,
    "workload create": workload_create,
    "workload delete": workload_delete,
    "workload list": workload_list,
}
COMMANDS = tuple(_TABLES)


@cache
def rows_of(command: str) -> tuple[FlagRow, ...]:
    """The rows of one of `COMMANDS`. Raises KeyError for another."""
    return _TABLES[command](command)


@cache
def flag_rows() -> tuple[FlagRow, ...]:
    """The rows of all commands."""
    return tuple(row for command in COMMANDS for row in rows_of(command))
