"""Kubernetes' own `$(VAR)` in `command`, `args` and `env[].value`, and how to get past it."""

from __future__ import annotations

import re


def escape_references(text: str) -> str:
    """Text that a container sees as `text` after Kubernetes has expanded it.

    Kubernetes (third_party/forked/golang/expansion) turns `$$` into `$` and `$(NAME)` into a value,
    and copies any other `$` with the one byte after it. That byte is copied as a code point, which
    garbles a letter beyond ASCII. So a `$` is doubled where it stands beside another, before a
    bracket or before such a letter, and stays as it is everywhere else.
    """
    return re.sub(r"\$\$+|\$(?=[(\u0080-\U0010ffff])", lambda found: found[0] * 2, text)
