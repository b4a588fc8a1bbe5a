"""Log lines of trainers as people want to read them: without stamps, without stack frames.

What a line means is decided in `record`; this is about which of hundreds are worth a look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Message:
    """A log line's own words. `info`: it says of itself that nothing is wrong."""

    text: str
    info: bool

    @property
    def kind(self) -> str:
        """Equal for lines that differ in numbers alone, as the same line of several hosts."""
        return _pattern(r"[0-9a-f]*\d[0-9a-f]*").sub("#", self.text)


# glog's and absl's stamp: a letter for the level, month and day, time, thread, file and line.
_STAMP = r"^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w./-]+:\d+\] "
# Frames of a stack, and lines that only continue the one before.
_NO_NEWS = r"^\s*(@\s+0x|\*\*\* |:|Additional GRPC error|File \"|Traceback |\^+$|$)"


def message(text: str) -> Message | None:
    """The words of a line, None where there is nothing in them for a person."""
    if _pattern(_NO_NEWS).match(text):
        return None
    stamp = _pattern(_STAMP).match(text)
    if stamp is None:
        return Message(text.strip(), info=False)
    return Message(text[stamp.end() :].strip(), info=stamp.group(1) == "I")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
