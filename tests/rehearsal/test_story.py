"""The story of a rehearsal, without an emulator: what happens in which order, and how it ends badly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from xpk.errors import NotReady, StateError
from xpk.rehearsal import story
from xpk.rehearsal.children import XPK
from xpk.rehearsal.story import Changed, Glimpse, HostLost, Ran, Recovered, Rehearsal, Told, Typed


@dataclass
class Eyes:
    """Sees what it is told, one look after the other; the last look stays."""

    looks: list[Glimpse]

    def workload(self) -> Glimpse:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def node(self, slice_index: int) -> str:
        return f"node-of-{slice_index}"


@dataclass
class World:
    """What the story did: commands, faults, and how long it waited."""

    code: int = 0
    typed: list[list[str]] = field(default_factory=list)
    faults: list[Mapping[str, object]] = field(default_factory=list)
    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        made.typed.append(words[len(XPK) :])
        made.now += 1
        return subprocess.CompletedProcess(words, made.code)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(story, "inject", lambda url, fault: made.faults.append(fault))
    return made


RUNNING = Glimpse("Running", True, 0, False)
STARTING = Glimpse("Starting 3/8", False, 0, False)
RESTARTING = Glimpse("Restarting 1/50", False, 1, False)
BACK = Glimpse("Running", True, 1, False)


def rehearsal(world: World, looks: list[Glimpse]) -> Rehearsal:
    return Rehearsal(
        "http://127.0.0.1:1", "v6e-16", 2, {}, Eyes(looks), clock=lambda: world.now, sleep=world.sleep
    )


def test_the_whole_story(world: World) -> None:
    looks = [STARTING, STARTING, RUNNING, RUNNING, RUNNING, RESTARTING, RESTARTING, BACK]
    beats = list(rehearsal(world, looks).beats())
    assert [words[:2] for words in world.typed] == [
        ["cluster", "create"],
        ["cluster", "create"],
        ["workload", "create"],
        ["workload", "list"],
        ["workload", "list"],
    ]
    assert world.typed[0] == world.typed[1]
    assert [beat.line.split()[0] for beat in beats if isinstance(beat, Typed)] == ["xpk"] * 5
    assert world.faults == [{"world": "host-lost", "cluster": "rehearsal", "node": "node-of-1"}]
    assert [beat.words for beat in beats if isinstance(beat, Changed)] == [
        "Starting 3/8",
        "Running",
        "Restarting 1/50",
        "Running",
    ]
    assert [type(beat) for beat in beats[-4:]] == [Changed, Recovered, Typed, Ran]
    (recovered,) = [beat for beat in beats if isinstance(beat, Recovered)]
    assert 0 < recovered.noticed < recovered.running
    assert recovered.restarts == 1
    assert sum(isinstance(beat, HostLost) for beat in beats) == 1
    assert sum(isinstance(beat, Told) for beat in beats) == 4


def test_a_restart_between_two_looks_is_seen(world: World) -> None:
    beats = list(rehearsal(world, [RUNNING, RUNNING, BACK]).beats())
    assert any(isinstance(beat, Recovered) for beat in beats)


def test_a_command_that_fails_ends_it(world: World) -> None:
    world.code = 5
    with pytest.raises(StateError, match="ended with 5"):
        list(rehearsal(world, [RUNNING]).beats())
    assert len(world.typed) == 1


def looks_for_ever() -> Iterator[list[Glimpse]]:
    yield [STARTING]
    yield [RUNNING, RUNNING, RESTARTING]
    yield [Glimpse("Failed: exit 1", False, 0, True)]


@pytest.mark.parametrize("looks", list(looks_for_ever()))
def test_it_does_not_wait_for_ever(looks: list[Glimpse], world: World) -> None:
    with pytest.raises(NotReady, match="is not running"):
        list(rehearsal(world, looks).beats())
    assert world.now < 130


def test_the_document_s_commands_are_typed(world: World) -> None:
    list(rehearsal(world, [RUNNING, RUNNING, BACK]).beats())
    create, run = world.typed[0], world.typed[2]
    for flag in (
        "--enable-mtc",
        "--enable-gcsfuse-csi-driver",
        "--mtc-ramdisk-size=60000Mi",
        "--tpu-type=v6e-16",
    ):
        assert flag in create
    for flag in ("--ramdisk-directory=ramdisk", "--mtc-enabled", "--num-slices=2"):
        assert flag in run
    assert "local_checkpoint_directory=/ramdisk" in run[-1]
    assert "enable_emergency_checkpoint=True" in run[-1]
