"""The one Jinja environment: a template and a view in, Kubernetes objects out.

Every expression of a template is written as JSON, with or without the `json` filter: JSON is
YAML, so no value, whatever it holds, can leave its place in the document. The rendered text is
parsed back before anybody sees it. Which template is used for what is not decided here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import yaml

import xpk

Json = dict[str, Any]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _JsonText(str):
    """Text that is JSON already, so that a value filtered twice is not quoted twice."""

    __slots__ = ()


def _needs_escape(char: str) -> bool:
    """Whether JSON allows it bare and YAML 1.1 does not: line breaks, controls, byte order marks."""
    code = ord(char)
    control_or_half = 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF
    return control_or_half or code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)


def to_json(value: object) -> str:
    """`value` as one line of JSON that a YAML 1.1 parser reads as the same value.

    Characters beyond the basic plane stay as they are: JSON would write them as two
    escapes, which YAML reads as two halves. Raises `jinja2.UndefinedError` for a name that the
    view lacks and `TypeError` for what JSON cannot hold.
    """
    if isinstance(value, _JsonText):
        return value
    if isinstance(value, jinja2.Undefined):
        str(value)  # StrictUndefined raises here, with the name in the message
    text = json.dumps(value, ensure_ascii=False)
    if not text.isascii() or "\x7f" in text:
        text = "".join(f"\\u{ord(char):04x}" if _needs_escape(char) else char for char in text)
    return _JsonText(text)


def templates_folder() -> Path:
    """The folder with the templates: inside the package (wheel) or beside it (clone)."""
    package = Path(xpk.__file__).resolve().parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _compiled_folder(inside: Path) -> Path:
    """Where templates compiled by the installed Jinja are; its version is part of the name."""
    return inside / f"jinja2_{jinja2.__version__.replace('.', '_')}"


def _loader() -> jinja2.BaseLoader:
    """The templates as the wheel brings them compiled, else as they are written."""
    compiled = _compiled_folder(Path(xpk.__file__).resolve().parent / "templates_compiled")
    if compiled.is_dir():
        return jinja2.ModuleLoader(compiled)
    return jinja2.FileSystemLoader(templates_folder())


def compile_templates(target: Path) -> Path:
    """Compile every template below a new folder in `target`; returns that folder. For the wheel's build."""
    compiled = _compiled_folder(target)
    environment().compile_templates(
        compiled, zip=None, ignore_errors=False, filter_func=lambda name: name.endswith((".j2", ".yaml"))
    )
    return compiled


@cache
def environment() -> jinja2.Environment:
    """The environment of all templates, built once."""
    env = jinja2.Environment(
        loader=_loader(),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # `finalize` writes every expression as JSON
        finalize=to_json,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters["json"] = to_json
    return env


def render_text(template_name: str, view: object) -> str:
    """The YAML text of `template_name` (such as `workload/jobset.yaml`), which sees `view` alone."""
    return environment().get_template(template_name).render(view=view)


def render(template_name: str, view: object) -> list[Json]:
    """The documents of a template, parsed; empty documents are left out.

    Raises jinja2's or yaml's own exceptions: both mean a bug in a template, not a user's mistake.
    """
    return [doc for doc in yaml.load_all(render_text(template_name, view), Loader=_Loader) if doc is not None]
