"""The directories of a rehearsal: where they are, what is removed, whose they are."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import pytest

from xpk.errors import StateError
from xpk.rehearsal.hosts import space as space_module
from xpk.rehearsal.hosts.claim import Claim, start_time
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.events import Host


class Roots(TypedDict):
    """Both parents of a test's own."""

    root: Path
    ramdisk_root: Path


def parents(roots: Roots) -> tuple[Path, Path]:
    return roots["root"], roots["ramdisk_root"]


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(root=tmp_path / "root", ramdisk_root=tmp_path / "memory")


def test_each_thing_has_its_own_directory(roots: Roots) -> None:
    hosts = [Host(0, 0), Host(0, 1), Host(1, 0), Host(1, 10)]
    with Space(**roots) as space:
        made = [
            *map(space.ramdisk, hosts),
            *map(space.home, hosts),
            space.bucket("one"),
            space.bucket("two.x_y-z"),
        ]
        made += [
            space.scratch("uid", "v"),
            space.scratch("uid", "v", memory=True),
            space.scratch("uid", "w"),
            space.logs,
        ]
        assert len(set(made)) == len(made)
        assert all(path.is_dir() for path in made)
        assert all(path.is_relative_to(roots["ramdisk_root"]) for path in made[:4])
        (space.ramdisk(hosts[0]) / "5").mkdir()
        assert [path.name for path in space.ramdisk(hosts[0]).iterdir()] == ["5"]
        for path in (made[0], made[4], *parents(roots)):
            assert os.stat(path).st_uid == os.geteuid()
    assert not any(path.exists() for path in parents(roots))


def test_a_ramdisk_is_wiped_without_another_and_keeps_its_place(roots: Roots) -> None:
    with Space(**roots) as space:
        one, other = (space.ramdisk(Host(0, number)) for number in (0, 1))
        outside = space.scratch("outside")
        for place in (one / "15" / "deep", other / "15", outside):
            place.mkdir(parents=True, exist_ok=True)
            (place / "data").write_bytes(b"x" * 100)
        (one / "link").symlink_to(outside)
        (one / "15").chmod(0)
        one.chmod(0o550)
        inode = one.stat().st_ino
        space.wipe_ramdisk(Host(0, 0))
        assert (list(one.iterdir()), one.stat().st_ino, one.stat().st_mode & 0o777) == ([], inode, 0o750)
        assert (other / "15" / "data").exists()
        assert (outside / "data").exists()


def test_what_a_pod_left_is_discarded(roots: Roots) -> None:
    with Space(**roots) as space:
        kept = space.scratch("other", "v")
        for memory in (False, True):
            (space.scratch("uid", "v", memory=memory) / "file").touch()
        space.discard("uid")
        space.discard("never-was")
        assert kept.is_dir()
        assert not list(roots["root"].rglob("uid"))
        assert not list(roots["ramdisk_root"].rglob("uid"))


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "/", "a\0"])
def test_names_do_not_lead_elsewhere(roots: Roots, name: str) -> None:
    with Space(**roots) as space:
        for make in (space.bucket, space.scratch, space.discard, lambda given: space.scratch("x", given)):
            with pytest.raises(ValueError, match="no name"):
                make(name)
        with pytest.raises(ValueError, match="a name is needed"):
            space.discard()


def test_ramdisks_are_in_memory_where_there_is_room(tmp_path: Path) -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("no /dev/shm that this user can write")
    memory = Path(f"/dev/shm/xpk-test-{os.getpid()}")
    with Space(root=tmp_path, ramdisk_root=memory, ramdisk_bytes=1) as space:
        assert space.ramdisk_in_memory
        assert space.ramdisk(Host(0, 0)).is_relative_to(memory)
        assert space.where_ramdisks.endswith("(memory)")
    assert not memory.exists()
    with Space(root=tmp_path, ramdisk_root=memory, ramdisk_bytes=1 << 60) as space:
        assert not space.ramdisk_in_memory
        assert space.ramdisk(Host(0, 0)).is_relative_to(tmp_path)
        assert "MiB free and 1099511627776 MiB are wanted" in space.where_ramdisks
    assert not memory.exists()


