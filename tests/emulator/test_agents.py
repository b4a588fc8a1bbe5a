"""The control route that hands hosts over to an agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xpk.emulator.server import Emulator

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
AGENTS = "/_emulator/agents"


def test_a_clusters_hosts_are_handed_over(call: Call, emulator: Emulator, running: str) -> None:
    for name in ("mtc", running.removeprefix("/v1/")):
        assert call("POST", AGENTS, {"cluster": name, "selector": {"a/b": "c"}}) == (200, {})
    world: Any = emulator.cloud.store.worlds[running.removeprefix("/v1/")]
    assert [note for note in world.notes if note[0] == "serve_outside"] == [
        ["serve_outside", {"a/b": "c"}],
        ["serve_outside", {"a/b": "c"}],
    ]
    assert call("GET", "/_emulator/requests")[1][-1]["path"] != AGENTS


def test_a_cluster_that_is_not_there(call: Call) -> None:
    assert call("POST", AGENTS, {"cluster": "none", "selector": {"a": "b"}})[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"cluster": "mtc"},
        {"selector": {"a": "b"}},
        {"cluster": "mtc", "selector": {}},
        {"cluster": "mtc", "selector": {"a": 1}},
        {"cluster": "mtc", "selector": "a=b"},
        {"cluster": 1, "selector": {"a": "b"}},
        {"cluster": "mtc", "selector": {"a": "b"}, "more": 1},
    ],
)
def test_what_is_no_agent(call: Call, running: str, body: Json) -> None:
    status, answer = call("POST", AGENTS, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
