"""The fast decorator makes the same classes as the standard one."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

import xpk.frozen


def make(decorate: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """Three classes, as one decorator or the other makes them."""

    @decorate(frozen=True, slots=True)
    class Point:
        """Two fields, one with a default, and what is no field."""

        kind: ClassVar[str] = "point"
        x: int
        y: int = 2

        @property
        def sum(self) -> int:
            return self.x + self.y

    @decorate(frozen=True, slots=True, kw_only=True)
    class Named:
        """Keywords alone, a factory, a check."""

        name: str
        tags: list[str] = dataclasses.field(default_factory=list)

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("no name")

    @decorate(frozen=True, slots=True)
    class Empty:
        """No fields."""

    return Point, Named, Empty


STANDARD = make(dataclasses.dataclass)
FAST = make(xpk.frozen.dataclass)
ACTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "repr": lambda p, n, e: (repr(p(1)), repr(n(name="a")), repr(e())),
    "equal": lambda p, n, e: (p(1) == p(1, 2), p(1) == p(2), p(1) == 1, n(name="a") == n(name="a")),
    "hash": lambda p, n, e: (hash(p(1)) == hash(p(1)), len({p(1), p(1), p(2)}), hash(e()) == hash(e())),
    "unhashable value": lambda p, n, e: hash(n(name="a")),
    "arguments": lambda p, n, e: (p(1).y, p(x=3, y=4).sum, p(y=1, x=2).x),
    "class variable": lambda p, n, e: (p.kind, p(1).kind),
    "fresh factory": lambda p, n, e: n(name="a").tags is n(name="a").tags,
    "replace": lambda p, n, e: dataclasses.asdict(dataclasses.replace(p(1), y=9)),
    "asdict": lambda p, n, e: dataclasses.asdict(n(name="a", tags=["t"])),
    "fields": lambda p, n, e: [[f.name for f in dataclasses.fields(c)] for c in (p, n, e)],
    "match args": lambda p, n, e: (p.__match_args__, n.__match_args__, e.__match_args__),
    "slots": lambda p, n, e: (p.__slots__, hasattr(p(1), "__dict__")),
    "copies": lambda p, n, e: (copy.copy(p(1)) == p(1), copy.deepcopy(n(name="a")) == n(name="a")),
    "set": lambda p, n, e: setattr(p(1), "x", 2),
    "delete": lambda p, n, e: delattr(p(1), "x"),
    "missing": lambda p, n, e: p(),
    "too many": lambda p, n, e: p(1, 2, 3),
    "unknown": lambda p, n, e: p(1, z=3),
    "twice": lambda p, n, e: p(1, x=1),
    "keyword only": lambda p, n, e: n("a"),
    "checked": lambda p, n, e: n(name=""),
}


def outcome(action: Callable[[Any, Any, Any], Any], classes: tuple[Any, Any, Any]) -> Any:
    try:
        return action(*classes)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("name", ACTIONS)
def test_as_the_standard_decorator(name: str) -> None:
    assert outcome(ACTIONS[name], FAST) == outcome(ACTIONS[name], STANDARD)


def test_other_dataclasses_are_refused() -> None:
    decorate: Any = xpk.frozen.dataclass
    with pytest.raises(TypeError):
        decorate(frozen=False, slots=True)


def test_values_can_be_pickled() -> None:
    from xpk.errors import Fault

    assert pickle.loads(pickle.dumps(Fault("a", "b", "c"))) == Fault("a", "b", "c")
