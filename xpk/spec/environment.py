"""Environment variables that a person gives a workload: `--env K=V` and `--env-file`.

Names are checked by Kubernetes' rule, values are kept as they are. Not here: the variables
that xpk adds by itself (`render/workload.py`) and Kubernetes' `$(VAR)` (`render/expansion.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from xpk.errors import Fault, FaultCollector, UsageError
from xpk.frozen import dataclass

MAX_STRING_BYTES = 131_071
"""The longest argument or `K=V` that Linux passes to a program (MAX_ARG_STRLEN less the final zero)."""


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One variable of the container, name and value as the program sees them."""

    name: str
    value: str


def check_sources(env: Sequence[str], env_file: str | None) -> None:
    """Raise `UsageError` if both `--env` and `--env-file` are given: xpk's rule, kept."""
    if env and env_file is not None:
        why = "variables come from one place, so that it is plain which value wins"
        raise UsageError(Fault("--env with --env-file", why, "put the --env lines into the file, or drop it"))


def parse_env(items: Sequence[str], flag: str = "--env") -> tuple[EnvVar, ...]:
    """Read `K=V` items. The value is everything after the first `=`, with line ends and quotes.

    A name given twice keeps its last value, as in a shell. Raises `UsageError` with all faults:
    an item without `=`, a name or a value that a container cannot have.
    """
    faults = FaultCollector()
    values: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            what, why = f"{flag} {_short(item) or repr('')}", "a variable here needs a value"
            faults.add(what, why, f"write {flag} {_short(item) or 'NAME'}=VALUE")
            continue
        with faults.gather():
            _check(f"{flag} {_short(name)}=...", name, value)
        values[name] = value
    faults.raise_if_any()
    return _variables(values)


def parse_env_file(text: str, path: str, environ: Mapping[str, str]) -> tuple[EnvVar, ...]:
    """Read the text of an env file as `docker run --env-file` does, strictly.

    One `NAME=VALUE` a line; blank lines and lines that start with `#` are skipped. There is
    no quoting: quotes, `#` and blanks after the `=` belong to the value. A line with a name
    alone copies the caller's variable from `environ`. A name given twice keeps its last value.
    Raises `UsageError` with a fault for every broken line, by its number.
    """
    faults = FaultCollector()
    values: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r").lstrip(" \t")
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        what = f"{path}, line {number}: {_short(name)}{'=...' if equals else ''}"
        if not equals:
            name = name.rstrip()
            if _legal_name(name) and name not in environ:
                why = "a name alone copies a variable of yours, and you have none of that name"
                faults.add(what, why, f"write {name}=VALUE, or export {name} first")
                continue
            value = environ.get(name, "")
        with faults.gather():
            _check(what, name, value)
        values[name] = value
    faults.raise_if_any()
    return _variables(values)


def text_problem(text: str) -> str | None:
    """Why `text` cannot be passed to a program in a container, or None if it can."""
    if "\0" in text:
        return "it holds a zero byte, which no program can be given"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it is not UTF-8, and Kubernetes keeps text as UTF-8 alone"
    if size > MAX_STRING_BYTES:
        return f"it has {size} bytes and Linux passes at most {MAX_STRING_BYTES} in one piece"
    return None


def _variables(values: Mapping[str, str]) -> tuple[EnvVar, ...]:
    return tuple(EnvVar(name, value) for name, value in values.items())


def _check(what: str, name: str, value: str) -> None:
    if not _legal_name(name):
        why = "Kubernetes takes names of A-Z, a-z, 0-9, _, . and -, not starting with a digit"
        if name.startswith("export "):
            raise UsageError(
                Fault(what, why, f"write {name.removeprefix('export ').strip()}=... without export")
            )
        raise UsageError(Fault(what, why, f"rename it, for instance to {_nearest_name(name)}"))
    problem = text_problem(f"{name}={value}")
    if problem is not None:
        raise UsageError(Fault(what, problem, "put it into a file of the image or of a --mount"))


def _legal_name(name: str) -> bool:
    """Kubernetes' IsEnvVarName (apimachinery pkg/util/validation), the strict rule that all versions take."""
    legal = re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name)
    return legal is not None and name != "." and not name.startswith("..")


def _nearest_name(name: str) -> str:
    words = re.sub(r"[^A-Za-z0-9_]+", "_", name.strip()).strip("_")
    return f"_{words}" if not words or words[0].isdigit() else words


def _short(text: str, limit: int = 60) -> str:
    """A name on one line of a message. Values are never shown: some are secrets."""
    shown = text.split("\n", 1)[0]
    return shown if len(shown) <= limit and shown == text else f"{shown[:limit]}..."
