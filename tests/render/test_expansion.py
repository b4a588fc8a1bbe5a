"""Text survives Kubernetes' `$(VAR)` expansion, against the model of it in conftest.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.render.expansion import escape_references

Expand = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"$(A) $$(A) $$$(A) $$$$(A)", b"<A> $(A) $<A> $$(A)"),
        (b"$$ $A ${A} $( $", b"$ $A ${A} $( $"),
        ("$é".encode(), b"$\xc3\x83\xa9"),
    ],
)
def test_the_model_does_what_kubernetes_does(expand: Expand, text: bytes, wanted: bytes) -> None:
    assert expand(text) == wanted


@given(st.text("$()Aé😀 {") | st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_arrives(expand: Expand, text: str) -> None:
    assert expand(escape_references(text).encode()).decode() == text


@pytest.mark.parametrize("text", ["", "$HOME ${A:-b} $1 $", "a$b", "()"])
def test_nothing_is_changed_without_need(text: str) -> None:
    assert escape_references(text) == text
