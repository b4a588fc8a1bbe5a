"""The kind of isolation is found by trying, and said with its reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xpk.rehearsal.hosts.isolation import Isolation, Kind, choose_isolation, try_kind

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
from xpk.rehearsal.hosts.isolation import choose_isolation
found = choose_isolation(uid=1000)
print(found.kind, found.why, sep=chr(10))
"""


def probe(allowed: set[str], asked: list[str]) -> object:
    def one(kind: Kind) -> str | None:
        asked.append(kind)
        return None if kind in allowed else "unshare: operation not permitted"

    return one


@pytest.mark.parametrize(
    ("uid", "allowed", "asked", "kind", "words"),
    [
        (0, {"mount namespace", "user namespace"}, ["mount namespace"], "mount namespace", "root on Linux"),
        (0, {"user namespace"}, ["mount namespace", "user namespace"], "user namespace", "root on Linux"),
        (
            0,
            set(),
            ["mount namespace", "user namespace"],
            "substitution",
            "(unshare: operation not permitted)",
        ),
        (7, {"mount namespace", "user namespace"}, ["user namespace"], "user namespace", "ordinary user"),
        (7, set(), ["user namespace"], "substitution", "user namespace is refused here (unshare:"),
    ],
)
def test_the_best_that_works(uid: int, allowed: set[str], asked: list[str], kind: Kind, words: str) -> None:
    seen: list[str] = []
    found = choose_isolation(probe(allowed, seen), system="linux", uid=uid)  # type: ignore[arg-type]
    assert (found.kind, seen) == (kind, asked)
    assert words in found.why


def test_elsewhere_nothing_is_tried() -> None:
    seen: list[str] = []
    found = choose_isolation(probe({"user namespace"}, seen), system="darwin", uid=501)  # type: ignore[arg-type]
    assert found == Isolation(
        "substitution", "mount namespaces are Linux's, this is darwin; paths are replaced in commands"
    )
    assert not seen


@pytest.mark.usefixtures("untouched")
def test_what_is_chosen_here_works() -> None:
    found = choose_isolation()
    assert found.kind == "substitution" or try_kind(found.kind) is None


@pytest.mark.usefixtures("untouched")
def test_without_mounts_the_probe_sees_that_nothing_is_mounted() -> None:
    assert try_kind("substitution") is None  # replaced in the probe's command
    assert not os.path.exists("/xpk-rehearsal-probe")


def test_a_machine_that_forbids_namespaces(tmp_path: Path) -> None:
    """The kernel's own switch, in a user namespace so that the machine stays as it is."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-Ur", "true"], check=False, capture_output=True).returncode != 0
    ):
        pytest.skip("no `unshare -Ur` here, so no user namespace in which namespaces are forbidden")
    words = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    done = subprocess.run(
        [unshare, "-Ur", "sh", "-c", words, "-", sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    kind, why = done.stdout.splitlines()
    assert kind == "substitution"
    refused = "a user namespace is refused here (unshare: no space left on device)"
    assert why == f"{refused}; paths are replaced in commands"
    assert not list(tmp_path.iterdir())
