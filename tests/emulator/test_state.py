"""The state directory: what one emulator leaves, the next one goes on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator
from xpk.emulator.state import FILE

Json = dict[str, Any]
Call = Callable[..., tuple[int, Any]]
PARENT = "/v1/projects/proj-1/locations/us-east5"
BINDING = {"role": "roles/storage.objectUser", "members": ["user:a@example.com"]}


def test_everything_comes_back(
    call_at: Call, world_factory: Any, tmp_path: Path, mtc_cluster: Json, slice_pool: Json
) -> None:
    clock = ManualClock()
    with Emulator(clock=clock, world_factory=world_factory, state_dir=tmp_path) as first:
        call_at(first, "POST", f"{PARENT}/clusters", {"cluster": mtc_cluster})
        clock.jump(1000)
        operation = call_at(first, "POST", f"{PARENT}/clusters/mtc/nodePools", {"nodePool": slice_pool})[1]
        call_at(first, "PUT", "/storage/v1/b/my-bucket/iam", {"bindings": [BINDING]})
        clock.jump(60)
        before = call_at(first, "GET", "/_emulator/objects")[1]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    later = ManualClock(start=0)
    with Emulator(clock=later, world_factory=world_factory, state_dir=tmp_path) as second:
        assert call_at(second, "GET", "/_emulator/objects")[1] == before
        path = f"{PARENT}/operations/{operation['name']}"
        assert call_at(second, "GET", path)[1]["status"] == "RUNNING"
        later.jump(100)
        assert call_at(second, "GET", path)[1]["status"] == "DONE"
        world: Any = second.cloud.store.worlds["projects/proj-1/locations/us-east5/clusters/mtc"]
        assert world.notes[-1] == ["add_pool", "mtc-np-0", 16, 16]


def test_changes_are_written_while_running(
    call_at: Call, world_factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ticker writes by itself: a killed emulator loses at most the debounce time."""
    import threading

    from xpk.emulator import state, ticker

    written = threading.Event()
    real = state.save

    def noting(directory: Path, cloud: Any) -> None:
        real(directory, cloud)
        written.set()

    monkeypatch.setattr(ticker, "DEBOUNCE", 0.01)
    monkeypatch.setattr(state, "save", noting)
    with Emulator(time_scale=1, world_factory=world_factory, state_dir=tmp_path) as emulator:
        call_at(emulator, "PUT", "/storage/v1/b/my-bucket/iam", {"bindings": [BINDING]})
        assert written.wait(10)
        stored = json.loads((tmp_path / FILE).read_text())
    assert stored["buckets"][0]["bindings"] == [BINDING]


def test_a_directory_that_is_not_there_is_made(world_factory: Any, tmp_path: Path) -> None:
    with Emulator(time_scale=0, world_factory=world_factory, state_dir=tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "a" / "b" / FILE).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": 2}'])
def test_a_file_that_is_no_state(world_factory: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    emulator = Emulator(time_scale=0, world_factory=world_factory, state_dir=tmp_path)
    with pytest.raises(ValueError, match="is not a state of this emulator"):
        emulator.start()
    emulator.stop()
    assert (tmp_path / FILE).read_text() == text
