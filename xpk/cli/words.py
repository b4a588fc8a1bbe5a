"""The words of one command line, sorted into flags and values; every fault is kept, none raised.

What a reader (`reader.py`) made of an argv, and the few questions that all commands ask of it.
What a value means is judged in `spec/`.
"""

from __future__ import annotations

from collections.abc import Sequence

from xpk.cli.nearest import nearest
from xpk.errors import FaultCollector


class Words:
    """What was typed. `faults` and `notes` grow while the words are judged.

    `values` and `switches` are keyed by a flag's main name; `typed` holds the spelling that was
    used. `forgotten` names flags that were given without their value (already a fault). `rest`
    are the words that belong to no flag. A plain class: a dataclass would cost a dry run a millisecond.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.values: dict[str, list[str]] = {}
        self.switches: dict[str, bool] = {}
        self.typed: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.rest: tuple[str, ...] = ()
        self.help = False
        self.faults = FaultCollector()
        self.notes: list[str] = []

    def text(self, *names: str) -> str | None:
        """The value of a flag, the last one where it was given more than once; None if not given.

        Several names are synonyms (`--tpu-type`, `--device-type`): they must not contradict.
        """
        given = [(name, self.values[name][-1]) for name in names if name in self.values]
        if len({value for _, value in given}) > 1:
            words = " ".join(f"{name} {value}" for name, value in given)
            self.faults.add(words, "two names of one flag with two values", f"keep {given[0][0]}")
        return given[0][1] if given else None

    def named(self, *names: str) -> str:
        """The one of several synonyms that was typed, for messages; else the first."""
        return next((self.typed.get(name, name) for name in names if name in self.values), names[0])

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may be repeated."""
        return tuple(self.values.get(name, ()))

    def on(self, name: str) -> bool:
        """Whether the switch was given (the last of `--x` and `--no-x` counts)."""
        return self.switches.get(name, False)

    def given(self, name: str) -> bool:
        """Whether the flag was given in any form, also without the value that it needs."""
        return name in self.values or name in self.switches or name in self.forgotten

    def required(self, fix: str, *names: str, why: str = "is missing") -> str | None:
        """The value of a flag that must be given and not empty; a fault and None otherwise."""
        value = self.text(*names)
        if value is not None and value.strip():
            return value
        if value is not None:
            self.faults.add(f"{self.named(*names)} ''", "the value is empty", fix)
        elif not self.forgotten.intersection(names):
            self.faults.add(names[0], why, fix)
        return None

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number, `default` where the flag was not given or is at fault."""
        value = self.text(name)
        if value is None:
            return default
        stripped = value.strip()
        digits = stripped[1:] if stripped[:1] in ("+", "-") else stripped
        if digits.isdecimal() and digits.isascii() and len(digits) < 19:
            return int(stripped)
        example = default or 2
        self.faults.add(f"{name} {value or repr('')}", "not a whole number", f"write {name} {example}")
        return default

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of a few words."""
        value = self.text(name)
        if value is None or value.strip() in choices:
            return default if value is None else value.strip()
        near = nearest(value.strip(), choices) or nearest(value.strip().lower(), choices) or default
        self.faults.add(
            f"{name} {value or repr('')}", f"takes one of {', '.join(choices)}", f"write {name} {near}"
        )
        return default
