"""JSON patches: what they do, and what is no patch."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.emulator.kubernetes import patches
from xpk.emulator.kubernetes.errors import ApiError

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"op": "add", "path": "/list/0", "value": 9}, {"list": [9, 1, 2], "map": {"a": "x"}}),
        ({"op": "add", "path": "/list/2", "value": 9}, {"list": [1, 2, 9], "map": {"a": "x"}}),
        ({"op": "add", "path": "/list/-", "value": 9}, {"list": [1, 2, 9], "map": {"a": "x"}}),
        ({"op": "replace", "path": "/list/1", "value": 9}, {"list": [1, 9], "map": {"a": "x"}}),
        ({"op": "remove", "path": "/list/0"}, {"list": [2], "map": {"a": "x"}}),
        ({"op": "move", "from": "/map/a", "path": "/map/b"}, {"list": [1, 2], "map": {"b": "x"}}),
        ({"op": "copy", "from": "/map/a", "path": "/b"}, {"list": [1, 2], "map": {"a": "x"}, "b": "x"}),
        ({"op": "test", "path": "/map/a", "value": "x"}, {"list": [1, 2], "map": {"a": "x"}}),
    ],
)
def test_operations(step: Json, expected: Json) -> None:
    target: Json = {"list": [1, 2], "map": {"a": "x"}}
    assert patches.operations(target, [step]) == expected
    assert target == {"list": [1, 2], "map": {"a": "x"}}


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ("remove", 400),
        ([1], 400),
        ([{"op": "remove"}], 400),
        ([{"op": "move", "path": "/map/a"}], 400),
        ([{"op": "turn", "path": "/map/a"}], 400),
        ([{"op": "add", "path": "/list/x", "value": 1}], 422),
        ([{"op": "add", "path": "/list/-1", "value": 1}], 422),
        ([{"op": "add", "path": "/list/3", "value": 1}], 422),
        ([{"op": "replace", "path": "/list/2", "value": 1}], 422),
        ([{"op": "replace", "path": "/list/-", "value": 1}], 422),
        ([{"op": "remove", "path": "/list/-1"}], 422),
        ([{"op": "add", "path": "/map/a/b", "value": 1}], 422),
        ([{"op": "replace", "path": "/map/b", "value": 1}], 422),
        ([{"op": "test", "path": "/map/a", "value": "y"}], 422),
        ([{"op": "remove", "path": ""}], 422),
    ],
)
def test_refusals(patch: Any, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        patches.operations({"list": [1, 2], "map": {"a": "x"}}, patch)
    assert refused.value.code == code
