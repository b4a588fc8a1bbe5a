"""Pages: what a template gets is escaped, and what it does not get is an error."""

from __future__ import annotations

import re

import jinja2
import pytest

from xpk.render.engine import templates_folder
from xpk.render.html import render_page


def test_a_view_without_the_names_of_the_template_is_a_bug_and_raises() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_page("rehearsal/report.html", {"title": "x"})


def test_a_template_that_is_not_there_raises() -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        render_page("rehearsal/nothing.html", {})


def test_no_template_of_a_page_switches_escaping_off() -> None:
    pages = sorted((templates_folder() / "rehearsal").glob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"autoescape|Markup|\|\s*safe", text)
