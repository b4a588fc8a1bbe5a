"""The same as an ordinary user: mounts, no powers, nothing left. Needs root to become one.

The user is `nobody`, who cannot read everything: the first Python of this machine that it can run is
taken, since these modules need nothing but the standard library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534
PROGRAM = """
import os, signal, sys
from pathlib import Path
from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import choose_isolation
from xpk.rehearsal.hosts.launch import Bind, Launch
from xpk.rehearsal.hosts.space import Space

isolation = choose_isolation()
print(isolation.kind, isolation.why, sep="\\n")
if isolation.kind == "substitution":
    sys.exit(0)
place = Path(sys.argv[1])
with Space(root=place / "root", ramdisk_root=place / "memory") as space:
    insides = ("/local", "/mnt/ckpt/local", "/ramdisk", "/dev/shm", "/etc/xpk")
    volumes = [space.scratch(str(number)) for number, _ in enumerate(insides)]
    binds = tuple(Bind(inside, volume, inside == "/etc/xpk") for inside, volume in zip(insides, volumes))
    words = '''
for p in /local /mnt/ckpt/local /ramdisk /dev/shm; do echo $p >$p/mark; done; touch /etc/xpk/mark
grep -E 'Uid|CapPrm|CapEff' /proc/self/status | tr -s '[:space:]' ' '
set -m; setsid sleep 1000 & echo; echo pid $!; exit 6
'''
    log = space.logs / "log"
    running = Launcher(isolation).start(Launch(("bash", "-c", words), {}, log, None, binds))
    print("code", running.wait(120))
    print([(volume / "mark").read_text().strip() for volume in volumes[:4]])
    print(log.read_text())
print(os.listdir(place))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of nobody's own; pytest's are behind one of root's."""
    if os.geteuid() != 0:
        pytest.skip("these tests run as an ordinary user already: the others show it")
    path = Path(tempfile.mkdtemp(prefix="xpk-nobody-", dir="/tmp"))
    os.chown(path, NOBODY, NOBODY)
    yield path
    shutil.rmtree(path)


def as_nobody(python: str, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(place),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [python, *words],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def python(place: Path) -> str:
    test = "import sys; assert sys.version_info >= (3, 11); import xpk.rehearsal.hosts.container"
    for found in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if as_nobody(found, place, "-c", test).returncode == 0:
                return found
        except OSError:
            continue
    pytest.skip("nobody can run no Python >= 3.11 here, or cannot read this clone")


@pytest.mark.usefixtures("untouched")
def test_an_ordinary_user_has_mounts_without_any_power(python: str, place: Path) -> None:
    done = as_nobody(python, place, "-c", PROGRAM, str(place))
    assert done.returncode == 0, done.stderr
    kind, why, *lines = done.stdout.splitlines()
    if kind == "substitution":
        pytest.skip(why)
    assert kind == "user namespace"
    assert lines[:2] == ["code 6", "['/local', '/mnt/ckpt/local', '/ramdisk', '/dev/shm']"]
    assert any("Read-only file system" in line for line in lines)
    none = "0" * 16
    assert f"Uid: {NOBODY} {NOBODY} {NOBODY} {NOBODY} CapPrm: {none} CapEff: {none} " in lines
    (left,) = [int(line.split()[1]) for line in lines if line.startswith("pid ")]
    assert not os.path.exists(f"/proc/{left}")
    assert lines[-1] == "[]"


def test_root_is_no_owner_of_an_ordinary_users_directories(place: Path) -> None:
    """A directory with the right name that is another's is refused, not used."""
    from xpk.errors import StateError
    from xpk.rehearsal.hosts.space import Space

    with pytest.raises(StateError, match="another user"):
        Space(root=place)
    assert not list(place.iterdir())
