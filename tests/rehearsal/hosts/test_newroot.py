"""Mounts at exactly their paths, the rest of the machine as it is, and nothing left on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xpk.rehearsal.hosts.launch import Bind, StartError

if TYPE_CHECKING:
    from tests.rehearsal.hosts.conftest import Starter

pytestmark = pytest.mark.usefixtures("untouched")

WRITE = "import sys\nfor path in sys.argv[1:]: open(path + '/mark', 'w').write(path)"
MISSING = (
    "/xpk-local",
    "/xpk-test/ckpt/local",
    "/mnt/xpk-test/local",
    "/var/run/xpk-test/a",
    "/etc/xpk-test",
)
EXISTING = ("/srv", "/tmp", "/dev/shm", "/usr/local/bin", "/var/run", "/etc/default")


def volumes(folder: Path, *insides: str) -> tuple[Bind, ...]:
    made = []
    for number, inside in enumerate(insides):
        outside = folder / f"volume-{number}"
        outside.mkdir()
        made.append(Bind(inside, outside))
    return tuple(made)


@pytest.mark.parametrize("inside", [*MISSING, *(path for path in EXISTING if os.path.isdir(path))])
def test_a_mount_is_seen_at_its_path(start_mounted: Starter, tmp_path: Path, inside: str) -> None:
    (bind,) = volumes(tmp_path, inside)
    (bind.outside / "before").touch()
    assert start_mounted("sh", "-c", f"ls {inside}; echo x >{inside}/mark", binds=(bind,)).wait(120) == 0
    assert start_mounted.said() == "before\n"
    assert (bind.outside / "mark").read_text() == "x\n"


@pytest.mark.parametrize("order", [1, -1])
def test_many_mounts_in_any_order(start_mounted: Starter, tmp_path: Path, order: int) -> None:
    insides = (
        *MISSING,
        "/mnt/xpk-test/other",
        "/srv",
        "/srv/deep/er",
        "/dev/shm",
        "/xpk-local/below",
        "/usr/xpk-test",
        "/usr/lib/xpk-test",
    )
    binds = volumes(tmp_path, *insides)
    assert start_mounted.python(WRITE, *insides, binds=binds[::order]).wait(120) == 0, start_mounted.said()
    assert [(bind.outside / "mark").read_text() for bind in binds] == list(insides)


def test_a_directory_over_another_that_would_hide_it(start_mounted: Starter, tmp_path: Path) -> None:
    """A bucket below /tmp stays where it is when the pod has a volume of its own at /tmp."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    binds = (*volumes(tmp_path, str(tmp_path)), Bind(str(bucket), bucket))
    assert start_mounted.python(WRITE, str(tmp_path), str(bucket), binds=binds).wait(120) == 0
    assert (bucket / "mark").exists()
    assert (binds[0].outside / "mark").exists()
    assert not (tmp_path / "mark").exists()


def test_the_neighbours_are_still_there(start_mounted: Starter, tmp_path: Path) -> None:
    folders = ("/", "/mnt", "/etc", "/usr", "/usr/lib")
    program = "import os, sys\nfor p in sys.argv[1:]: print(sorted(os.listdir(p)))"
    start_mounted.python(program, *folders).wait(120)
    plain = start_mounted.said()
    start_mounted.log.unlink()
    binds = volumes(tmp_path, "/mnt/xpk", "/etc/xpk", "/usr/lib/xpk", "/xpk-local")
    start_mounted.python(program, *folders, binds=binds).wait(120)
    for line, path in zip(start_mounted.said().splitlines(), folders, strict=True):
        assert set(os.listdir(path)) <= set(eval(line, {}))
    assert plain == "".join(f"{sorted(os.listdir(path))}\n" for path in folders)


def test_this_python_and_its_packages_run_there(start_mounted: Starter, tmp_path: Path) -> None:
    program = (
        "import json, ssl, pytest, socket; socket.create_server(('127.0.0.1', 0)); print(pytest.__file__)"
    )
    running = start_mounted(
        sys.executable, "-c", program, env={}, binds=volumes(tmp_path, "/usr/xpk", "/xpk-local")
    )
    assert running.wait(120) == 0, start_mounted.said()
    assert start_mounted.said() == f"{pytest.__file__}\n"


