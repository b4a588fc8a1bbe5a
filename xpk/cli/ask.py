"""The one question: may this be done? Answered beforehand by `--yes`, or by one line on stdin."""

from __future__ import annotations

import sys

from xpk.cli import output
from xpk.errors import Fault, UsageError


class NotConfirmed(UsageError):
    """Nobody said yes, so nothing was changed. Exit code 2."""


def confirm(question: str) -> None:
    """Ask on stderr and read one line, so that `yes |` works. Raises NotConfirmed for all but yes."""
    sys.stdout.flush()
    sys.stderr.write(output.clean(f"{question} [y/N] "))
    sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin is not None and not sys.stdin.closed else ""
    if not answer.endswith("\n") or not sys.stdin.isatty():
        sys.stderr.write("\n")
    if not answer:
        why = "needs an answer, and there is nobody to give one"
        raise NotConfirmed(Fault(question, why, "add --yes to go on without a question"))
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed(Fault(question, "not confirmed", "answer y, or add --yes"))
