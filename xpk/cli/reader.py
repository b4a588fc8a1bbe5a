"""From an argv to `Words`.

Follows argparse where xpk's users rely on it: `--flag=value` and `--flag value` in any order,
flags behind `--command`, values with leading blanks. A word that looks like a flag is taken as a
value, unless it is a flag of this very command: then the value was forgotten. Unlike argparse
(and click) it goes on after a fault, so that a person sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from xpk.cli.flag import Flag
from xpk.cli.nearest import nearest
from xpk.cli.words import Words

HELP = ("--help", "-h")
_HINTS = {
    "--region": "--zone REGION: it takes a region too where a region is enough",
    "--location": "--zone ZONE",
    "--slices": "--num-slices",
    "--image": "--docker-image",
    "--name": "--cluster NAME or --workload NAME",
    "--version": "xpk version alone",
}


class Decision(NamedTuple):
    """What happens to a flag that xpk knows and this program does not act on.

    `instead` is empty for a flag that is accepted without effect.
    """

    takes_value: bool
    why: str
    instead: str


class Reader:
    """Reads one argv for one command. `positionals` None: the first free word starts the rest."""

    def __init__(
        self,
        command: str,
        flags: Iterable[Flag],
        positionals: int | None = 0,
        decide: Callable[[str], Decision | None] = lambda name: None,
    ) -> None:
        flags = list(flags)
        self._words = Words(command)
        self._flags = {name: flag for flag in flags for name in flag.names}
        self._off = {flag.off: flag for flag in flags if flag.off}
        self._positionals = positionals
        self._decide = decide
        self._free: list[str] = []

    def read(self, argv: Sequence[str]) -> Words:
        """Sort all words. Raises nothing: what is wrong is in `faults` of the result."""
        rest = list(reversed(argv))
        while rest:
            word = rest.pop()
            if word == "--" or (self._positionals is None and not word.startswith("-")):
                self._free += [*([] if word == "--" else [word]), *reversed(rest)]
                break
            if word.startswith("-") and len(word) > 1:
                self._flag(word, rest)
            else:
                self._free.append(word)
        self._place_free_words()
        self._check_encoding(argv)
        return self._words

    def _flag(self, word: str, rest: list[str]) -> None:
        name, equals, value = word.partition("=")
        attached = value if equals else None
        if not word.startswith("--") and name not in self._flags and word[:2] in self._flags:
            name, attached = word[:2], word[2:]  # -ojson
        if name in HELP:
            self._words.help = True
        elif name in self._flags:
            self._known(self._flags[name], name, attached, rest)
        elif name in self._off:
            self._switch(self._off[name], name, attached, False)
        elif (decision := self._decide(name)) is not None:
            self._decided(decision, name, attached, rest)
        else:
            self._unknown(name, word, attached, rest)

    def _known(self, flag: Flag, name: str, attached: str | None, rest: list[str]) -> None:
        if flag.kind == "switch":
            self._switch(flag, name, attached, True)
            return
        self._words.typed[flag.main_name] = name
        value = attached if attached is not None else self._next_value(name, rest)
        if value is None:
            self._words.forgotten.add(flag.main_name)
            return
        values = self._words.values.setdefault(flag.main_name, [])
        if values and flag.kind == "value" and values[-1] != value:
            self._words.notes.append(f"{name} is given more than once, the last one counts: {value}")
        values.append(value)
        while flag.kind == "list" and rest and not rest[-1].startswith("-"):
            values.append(rest.pop())

    def _switch(self, flag: Flag, name: str, attached: str | None, on: bool) -> None:
        if attached is not None:
            self._words.faults.add(f"{name}={attached}", "the flag takes no value", f"write {name} alone")
        self._words.switches[flag.main_name] = on
        self._words.typed[flag.main_name] = name

    def _decided(self, decision: Decision, name: str, attached: str | None, rest: list[str]) -> None:
        value = attached
        if decision.takes_value and attached is None:
            value = self._next_value(name, rest)
        what = f"{name} {value}" if value else name
        self._words.typed[name] = name
        if decision.instead:
            self._words.faults.add(what, decision.why, decision.instead)
        else:
            self._words.notes.append(f"{what}: accepted, without effect: {decision.why}")

    def _next_value(self, name: str, rest: list[str]) -> str | None:
        if not rest or rest[-1] == "--":
            self._words.faults.add(name, "needs a value", f"write {name}=VALUE, or leave it out")
            return None
        word = rest[-1]
        if self._is_flag(word):
            why = f"needs a value, but the next word is the flag {word.partition('=')[0]}"
            self._words.faults.add(name, why, f"write {name}=VALUE, or leave it out")
            return None
        return rest.pop()

    def _is_flag(self, word: str) -> bool:
        """Whether the word is surely one of this command's flags and no value."""
        name = word.partition("=")[0]
        if any(blank in word for blank in " \t\n"):
            return False
        return name.startswith("-") and (
            name in self._flags or name in self._off or name in HELP or self._decide(name) is not None
        )

    def _unknown(self, name: str, word: str, attached: str | None, rest: list[str]) -> None:
        if attached is None and self._positionals == 0 and rest and not rest[-1].startswith("-"):
            word = f"{word} {rest.pop()}"  # surely its value: one fault is enough
        near = _HINTS.get(name) or nearest(name, [*self._flags, *self._off])
        fix = f"write {near}" if near else f"xpk {self._words.command} --help lists the flags"
        self._words.faults.add(word, f"xpk {self._words.command} has no such flag", fix)

    def _place_free_words(self) -> None:
        limit = self._positionals
        self._words.rest = tuple(self._free if limit is None else self._free[:limit])
        for word in [] if limit is None else self._free[limit:]:
            fix = "put quotes around a value that has blanks" if limit == 0 else "leave it out"
            self._words.faults.add(word or repr(""), "a word that belongs to no flag", fix)

    def _check_encoding(self, argv: Sequence[str]) -> None:
        for word in argv:
            try:
                word.encode()
            except UnicodeEncodeError:
                shown = word.encode(errors="replace").decode()
                self._words.faults.add(shown, "not UTF-8 text", "write it in UTF-8")
            if "\0" in word:
                self._words.faults.add(word.replace("\0", "?"), "holds a NUL", "leave the NUL out")
