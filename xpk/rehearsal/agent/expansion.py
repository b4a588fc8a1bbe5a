"""Kubernetes' `$(NAME)` in a container's command, args and env values.

The rules are those of k8s.io/kubernetes third_party/forked/golang/expansion: a known name is replaced, an
unknown one stays as it is written, `$$` is one `$`, and nothing is expanded twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with its references replaced."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "$"
        return values.get(name, match[0])

    return re.sub(r"\$(?:\$|\(([^)]*)\))", value, text)
