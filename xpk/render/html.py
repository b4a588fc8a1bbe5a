"""Pages for people: templates whose every expression is escaped as HTML.

Beside `engine`, whose templates make Kubernetes objects and write every expression as JSON. The folder of
templates is the same. Which template is used for what is not decided here.
"""

from __future__ import annotations

from functools import cache

import jinja2

from xpk.render.engine import templates_folder


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals["zip"] = zip
    return env


def render_page(template_name: str, view: object) -> str:
    """The text of `template_name` (such as `rehearsal/report.html`), which sees `view` alone.

    Raises jinja2's own exceptions: they mean a bug in a template, not a user's mistake.
    """
    return _environment().get_template(template_name).render(view=view)
