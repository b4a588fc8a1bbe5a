"""The word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The closest of the known words, None where none is close. `cutoff` 1 takes equal words alone."""
    from difflib import get_close_matches  # here, because only a mistake needs it

    return next(iter(get_close_matches(word, list(known), 1, cutoff)), None)
