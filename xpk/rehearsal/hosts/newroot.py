"""A root of one's own: the machine's file system with other directories at some paths.

Called in the container's process before it becomes its command, so stdlib only. A tmpfs is the
root; every top-level entry of the machine is bound into it again; a path that does not exist
gets its mount point in a tmpfs over the nearest directory that does, whose entries are bound
again, too. So nothing appears on the machine, and all of it ends with the container. Files that
the container makes beside its mounts in such a directory (`/new`) end with it, too, as in a real one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Sequence

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
KEPT_FLAGS = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}  # statvfs: nosuid ... relatime
MNT_DETACH = 2
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPABILITY_VERSION_3 = 0x20080522
# Root reads other people's files (a Python below /home under sudo) and owns what it makes, as in
# a container; it mounts, traces and kills nothing. CHOWN, DAC_OVERRIDE, FOWNER.
KEPT_CAPABILITIES = (0, 1, 3)
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_OLD, _NEW = "/old", "/new"


def enter(user: bool, binds: Sequence[tuple[str, str, bool]]) -> None:
    """Move this process (one thread) to a new root with `binds`: inside, outside, read only.

    `user` makes a user namespace as well, in which only the own ids exist. Raises OSError whose
    filename says what was tried.
    """
    # Paths are resolved while this is still the machine's root.
    wanted = [(os.path.realpath(inside), os.path.realpath(outside), ro) for inside, outside, ro in binds]
    _unshare(user)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/proc", "tmpfs", 0, "mode=755")  # any directory: it is uncovered again by the pivot
    os.mkdir("/proc" + _NEW)
    os.mkdir("/proc" + _OLD)
    _mount("/proc" + _NEW, "/proc" + _NEW, None, MS_BIND)
    _pivot("/proc", "/proc" + _OLD)
    os.chdir("/")
    _rebind(_OLD, _NEW)
    _Mounts(wanted).make()
    os.chdir(_NEW)
    _pivot(".", ".")
    _check(_libc().umount2(b".", MNT_DETACH), "umount the machine's root")
    os.chdir("/")
    _drop_capabilities()


class _Mounts:
    """The mounts of one container below `/new`: first their mount points, then they themselves."""

    def __init__(self, wanted: list[tuple[str, str, bool]]) -> None:
        self._wanted = sorted(wanted, key=lambda bind: bind[0].count("/"))
        self._own: set[str] = {"/"}

    def make(self) -> None:
        paths = [inside for inside, _, _ in self._wanted]
        below = {path for path in paths if any(path.startswith(other + "/") for other in paths)}
        missing = [
            (_nearest(inside), inside, outside) for inside, outside, _ in self._wanted if inside not in below
        ]
        # From the top down: to make a directory one's own hides what was made below it before.
        for nearest, inside, outside in sorted(missing, key=lambda found: found[0].count("/")):
            if nearest != inside:
                self._shadow(nearest)
                _mount_point(_NEW + inside, _OLD + outside)
        for inside, outside, _ in self._wanted:
            if inside in below:  # in another mount's volume, where container runtimes make it, too
                _mount_point(_NEW + inside, _OLD + outside)
            _mount(_OLD + outside, _NEW + inside, None, MS_BIND | MS_REC)
        for inside, _, read_only in self._wanted:
            if read_only:
                has = os.statvfs(_NEW + inside).f_flag
                kept = sum(mount for seen, mount in KEPT_FLAGS.items() if has & seen)
                _mount(None, _NEW + inside, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)

    def _shadow(self, directory: str) -> None:
        """Make `directory` of the machine one to which entries can be added, in here only."""
        if directory in self._own:
            return
        self._own.add(directory)
        mode = stat.S_IMODE(os.stat(_OLD + directory).st_mode)
        _mount("tmpfs", _NEW + directory, "tmpfs", 0, f"mode={mode:o}")
        _rebind(_OLD + directory, _NEW + directory)


def _nearest(path: str) -> str:
    """The longest leading part of a path that exists on the machine."""
    while not os.path.lexists(_OLD + path):
        path = os.path.dirname(path)
    return path


def _rebind(old: str, new: str) -> None:
    """Every entry of one directory seen in another, which is empty."""
    for entry in os.scandir(old):
        place = os.path.join(new, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
            continue
        _mount_point(place, entry.path)
        # What cannot be bound (a stale network mount, another user's FUSE) stays an empty place.
        with contextlib.suppress(OSError):
            _mount(entry.path, place, None, MS_BIND | MS_REC)


def _mount_point(place: str, source: str) -> None:
    """Something at `place` on which `source` can be mounted: a directory, or a file."""
    try:
        is_directory = os.path.isdir(source) if os.path.lexists(source) else True
        if is_directory:
            os.makedirs(place, exist_ok=True)
        elif not os.path.lexists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"mount point {place.removeprefix(_NEW)}") from None


def _unshare(user: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if user else 0)
    _check(_libc().unshare(flags), "unshare")
    if user:
        for name, words in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(words)


def _pivot(new_root: str, put_old: str) -> None:
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(0, f"not known on {os.uname().machine}", "pivot_root")
    _check(_libc().syscall(number, os.fsencode(new_root), os.fsencode(put_old)), "pivot_root")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    done = _libc().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    _check(done, f"mount {target.removeprefix(_NEW)}")


def _drop_capabilities() -> None:
    """Nothing that the kernel would give at exec, whoever this is, but `KEPT_CAPABILITIES`."""
    libc = _libc()
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        if capability not in KEPT_CAPABILITIES:
            _check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop capabilities")
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header, sets = struct.pack("Ii", CAPABILITY_VERSION_3, 0), ctypes.create_string_buffer(24)
    _check(libc.capget(header, sets), "read capabilities")
    low = struct.unpack("6I", sets.raw)
    _check(libc.capset(header, struct.pack("6I", low[0], low[1], 0, low[3], low[4], 0)), "drop capabilities")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, tried: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), tried)
