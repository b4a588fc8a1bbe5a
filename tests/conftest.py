"""Fixtures for all tests: golden files, signals as programs expect them, release files that are read once."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """`-n auto`: one worker more than there are cores, as the tests on the control plane mostly wait."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores + 1


def pytest_collection_finish() -> None:
    """Keep Python's collector from going through all modules again and again: what is loaded by now stays.

    That was a fifth of the time of tests that make and drop many objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Undo what `nohup` and background jobs of a shell leave to their children: ignored signals.

    No program can trap a signal that was ignored when it started, and many tests send some.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


@pytest.fixture(scope="session")
def release_files_once() -> Iterator[None]:
    """Kueue's file is half a megabyte of YAML; its bytes are fetched each time, and read once.

    For tests that make many clusters and look at something else than how the files are read.
    """
    import xpk.engine.observe
    from xpk.plan.observed import ReleaseFile
    from xpk.plan.releases import read_release_file

    read, known = read_release_file, dict[tuple[object, ...], ReleaseFile]()

    def remembered(release: object, source: str, data: bytes, sha256: str | None) -> ReleaseFile:
        key = (release, source, data, sha256)
        if key not in known:
            known[key] = read(release, source, data, sha256)  # type: ignore[arg-type]
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xpk.engine.observe, "read_release_file", remembered)
        yield


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with `tests/golden/NAME`.

    UPDATE_GOLDENS=1 writes the file, and the run still fails: a changed golden is to be
    read, then run again without the variable.
    """

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        wanted = path.read_text() if path.exists() else None
        if wanted == text:
            return
        if os.environ.get("UPDATE_GOLDENS") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            pytest.fail(f"{path.name} was rewritten: read the change, then run again without UPDATE_GOLDENS")
        assert text == wanted, f"{path} differs; UPDATE_GOLDENS=1 rewrites it"

    return check
