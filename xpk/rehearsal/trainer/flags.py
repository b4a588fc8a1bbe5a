"""MaxText's flags as this trainer reads them: `KEY=VALUE` words to one frozen value.

Names and defaults are those of MaxText 0.2.5 (`configs/base.yml`, `configs/types.py`); a flag that
MaxText knows and this trainer has no use for is ignored by name, never refused. Whether the values
fit each other is not judged here (`need`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from xpk.errors import Fault, UsageError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Flags:
    """What was asked. `rehearsal_*` are this trainer's own flags; the others are MaxText's.

    `rehearsal_state_bytes`: bytes of state on one host. `rehearsal_step_seconds`: least time of a
    step. `rehearsal_init_seconds`: longest wait for `jax-init-info.txt` (MaxText waits 900 s).
    `rehearsal_shutdown_seconds`: how long a process that fails waits for the others to end before it
    dies (JAX and MaxText: 300 s, in which a broken job just stands).
    """

    run_name: str = ""
    base_output_directory: str = ""
    steps: int = 150_001
    mesh_axes: tuple[str, ...] = ("data", "fsdp")
    enable_checkpointing: bool = True
    async_checkpointing: bool = True
    checkpoint_period: int = 10_000
    max_num_checkpoints_to_keep: int | None = None
    save_checkpoint_on_start: bool = True
    save_checkpoint_on_completion: bool = True
    enable_autocheckpoint: bool = False
    enable_emergency_checkpoint: bool = False
    enable_multi_tier_checkpointing: bool = False
    local_checkpoint_directory: str = ""
    local_checkpoint_period: int = 0
    multi_tier_checkpointing_backup_interval_minutes: int | None = None
    multi_tier_checkpointing_backup_interval_steps: int | None = None
    mtc_data_parallelism: int = 0
    jax_distributed_initialization_timeout: int = 300
    rehearsal_state_bytes: int = MIB
    rehearsal_step_seconds: float = 0.2
    rehearsal_init_seconds: float = 900.0
    rehearsal_shutdown_seconds: int = 20


@dataclass(frozen=True, slots=True)
class Parsed:
    """The flags, and the words that have no meaning here, as they were typed."""

    flags: Flags
    ignored: tuple[str, ...]


def parse(words: Sequence[str], environ: Mapping[str, str] | None = None) -> Parsed:
    """The flags in `words`; the last of two equal names counts, as in MaxText.

    `run_name` falls back to JOBSET_NAME of `environ` (default: the process's own), as in Orbax's
    `initialize_multi_tier_checkpointing`. Raises UsageError with all values that cannot be read.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, object] = {}
    ignored: list[str] = []
    faults: list[Fault] = []
    for word in words:
        name, equals, text = word.removeprefix("--").partition("=")
        if not equals or name not in _READERS:
            ignored.append(word)
            continue
        try:
            found[name] = _READERS[name](text.strip())
        except ValueError as error:
            faults.append(Fault(f"{name}={text}", str(error), f"{name}={_example(name)}"))
    if faults:
        raise UsageError(*faults)
    if not found.get("run_name"):
        found["run_name"] = environ.get("JOBSET_NAME", "")
    return Parsed(Flags(**found), tuple(ignored))  # type: ignore[arg-type]


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("not a whole number") from None


def _whole_or_none(text: str) -> int | None:
    return None if text.lower() in ("", "none", "null") else _whole(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("not a number of seconds") from None
    if not 0 <= value < float("inf"):
        raise ValueError("not a number of seconds")
    return value


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _axes(text: str) -> tuple[str, ...]:
    """`['data','fsdp']`, also as a shell leaves it: `[data,fsdp]` or `data,fsdp`."""
    inner = text.removeprefix("[").removesuffix("]")
    names = tuple(_unquoted(part.strip()) for part in inner.split(",") if part.strip())
    if not all(name.isidentifier() for name in names) or len(set(names)) != len(names):
        raise ValueError("not a list of different axis names")
    if "data" not in names:
        raise ValueError("there is no axis 'data', along which the slices are laid")
    return names


_READERS: Mapping[str, Callable[[str], object]] = {
    field.name: {
        "str": _unquoted,
        "int": _whole,
        "int | None": _whole_or_none,
        "bool": _boolean,
        "float": _seconds,
        "tuple[str, ...]": _axes,
    }[str(field.type)]
    for field in fields(Flags)
}


def _example(name: str) -> str:
    default = next(field.default for field in fields(Flags) if field.name == name)
    if isinstance(default, tuple):
        return "['data','fsdp']"
    if default is None:
        return "30"
    return str(default).lower() if isinstance(default, bool) else str(default)
