"""Where words leave the program: results to stdout, everything else to stderr.

Text from servers and users is cleaned of control characters before it is printed, so that it
cannot drive a terminal. No rich here: help, dry runs and errors must start fast.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from xpk.errors import Fault, UsageError, XpkError

Row: TypeAlias = Mapping[str, object]
_INDENT = len("error: ")
_PROGRAMS = ("xpk ", "gcloud ", "kubectl ")
_RED, _BOLD, _RESET = "\x1b[31m", "\x1b[1m", "\x1b[0m"


class Colour:
    """Whether colours are wanted at all; `--no-color` and `NO_COLOR` turn them off."""

    wanted = True


class Looked:
    """Whether this process has looked at a project: what an error may claim depends on it."""

    at_project = False


def colour_on_stderr() -> bool:
    """True when stderr is a terminal that may be coloured."""
    return Colour.wanted and not os.environ.get("NO_COLOR") and _on_terminal()


def _on_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def clean(text: str) -> str:
    """`text` with every character that a terminal would act on, but newlines, made harmless.

    Escape sequences, bidirectional overrides and broken UTF-8 become `?`; tabs become blanks.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else " " if c in "\t\r" else "?" for c in text)


def result(text: str) -> None:
    """Print a result. The only way to stdout."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def prepare() -> None:
    """A terminal that cannot show a character gets its code instead of ending the program.

    A stream that was closed before the start is None to Python: what goes there goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Let a reader of stdout see what was printed so far."""
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a line for the person in front of the screen: never part of the result."""
    sys.stdout.flush()
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def notes(lines: Sequence[str]) -> None:
    """Print what should be known though nothing is wrong."""
    for line in dict.fromkeys(lines):
        say(f"\n{'':6}".join(_folded(f"note: {line}", 0, 6)))


def fault_lines(fault: Fault) -> list[str]:
    """A fault as what and why, then what to type, as wide as the terminal; whole lines where there is none.

    A line with a command is never folded: it would not be the same when pasted.
    """
    why = f": {fault.why}" if fault.why else ""
    first, *more = clean(f"{_shortened(fault.what)}{why}").split("\n")
    lines = [
        *_folded(first, _INDENT, _INDENT),
        *_each_folded(more),
        *_each_folded(clean(fault.fix).splitlines()),
    ]
    return [lines[0], *(f"{'':{_INDENT}}{line}" for line in lines[1:])]


def _each_folded(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from [line] if any(name in line for name in _PROGRAMS) else _folded(line, _INDENT, _INDENT)


def _folded(text: str, used: int, indent: int) -> list[str]:
    """The text in lines on a terminal; one line elsewhere, for who searches in it."""
    if not _on_terminal():
        return [text]
    from xpk.plan.layout import folded  # here: help folds nothing, and must start fast

    return folded(text, used, indent, _error_width())


def _error_width() -> int:
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 40)
    except (OSError, ValueError):
        return 80


def error(problem: XpkError) -> None:
    """Print all faults of an error, then how many there were. What mends several in a row stands once."""
    red, reset = (_RED, _RESET) if colour_on_stderr() else ("", "")
    for index, fault in enumerate(problem.faults):
        first, *rest = fault_lines(fault)
        if [later.fix for later in problem.faults[index + 1 : index + 2]] == [fault.fix]:
            rest = []
        sys.stderr.write("\n".join([f"{red}error:{reset} {first}", *rest]) + "\n")
    if problem.exit_code == UsageError.exit_code:
        count = len(problem.faults)
        nothing = "changed" if Looked.at_project else "contacted"
        say(f"{count} fault{'s' if count > 1 else ''}. Nothing was {nothing}.")
    sys.stderr.flush()


def _shortened(text: str, limit: int = 240) -> str:
    """A command of 5 kB is not repeated in full."""
    return text if len(text) <= limit else f"{text[: limit - 20]}... ({len(text)} characters)"


Format: TypeAlias = Literal["table", "json", "yaml"]


def structured(value: Any, form: Literal["json", "yaml"]) -> None:
    """Print a value as JSON or YAML."""
    import json  # here, as PyYAML below: help and errors need neither

    plain = json.dumps(value, indent=2, ensure_ascii=True)
    if form == "yaml":
        import yaml

        plain = str(yaml.safe_dump(json.loads(plain), sort_keys=False, default_flow_style=False))
    result(plain)


def table(rows: Sequence[Row], columns: Sequence[tuple[str, str]], *, width: int = 80) -> str:
    """Rows under headings, parted by two blanks. `columns` holds (key, heading).

    Where the lines would not fit `width`, the last column is cut, never an earlier one: names
    stay whole, so that they can be pasted.
    """
    cells = [[clean(str(row.get(key, ""))).replace("\n", " ") for key, _ in columns] for row in rows]
    lines = [[heading for _, heading in columns], *cells]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    text = []
    for line in lines:
        joined = "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True)).rstrip()
        before = sum(widths[:-1]) + 2 * (len(widths) - 1)
        limit = max(width, before + 12)
        text.append(joined if len(joined) <= limit else joined[: limit - 3] + "...")
    return "\n".join(text) + "\n"


def age(seconds: float) -> str:
    """A short duration: `8s`, `2m14s`, `3h05m`, `12d`."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d"


def width() -> int:
    """Columns of the terminal, or 80 where there is none."""
    try:
        return max(os.get_terminal_size(sys.stdout.fileno()).columns, 80)
    except (OSError, ValueError):
        return 80
