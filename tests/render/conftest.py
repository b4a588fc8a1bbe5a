"""Fixtures for rendered manifests: what Kubernetes does to a container's command and values."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def kubernetes_expand(text: bytes) -> bytes:
    """What Kubernetes does to `command`, `args` and `env[].value` (expansion.Expand), byte by byte."""
    out, at = b"", 0
    while at < len(text):
        byte = text[at : at + 1]
        if byte != b"$" or at + 1 == len(text):
            out, at = out + byte, at + 1
            continue
        following = text[at + 1]
        end = text.find(b")", at + 2)
        if following == ord("$"):
            out, at = out + b"$", at + 2
        elif following == ord("(") and end >= 0:
            out, at = out + b"<" + text[at + 2 : end] + b">", end + 1
        elif following == ord("("):
            out, at = out + b"$(", at + 2
        else:  # Go's string(byte) is the code point of that number
            out, at = out + b"$" + chr(following).encode(), at + 2
    return out


@pytest.fixture(scope="session")
def expand() -> Callable[[bytes], bytes]:
    """Kubernetes' expansion as a function; an unknown name comes out in angle brackets."""
    return kubernetes_expand
