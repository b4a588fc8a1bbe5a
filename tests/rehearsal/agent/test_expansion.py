"""`$(NAME)` beside a literal rendering of Kubernetes' own algorithm, and its table of cases."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.agent.expansion import expand

VALUES = {"A": "one", "B": "$(A)", "EMPTY": "", "a.b": "dot"}


def reference(text: str, values: Mapping[str, str]) -> str:
    """third_party/forked/golang/expansion/expand.go, word for word."""
    made, checkpoint, cursor = "", 0, 0
    while cursor < len(text):
        if text[cursor] == "$" and cursor + 1 < len(text):
            made += text[checkpoint:cursor]
            read, is_variable, advance = _try_read(text[cursor + 1 :])
            made += values.get(read, f"$({read})") if is_variable else read
            cursor += advance
            checkpoint = cursor + 1
        cursor += 1
    return made + text[checkpoint:]


def _try_read(text: str) -> tuple[str, bool, int]:
    if text[0] == "$":
        return "$", False, 1
    if text[0] == "(":
        for index in range(1, len(text)):
            if text[index] == ")":
                return text[1:index], True, index + 1
        return "$(", False, 1
    return "$" + text[0], False, 1


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "one"),
        ("x$(A)y$(A)", "xoneyone"),
        ("$(B)", "$(A)"),
        ("$(EMPTY)", ""),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$one"),
        ("$$$$(A)", "$$(A)"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("$(A $(A)", "$(A $(A)"),
        ("$()", "$()"),
        ("cost: 5$", "cost: 5$"),
        ("$(a.b)", "dot"),
        ("$(\n)", "$(\n)"),
    ],
)
def test_cases(text: str, expanded: str) -> None:
    assert expand(text, VALUES) == expanded


@given(st.text(alphabet="$()AB x\n", max_size=12))
def test_it_is_kubernetes_own(text: str) -> None:
    assert expand(text, VALUES) == reference(text, VALUES)
