"""The one question: may this be done? Answered beforehand by `--yes`, or by one line on stdin."""

from __future__ import annotations

import sys

from xpk.cli import output
from xpk.errors import Fault, UsageError


class NotConfirmed(UsageError):
    """Nobody said yes, so nothing was changed. Exit code 2."""


def confirm(question: str, *, harmless: bool = False) -> None:
    """Ask on stderr and read one line, so that `yes |` works. Raises NotConfirmed for all but yes.

    `harmless`: where there is nobody to answer (end of input), go on and say so.
    """
    sys.stdout.flush()
    sys.stderr.write(output.clean(f"{question} [y/N] "))
    sys.stderr.flush()
    there = sys.stdin is not None and not sys.stdin.closed
    answer = sys.stdin.readline() if there else ""
    if not answer.endswith("\n") or not sys.stdin.isatty():
        sys.stderr.write("\n")  # nobody's Enter has ended the line
    if answer.strip().lower() in ("y", "yes"):
        return
    if answer:
        raise NotConfirmed(Fault(question, "not confirmed", "answer y, or add --yes"))
    if not harmless:
        why = "needs an answer, and there is nobody to give one"
        raise NotConfirmed(Fault(question, why, "add --yes to go on without a question"))
    output.say("nobody there to ask, and nothing that exists is changed: going on")
