"""Rank, slice and host from the driver's file or from GKE's variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpk.errors import StateError
from xpk.rehearsal.trainer.lines import began, caught, ignored, loss, restored, stepped
from xpk.rehearsal.trainer.place import (
    Place,
    bind_address,
    from_environment,
    from_init_info,
    wait_for_init_info,
)

TWO_BY_TWO = {"TPU_WORKER_HOSTNAMES": "h0,h1", "MEGASCALE_NUM_SLICES": "2"}


@pytest.mark.parametrize(
    ("text", "slice_index", "host_index"),
    [("0\n127.0.0.1:90\n", 0, 0), ("1\n127.0.0.1:90", 0, 1), ("2\n127.0.0.1:90\n", 1, 0)],
)
def test_the_drivers_rank_decides_the_slice(text: str, slice_index: int, host_index: int) -> None:
    # The ranks that a driver kept need not be those of the pods' own indices.
    place = from_init_info(text, {**TWO_BY_TWO, "MEGASCALE_SLICE_ID": "1", "TPU_WORKER_ID": "1"})
    assert (place.slice_index, place.host_index, place.processes) == (slice_index, host_index, 4)
    assert place.coordinator == "127.0.0.1:90"


@pytest.mark.parametrize("text", ["", "0", "0\n", "4\n127.0.0.1:90\n", "x\n127.0.0.1:90\n", "0\nhere\n"])
def test_a_file_that_does_not_fit_the_job_is_refused(text: str) -> None:
    with pytest.raises(StateError, match=r"jax-init-info\.txt"):
        from_init_info(text, TWO_BY_TWO)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, Place(0, 1, 1, "")),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, Place(0, 1, 1, "")),
        ({"TPU_WORKER_HOSTNAMES": "h0,h1", "TPU_WORKER_ID": "1"}, Place(1, 1, 2, "h0:8476")),
        (
            {
                **TWO_BY_TWO,
                "TPU_WORKER_ID": "1",
                "MEGASCALE_SLICE_ID": "1",
                "MEGASCALE_COORDINATOR_ADDRESS": "c:1",
            },
            Place(3, 2, 2, "c:1"),
        ),
        ({**TWO_BY_TWO, "MEGASCALE_COORDINATOR_ADDRESS": "c"}, Place(0, 2, 2, "c:8476")),
        (
            {**TWO_BY_TWO, "MEGASCALE_COORDINATOR_ADDRESS": "c", "JAX_COORDINATOR_ADDRESS": "127.0.0.1:7"},
            Place(0, 2, 2, "127.0.0.1:7"),
        ),
    ],
)
def test_without_a_ramdisk_gkes_variables_decide(environ: dict[str, str], place: Place) -> None:
    assert from_environment(environ) == place


@pytest.mark.parametrize(
    "wrong",
    [
        {"MEGASCALE_NUM_SLICES": "0"},
        {"MEGASCALE_NUM_SLICES": "two"},
        {"MEGASCALE_SLICE_ID": "2"},
        {"TPU_WORKER_ID": "2"},
        {"TPU_WORKER_ID": "-1"},
    ],
)
def test_variables_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(StateError, match=f"{name}={value}"):
        from_environment({**TWO_BY_TWO, **wrong})


@pytest.mark.parametrize(
    ("coordinator", "bind"),
    [("127.0.0.1:90", "127.0.0.1:90"), ("localhost:90", "127.0.0.1:90"), ("10.0.0.7:90", "10.0.0.7:90")],
)
def test_rank_0_listens_at_its_own_address_only(coordinator: str, bind: str) -> None:
    assert bind_address(coordinator) == bind


class Time:
    """A clock that only sleeping moves; after `writes_at` seconds the driver writes its file."""

    def __init__(self, path: Path, writes: dict[float, str]) -> None:
        self.now = 0.0
        self._path = path
        self._writes = dict(writes)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at in [at for at in self._writes if at <= self.now]:
            self._path.write_text(self._writes.pop(at))


def test_the_wait_ends_with_the_whole_file(tmp_path: Path) -> None:
    time = Time(tmp_path / "jax-init-info.txt", {5.0: "0\n", 7.0: "0\n127.0.0.1:90\n"})
    text = wait_for_init_info(str(tmp_path), 900, clock=time.clock, sleep=time.sleep)
    assert text == "0\n127.0.0.1:90\n"
    assert 7.0 <= time.now < 8.0


def test_the_wait_has_an_end(tmp_path: Path) -> None:
    time = Time(tmp_path / "jax-init-info.txt", {})
    with pytest.raises(StateError, match=r"no jax-init-info\.txt after 900 s"):
        wait_for_init_info(str(tmp_path), 900, clock=time.clock, sleep=time.sleep)
    assert 900 <= time.now < 901


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (began(3, 4, 1, 1), "rehearsal trainer: process 3 of 4, slice 1 host 1"),
        (stepped(16, "0.77"), "completed step: 16, loss: 0.77"),
        (restored(15, "peer", 1234), "restored step 15 from peer, 1234 bytes"),
        (caught(23, True), "caught SIGTERM at step 23, saved"),
        (caught(23, False), "caught SIGTERM at step 23, not saved"),
        (loss(14975, 7), "1.49750000000007"),
        (loss(3, 2**32 - 1), "0.00034294967295"),
        (ignored(("base.yml", "a=1")), "ignored, without meaning for this trainer: base.yml a=1"),
    ],
)
def test_lines_are_word_for_word(line: str, text: str) -> None:
    assert line == text
