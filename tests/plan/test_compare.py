"""Whether what exists is as wanted: everything wanted is there, the rest does not count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.plan.compare import differences

SAME: list[tuple[Any, Any]] = [
    ({"a": 1}, {"a": 1, "default": 2}),
    ({"a": {"b": []}}, {"a": {}}),
    ({"on": False}, {}),
    ({"q": "512"}, {"q": 512}),
    ({"q": "4096Mi"}, {"q": "4Gi"}),
    ({"q": "1"}, {"q": "1000m"}),
]
DIFFERENT: list[tuple[Any, Any, str]] = [
    ({"a": 1}, {"a": 2}, "a"),
    ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b"),
    ({"a": {"b": "x"}}, {}, "a"),
    ({"l": [1, 2]}, {"l": [1]}, "l"),
    ({"l": [{"n": "a"}]}, {"l": [{"n": "b"}]}, "l[0].n"),
    ({"q": "60000Mi"}, {"q": "60Gi"}, "q"),
    ({"q": "1"}, {"q": "True"}, "q"),
]


@pytest.mark.parametrize(("wanted", "actual"), SAME)
def test_same(wanted: Any, actual: Any) -> None:
    assert list(differences(wanted, actual)) == []


@pytest.mark.parametrize(("wanted", "actual", "path"), DIFFERENT)
def test_different(wanted: Any, actual: Any, path: str) -> None:
    assert [found for found, _, _ in differences(wanted, actual)] == [path]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_everything_equals_itself(value: Any) -> None:
    assert list(differences(value, value)) == []


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.text(min_size=4, max_size=5), JSON)
def test_what_a_server_adds_does_not_count(value: dict[str, Any], key: str, added: Any) -> None:
    assert list(differences(value, value | {key: added})) == []