def test_the_network_is_the_machines(start_mounted: Starter) -> None:
    start_mounted("readlink", "/proc/self/ns/net", "/proc/self/ns/pid").wait(120)
    assert start_mounted.said().split() == [
        os.readlink("/proc/self/ns/net"),
        os.readlink("/proc/self/ns/pid"),
    ]


def test_a_file(start_mounted: Starter, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("here\n")
    binds = (Bind("/etc/passwd", file), Bind("/xpk-test/new", file), Bind("/etc/xpk-new", file))
    assert start_mounted("cat", *(bind.inside for bind in binds), binds=binds).wait(120) == 0
    assert start_mounted.said() == "here\n" * 3


@pytest.mark.parametrize("inside", ["/xpk-local", "/mnt/xpk/local", "/srv"])
def test_read_only(start_mounted: Starter, tmp_path: Path, inside: str) -> None:
    (bind,) = volumes(tmp_path, inside)
    (bind.outside / "before").touch()
    only = Bind(inside, bind.outside, read_only=True)
    assert start_mounted("sh", "-c", f"cat {inside}/before && >{inside}/mark", binds=(only,)).wait(120) != 0
    assert "Read-only file system" in start_mounted.said()
    assert start_mounted("touch", f"{inside}/mark", binds=(bind,)).wait(120) == 0


def test_links_on_the_way_to_the_volume_are_followed(start_mounted: Starter, tmp_path: Path) -> None:
    (bind,) = volumes(tmp_path, "/xpk-local")
    link = tmp_path / "link"
    link.symlink_to(bind.outside)
    assert start_mounted("touch", "/xpk-local/mark", binds=(Bind("/xpk-local", link),)).wait(120) == 0
    assert (bind.outside / "mark").exists()


def test_what_cannot_be_mounted_is_said(start_mounted: Starter, tmp_path: Path) -> None:
    for inside in ("/etc/passwd", "/etc/passwd/x"):
        with pytest.raises(StartError, match=r"mount /etc/passwd.*: not a directory"):
            start_mounted("true", binds=(Bind(inside, tmp_path),))


def test_files_beside_the_mounts_are_not_the_machines(start_mounted: Starter, tmp_path: Path) -> None:
    binds = volumes(tmp_path, "/mnt/xpk/local", "/xpk-local")
    assert start_mounted("touch", "/xpk-mark", "/mnt/mark", "/mnt/xpk/mark", binds=binds).wait(120) == 0
    assert [os.listdir(bind.outside) for bind in binds] == [[], []]


def test_the_user_is_the_same_and_has_no_power_over_mounts(start_mounted: Starter, tmp_path: Path) -> None:
    program = """
import ctypes, os
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(os.getresuid(), os.getresgid())
print(*(int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")))
libc = ctypes.CDLL(None, use_errno=True)
print(libc.umount2(b"/xpk-local", 2), libc.mount(b"x", b"/srv", b"tmpfs", 0, None))
"""
    start_mounted.python(program, binds=volumes(tmp_path, "/xpk-local")).wait(120)
    ids, capabilities, refused = start_mounted.said().splitlines()
    assert ids == f"{os.getresuid()} {os.getresgid()}"
    # CHOWN, DAC_OVERRIDE and FOWNER for root, nothing for others.
    files = 0b1011 if os.getuid() == 0 else 0
    assert capabilities == f"0 {files} {files} 11 0"
    assert refused == "-1 -1"


def test_only_its_own_mounts_are_in_its_table(start_mounted: Starter, tmp_path: Path) -> None:
    """The machine's old root is not below or beside the new one."""
    start_mounted("cat", "/proc/self/mountinfo", binds=volumes(tmp_path, "/xpk-local")).wait(120)
    targets = [line.split()[4] for line in start_mounted.said().splitlines()]
    assert targets.count("/") == 1
    assert "/xpk-local" in targets
    assert not {"/old", "/new"} & {"/" + target.split("/")[1] for target in targets}