def test_a_machine_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_module, "_MEMORY", tmp_path / "shm")
    with Space(root=tmp_path / "root") as space:
        assert not space.ramdisk_in_memory
        assert space.ramdisk(Host(0, 0)).is_relative_to(tmp_path / "root")
        assert f"there is no {tmp_path / 'shm'} here" in space.where_ramdisks
    assert not (tmp_path / "shm").exists()


def test_everything_goes_whatever_was_done_to_it(roots: Roots, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    with Space(**roots) as space:
        deep = space.home(Host(0, 0)) / "a" / "b"
        deep.mkdir(parents=True)
        (deep / "link").symlink_to(elsewhere)
        deep.chmod(0)
        deep.parent.chmod(0o500)
        shutil.rmtree(space.logs)
        space.close()
        assert not any(path.exists() for path in parents(roots))
    assert (elsewhere / "mine").exists()


def test_two_rehearsals_do_not_touch_each_other(roots: Roots) -> None:
    with Space(**roots) as one:
        (one.bucket("abc") / "file").touch()
        with Space(**roots) as other:
            assert not list(other.bucket("abc").iterdir())
        assert (one.bucket("abc") / "file").exists()
        assert not other.logs.exists()


def test_many_start_and_end_at_once(roots: Roots) -> None:
    def once(number: int) -> bool:
        with Space(**roots) as space:
            (space.logs / "mine").write_text(str(number))
            return (space.logs / "mine").read_text() == str(number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(64)))
    assert not any(path.exists() for path in parents(roots))


def dead() -> int:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("owner", "removed"),
    [
        ("xpk-rehearsal {dead} 17", True),
        ("xpk-rehearsal {live} 17", True),  # the id was given to another process since
        ("xpk-rehearsal {live} {start}", False),  # no lock seen (a file system without), and it lives
        ("something else {dead} 17", False),
        ("", False),
    ],
)
def test_only_what_a_dead_one_left_is_removed(tmp_path: Path, owner: str, removed: bool) -> None:
    live = os.getpid()
    left = tmp_path / "r-left"
    (left / "buckets").mkdir(parents=True)
    (left / "owner").write_text(owner.format(dead=dead(), live=live, start=start_time(live)))
    (tmp_path / "r-file").touch()
    (tmp_path / "my-notes").mkdir()
    (tmp_path / "r-mine").mkdir()
    (tmp_path / "r-link").symlink_to(left)
    Claim(tmp_path).release()
    assert left.exists() != removed
    kept = {"r-file", "my-notes", "r-mine", "r-link", "lock", *(() if removed else ("r-left",))}
    assert set(os.listdir(tmp_path)) == kept


def test_a_held_lock_is_respected_whatever_the_file_says(tmp_path: Path) -> None:
    left = tmp_path / "r-left"
    left.mkdir()
    (left / "owner").write_text(f"xpk-rehearsal {dead()} 17")
    with open(left / "owner") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Claim(tmp_path).release()
        assert left.exists()
    Claim(tmp_path).release()
    assert not left.exists()


def test_a_claim_is_locked_as_long_as_it_is_held(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "parent")
    with open(claim.path / "owner") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    claim.release()
    claim.release()
    assert not (tmp_path / "parent").exists()


def test_one_start_at_a_time(tmp_path: Path, until: Callable[..., None]) -> None:
    """Between making a directory and locking it, nobody may look for what is left."""
    if not os.path.exists("/proc/locks"):
        pytest.skip("no /proc/locks here, so who waits for a lock cannot be seen")
    with ThreadPoolExecutor(1) as pool, open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        inode = f":{os.fstat(lock.fileno()).st_ino} "
        coming = pool.submit(Claim, tmp_path)
        until(
            lambda: any(
                "->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines()
            )
        )
        assert os.listdir(tmp_path) == ["lock"]
        fcntl.flock(lock, fcntl.LOCK_UN)
        coming.result().release()


def test_a_parent_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StateError, match="is a link"):
        Space(root=tmp_path / "link")


def test_when_a_process_was_started() -> None:
    assert start_time(os.getpid()) == start_time(os.getpid()) != ""
    assert start_time(dead()) == ""
