"""Ages in tables, which the server makes since only it knows the emulated time.

The tables themselves are tested on both servers, in tests/controlplane/test_both_tables.py.
"""

from __future__ import annotations

from typing import Any

import pytest

# as kubectl sends it
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, "0s"), (100, "100s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")],
)
def test_the_age_of_an_object(rig: Any, seconds: int, age: str) -> None:
    meta = {"name": "c", "namespace": "default"}
    rig.applied({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}})
    rig.advance(seconds)
    answer = rig.call("GET", rig.path("ConfigMap", "c"), headers=TABLE).body
    assert answer["rows"][0]["cells"] == ["c", 1, age]
