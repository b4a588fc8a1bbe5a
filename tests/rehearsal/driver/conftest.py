from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.driver.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Two slices of two hosts."""
    return Rig(tmp_path)
