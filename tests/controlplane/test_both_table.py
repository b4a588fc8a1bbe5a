"""The table of differences itself: nothing in it is unused, and everything has its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.controlplane.differences import DIFFERENCES


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_looked_at(name: str) -> None:
    sources = [path.read_text() for path in Path(__file__).parent.glob("test_both_*.py")]
    assert any(f'"{name}"' in source for source in sources)
    assert DIFFERENCES[name].reason
