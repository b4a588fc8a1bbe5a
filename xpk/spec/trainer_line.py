"""The MaxText line inside `--command`: which `key=value` flags it gives, as far as can be known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xpk.frozen import dataclass
from xpk.spec.shell_words import Command, Word, simple_commands

CHECKPOINT_KEYS: Final = frozenset(
    {
        "enable_checkpointing",
        "enable_emergency_checkpoint",
        "enable_multi_tier_checkpointing",
        "local_checkpoint_directory",
        "local_checkpoint_period",
        "checkpoint_period",
        "multi_tier_checkpointing_backup_interval_minutes",
        "multi_tier_checkpointing_backup_interval_steps",
        "run_name",
        "mesh_axes",
    }
)
"""The flags of MaxText's src/maxtext/configs/base.yml that the checks look at."""

_SHELLS: Final = frozenset({"bash", "sh", "dash", "zsh"})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A flag whose value only the pod's shell knows (`steps=$STEPS`)."""


@dataclass(frozen=True, slots=True)
class TrainerLine:
    """The flags of one call of a trainer.

    `flags` holds the last value of each key, as MaxText takes it. `base_config` says that the
    line names MaxText's own base.yml, so that a key it lacks has MaxText's default; with another
    file the key may be set there.
    """

    flags: Mapping[str, str | Unknown]
    base_config: bool

    def value(self, key: str) -> str | Unknown | None:
        """The value as text, Unknown, or None where the line does not give the key."""
        return self.flags.get(key)

    def switch(self, key: str) -> bool | None:
        """A boolean flag: None where it is not given or cannot be known."""
        value = self.flags.get(key)
        return (
            {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
            if isinstance(value, str)
            else None
        )

    def number(self, key: str) -> int | None:
        """A whole number: None where it is not given, cannot be known or is no number."""
        value = self.flags.get(key)
        return (
            int(value)
            if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,12}", value, re.ASCII)
            else None
        )

    def missing(self, key: str) -> bool:
        """Whether the line does not give the key at all."""
        return key not in self.flags


def trainer_lines(command: str, env: Mapping[str, str] | None = None) -> tuple[TrainerLine, ...]:
    """Every call in `command` that gives MaxText's checkpoint flags, outermost shell first.

    `env` is the container's: MaxText takes `M_LOCAL_CHECKPOINT_PERIOD` for `local_checkpoint_period`
    where the line does not give it (its pyconfig).
    """
    found: list[TrainerLine] = []
    for words in simple_commands(command):
        nested = _shell_text(words)
        if nested is not None:
            found.extend(trainer_lines(nested, env))
            continue
        line = _trainer_line(words, env or {})
        if line is not None:
            found.append(line)
    return tuple(found)


def _shell_text(words: Command) -> str | None:
    """The text of a `bash -c TEXT`, where all of it is known."""
    for index, word in enumerate(words[:-2]):
        if word.text.rsplit("/", 1)[-1] in _SHELLS and words[index + 1].text in ("-c", "-ec", "-lc", "-xc"):
            return None if words[index + 2].opaque else words[index + 2].text
    return None


def _trainer_line(words: Command, env: Mapping[str, str]) -> TrainerLine | None:
    program = next((i for i, word in enumerate(words) if _assignment(word) is None), len(words))
    if program == len(words) or words[program].text in ("export", "echo", "declare", "local", "readonly"):
        return None
    flags: dict[str, str | Unknown] = {}
    for word in words[program + 1 :]:
        key = _assignment(word)
        if key is not None:
            flags[key] = Unknown() if word.opaque else word.text.partition("=")[2]
    if not flags.keys() & CHECKPOINT_KEYS:
        return None
    for key in CHECKPOINT_KEYS - flags.keys():
        if (value := env.get(f"M_{key.upper()}")) is not None:
            flags[key] = value
    base = any(word.text.rsplit("/", 1)[-1] == "base.yml" for word in words)
    unknown_words = any(word.opaque and _assignment(word) is None for word in words[program:])
    return TrainerLine(flags, base and not unknown_words)


def _assignment(word: Word) -> str | None:
    match = re.match(r"([A-Za-z_][A-Za-z0-9_]*)=", word.text, re.ASCII)
    return match[1] if match else None
