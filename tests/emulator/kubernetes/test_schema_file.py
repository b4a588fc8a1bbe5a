"""The generated schemas are those of the installed client, and small."""

from __future__ import annotations

import importlib.util
from pathlib import Path

GENERATOR = Path(__file__).parent / "generate_schema.py"


def test_the_committed_file_is_what_the_generator_writes() -> None:
    spec = importlib.util.spec_from_file_location("generate_schema", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text() == module.text(), f"run python {GENERATOR.name}"
    assert module.TARGET.stat().st_size < 250_000
