"""Any event at all, for properties that hold whatever happens."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from hypothesis import strategies as st

from xpk.rehearsal.record.events import Event, FaultKind, Host, State, Tier

WHOLE = st.integers(-1, 10**12)
HOST = st.builds(Host, st.integers(0, 99), st.integers(0, 99))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "t": st.floats(0, 1e6),
    "host": HOST,
    "hosts": st.lists(HOST, max_size=4).map(tuple),
    "steps": st.lists(WHOLE, max_size=4).map(tuple),
    "tier": st.sampled_from(get_args(Tier)),
    "fault": st.sampled_from(get_args(FaultKind)),
    "state": st.sampled_from(get_args(State)),
    **dict.fromkeys(("attempt", "code", "step", "bytes", "used"), WHOLE),
    **dict.fromkeys(("pod", "node", "loss", "source", "target", "words", "signal", "text"), st.text()),
}


def events() -> st.SearchStrategy[Event]:
    return st.one_of(
        *(st.builds(cls, *(FIELDS[field.name] for field in fields(cls))) for cls in get_args(Event))
    )
