"""The state directory: one JSON file, replaced as a whole."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpk.emulator.cloud import Cloud

FILE = "emulator.json"


def save(directory: Path, cloud: Cloud) -> None:
    """Write everything; a reader sees the old file or the new one, never half of one."""
    # what `dump` gives is still the living state: no request may change it while it is written out
    with cloud.lock:
        text = json.dumps(cloud.dump(), separators=(",", ":"))
    directory.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=FILE, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, directory / FILE)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(directory: Path, cloud: Cloud) -> None:
    """Read what `save` wrote; no file is no state. Raises ValueError for what is no state."""
    path = directory / FILE
    if not path.exists():
        return
    try:
        cloud.load(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a state of this emulator: {error!r}") from error
