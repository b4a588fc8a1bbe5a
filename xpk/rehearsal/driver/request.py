"""`replicator.yaml`: how a trainer asks the replicator to serve a job.

The keys and their limits are those of GoogleCloudPlatform/checkpoint-replicator (`util.py`), but for
one: published versions differ on `backup-interval-steps`, and with steps alone the older ones end in
`KeyError: 'backup-interval-minutes'`. A request with it is therefore readable, with no minutes in it.
This is not a YAML reader: Orbax writes one `key: value` a line, and nothing else is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Value: TypeAlias = str | int | tuple[int, ...]

_FRAMEWORKS: Final = ("orbax", "pytorch", "pytorch.distributed")
_NUMBERS: Final = {
    "nodes": 1,
    "node-rank": 0,
    "backup-interval-minutes": 1,
    "backup-interval-steps": 1,
    "peers-per-node": 0,
    "workers-per-node": 1,
    "master-port": 1,
    "assume-data-parallelism": 1,
}
_TEXTS: Final = ("job-name", "framework", "master")
_REQUIRED: Final = ("job-name", "framework", "node-rank", "nodes")


@dataclass(frozen=True, slots=True)
class Request:
    """One node's wish. `minutes` None: the file named no `backup-interval-minutes`.

    `parallelism`: how many groups of nodes hold equal data, 1 when the file does not say.
    """

    job: str
    node_rank: int
    nodes: int
    parallelism: int
    minutes: int | None

    @property
    def partition(self) -> int:
        """Nodes in one group; ranks that are equal modulo this hold equal data."""
        return self.nodes // self.parallelism


def parse_request(text: str) -> Request:
    """The request of a `replicator.yaml`. Raises ValueError with every word that is wrong in it."""
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, colon, rest = line.partition(":")
        if not colon or key in values:
            wrong.append(f"cannot read {line.strip()[:60]!r}")
            continue
        value = _value(key, rest.strip())
        if isinstance(value, ValueError):
            wrong.append(str(value))
        else:
            values[key] = value
    wrong += [f"required key not provided: {key!r}" for key in _REQUIRED if key not in values]
    if wrong:
        raise ValueError("; ".join(wrong))
    return _request(values)


def _value(key: str, text: str) -> Value | ValueError:
    plain = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    if key == "framework" and plain not in _FRAMEWORKS:
        return ValueError(f"framework is {plain[:40]!r}, not one of {', '.join(_FRAMEWORKS)}")
    if key in _TEXTS:
        return plain or ValueError(f"{key} is empty")
    if key == "peer-ranks":
        if re.fullmatch(r"\[\s*(\d+\s*(,\s*\d+\s*)*)?\]", text) is None:
            return ValueError(f"peer-ranks is {text[:40]!r}, not a list of ranks")
        return tuple(int(one) for one in re.findall(r"\d+", text))
    if key not in _NUMBERS:
        return ValueError(f"extra keys not allowed: {key[:40]!r}")
    if re.fullmatch(r"\d{1,9}", text) is None or int(text) < _NUMBERS[key]:
        return ValueError(f"{key} is {text[:40]!r}, not a whole number from {_NUMBERS[key]}")
    return int(text)


def _request(values: Mapping[str, Value]) -> Request:
    nodes, rank = _int(values, "nodes", 1), _int(values, "node-rank", 0)
    parallelism = _int(values, "assume-data-parallelism", 1)
    peers = values.get("peer-ranks", ())
    wrong: list[str] = []
    if rank >= nodes:
        wrong.append(f"node-rank {rank} is not below nodes {nodes}")
    if nodes % parallelism:
        wrong.append(f"nodes {nodes} is not divisible by assume-data-parallelism {parallelism}")
    if isinstance(peers, tuple) and (
        len(set(peers)) != len(peers) or rank in peers or any(peer >= nodes for peer in peers)
    ):
        wrong.append(
            f"peer-ranks {list(peers)} must be others than node-rank {rank}, each once, below {nodes}"
        )
    if ("peer-ranks" in values) == ("peers-per-node" in values):
        wrong.append("exactly one of 'peer-ranks' and 'peers-per-node' must be given")
    if "backup-interval-minutes" in values and "backup-interval-steps" in values:
        wrong.append("'backup-interval-minutes' and 'backup-interval-steps' exclude each other")
    if wrong:
        raise ValueError("; ".join(wrong))
    minutes = values.get("backup-interval-minutes")
    return Request(
        str(values["job-name"]), rank, nodes, parallelism, minutes if isinstance(minutes, int) else None
    )


def _int(values: Mapping[str, Value], key: str, default: int) -> int:
    value = values.get(key, default)
    assert isinstance(value, int)
    return value
