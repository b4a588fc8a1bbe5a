"""Put the compiled templates into the wheel: compiling them takes longer than all else in a dry run.

A build hook of hatchling, never run by the program. `render/engine.py` uses its result when it was
made by the Jinja that is installed, and the templates themselves otherwise.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTemplates(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Adds `xpk/templates_compiled/jinja2_VERSION/` to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a temporary folder and add its files; an editable install needs none."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from xpk.render.engine import compile_templates

        self._folder = tempfile.TemporaryDirectory()
        compiled = compile_templates(Path(self._folder.name))
        for file in sorted(compiled.rglob("*.py")):
            inside = file.relative_to(self._folder.name)
            build_data["force_include"][str(file)] = f"xpk/templates_compiled/{inside}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if version != "editable":
            self._folder.cleanup()
