"""The template engine: no value can leave its place in the document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xpk.render.engine import environment, render, templates_folder, to_json

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    "\x00\x1f\x7f\x85\u2028\ufeff\uffff😀\"'\\{}#: \n"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]


@given(VALUES)
def test_yaml_reads_back_what_went_in(value: object) -> None:
    for template in ("a: {{ view }}\nb: 1\n", "a: {{ view | json }}\nb: 1\n"):
        text = environment().from_string(template).render(view=value)
        for loader in LOADERS:
            assert loader(text).get_single_data() == {"a": value, "b": 1}
    assert json.loads(to_json(value)) == value


def test_a_name_that_the_view_lacks_is_an_error() -> None:
    for template in ("{{ view.nope }}", "{{ view.nope | json }}", "{% if view.nope %}{% endif %}"):
        with pytest.raises(jinja2.UndefinedError):
            environment().from_string(template).render(view={})


def test_what_json_cannot_hold_is_an_error() -> None:
    with pytest.raises(TypeError):
        environment().from_string("{{ view }}").render(view=object())


def test_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "two.yaml").write_text("---\na: {{ view }}\n---\n---\nb: {{ view | json }}\n")
    monkeypatch.setattr(environment(), "loader", jinja2.FileSystemLoader(tmp_path))
    assert render("two.yaml", "x") == [{"a": "x"}, {"b": "x"}]


def test_templates_are_found_from_a_wheel_too(tmp_path: Path) -> None:
    assert (templates_folder() / "workload" / "jobset.yaml").is_file()
    package = tmp_path / "xpk"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    code = (
        "import sys; sys.path.append(sys.argv[1]); import xpk.render.engine as e; print(e.templates_folder())"
    )
    source = Path(sys.modules["xpk"].__file__ or "").parent
    (package / "render").symlink_to(source / "render")
    ran = subprocess.run(
        [sys.executable, "-c", code, str(source.parent)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(ran.stdout.strip()) == (package / "templates").resolve()
