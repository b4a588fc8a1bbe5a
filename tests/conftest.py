"""Fixtures for all tests: golden files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with `tests/golden/NAME`.

    UPDATE_GOLDENS=1 writes the file, and the run still fails: a changed golden is to be
    read, then run again without the variable.
    """

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        wanted = path.read_text() if path.exists() else None
        if wanted == text:
            return
        if os.environ.get("UPDATE_GOLDENS") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            pytest.fail(f"{path.name} was rewritten: read the change, then run again without UPDATE_GOLDENS")
        assert text == wanted, f"{path} differs; UPDATE_GOLDENS=1 rewrites it"

    return check
