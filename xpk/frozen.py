"""`dataclass(frozen=True, slots=True)` that costs a quarter of the time to define.

A command defines about fifty small frozen dataclasses before it does anything, and the standard decorator
compiles six methods for each of them: 30 ms of a start that is wanted in 100. Only `__init__` has to be compiled; the
rest is the same code for every class. Type checkers see the standard decorator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """The standard decorator's result for these arguments, with shared methods."""
        if not (frozen and slots):
            raise TypeError("for other dataclasses use the standard decorator")

        def decorate(cls: type) -> type:
            made = dataclasses.dataclass(repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
            names = tuple(field.name for field in dataclasses.fields(made))
            made.__frozen_values__ = staticmethod(_getter(names))
            made.__setattr__ = _set_once
            made.__delattr__ = _delete
            made.__eq__ = _equal
            made.__hash__ = _hash
            if made.__repr__ is object.__repr__:
                made.__repr__ = _repr
            return made

        return decorate


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _set_once(self: Any, name: str, value: object) -> None:
    """`__init__` may fill each field; nobody may change it."""
    if hasattr(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__frozen_values__(self) == self.__frozen_values__(other)


def _hash(self: Any) -> int:
    return hash(self.__frozen_values__(self))


def _repr(self: Any) -> str:
    values = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{self.__class__.__qualname__}({', '.join(values)})"
