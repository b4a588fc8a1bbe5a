"""Events as JSON and back, so that a rehearsal can be stored and replayed.

The JSON form of an event is an object with `event` (the class's name in lower case with hyphens:
`pod-started`) and the class's fields under their own names; a host is `[slice, host]`. A list of
such objects replays a rehearsal: `from_json(to_json(event)) == event`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias, get_args

from xpk.rehearsal.record.events import Event, FaultKind, Host, State, Tier

Json: TypeAlias = dict[str, Any]


def to_json(event: Event) -> Json:
    """The event's JSON form, with its kind first."""
    found: Json = {"event": _kind(type(event))}
    for field in fields(event):
        found[field.name] = _plain(getattr(event, field.name))
    return found


def from_json(data: Mapping[str, object]) -> Event:
    """The event of a JSON form. Raises ValueError for anything that `to_json` does not write."""
    kind = data.get("event")
    cls = next((one for one in get_args(Event) if _kind(one) == kind), None)
    if cls is None:
        raise ValueError(f"no event is called {str(kind)[:40]!r}")
    names = [field.name for field in fields(cls)]
    if set(data) != {"event", *names}:
        wrong = sorted({"event", *names} ^ set(data))
        raise ValueError(f"{kind}: missing or unknown: {', '.join(wrong)[:80]}")
    event: Event = cls(*(_READERS[name](name, data[name]) for name in names))
    return event


def _kind(cls: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


def _plain(value: object) -> object:
    if isinstance(value, Host):
        return [value.slice_index, value.host_index]
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is no number")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is no whole number")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _list(name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return value


def _host(name: str, value: object) -> Host:
    found = _list(name, value)
    if len(found) != 2:
        raise ValueError(f"{name} is no [slice, host]")
    return Host(_whole(name, found[0]), _whole(name, found[1]))


def _one_of(alias: object) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in get_args(alias):
            raise ValueError(f"{name} is none of {', '.join(get_args(alias))}")
        return str(value)

    return read


_READERS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "t": _number,
    "host": _host,
    "hosts": lambda name, value: tuple(_host(name, one) for one in _list(name, value)),
    "steps": lambda name, value: tuple(_whole(name, one) for one in _list(name, value)),
    "tier": _one_of(Tier),
    "fault": _one_of(FaultKind),
    "state": _one_of(State),
    **dict.fromkeys(("attempt", "code", "step", "bytes", "used"), _whole),
    **dict.fromkeys(("pod", "node", "loss", "source", "target", "words", "signal", "text"), _text),
}
