"""Paths and bucket addresses replaced in a command and an environment, by whole path components.

`/local` is found in `--dir=/local/x`, `A:/local` and `"/local"`, not in `/localhost`,
`/usr/local`, `$HOME/local` or `"$HOME"/local`; `gs://b` not in `gs://b2`. Pure. What a program
reads elsewhere (its files, its defaults) is out of reach: that is why mounts are preferred.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

# A path begins at the start of the text or after one of these, with any opening quotes between.
# `:-` and its kin are the shell's `${NAME:-/local}`.
_BEFORE = r"""(?P<before>(?:^|[\s=:,;(\[{<>|&`!]|:[-+?])["'\\]*)"""
_AFTER = r"""(?=$|[/\s"'\\=:,;()\]}<>|&`])"""


@dataclass(frozen=True, slots=True)
class Replacement:
    """`what` was replaced by `by` in these places: "command", "environment NAME"."""

    what: str
    by: str
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Substituted:
    """A command and an environment after substitution, and what was replaced in them."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    replaced: tuple[Replacement, ...]


def substitute(argv: Sequence[str], env: Mapping[str, str], by: Mapping[str, str]) -> Substituted:
    """`argv` and `env` with every path or `gs://BUCKET` that is a key of `by` replaced.

    The longest key wins (`/mnt/ckpt/local` before `/mnt/ckpt`), and what was put in is not looked
    at again. The keys of `replaced` are in the order of `by`; those that occur nowhere are not in it.
    """
    keys = {key.rstrip("/"): value.rstrip("/") for key, value in by.items() if key.rstrip("/")}
    if not keys:
        return Substituted(tuple(argv), dict(env), ())
    ordered = sorted(keys, key=len, reverse=True)
    pattern = re.compile(f"{_BEFORE}(?P<key>{'|'.join(map(re.escape, ordered))}){_AFTER}")
    found: dict[str, dict[str, None]] = {key: {} for key in keys}

    def replace(text: str, where: str) -> str:
        def one(match: re.Match[str]) -> str:
            found[match["key"]].setdefault(where)
            return match["before"] + keys[match["key"]]

        return pattern.sub(one, text)

    new_argv = tuple(replace(word, "command") for word in argv)
    new_env = {name: replace(value, f"environment {name}") for name, value in env.items()}
    return Substituted(new_argv, new_env, tuple(_told(found, keys)))


def _told(found: Mapping[str, Mapping[str, None]], keys: Mapping[str, str]) -> Iterator[Replacement]:
    for key, where in found.items():
        if where:
            yield Replacement(key, keys[key], tuple(where))
