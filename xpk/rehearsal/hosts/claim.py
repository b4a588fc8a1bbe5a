"""A directory that belongs to one live process, and is removed with it or by the next one.

All claims of a person on one file system are beside each other in one parent directory. A claim
holds a lock (flock) on its `owner` file, which names the process and when it was started. Whoever
makes the next claim removes those whose lock is free and whose process is gone, never another's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from xpk.errors import Fault, StateError

_OWNER, _LOCK = "owner", "lock"
_PREFIX, _WORDS = "r-", "xpk-rehearsal"


class Claim:
    """A new directory below `parent`, which is made if need be. Raises StateError, OSError.

    `parent` has to be this user's own: in a shared directory another's could be a trap.
    """

    def __init__(self, parent: Path) -> None:
        with _locked(parent):
            sweep(parent)
            self.path = parent / f"{_PREFIX}{secrets.token_hex(3)}"
            self.path.mkdir(mode=0o700)
            self._lock = os.open(self.path / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            pid = os.getpid()
            os.write(self._lock, f"{_WORDS} {pid} {start_time(pid)}\n".encode())

    def release(self) -> None:
        """Remove the directory with all that is in it. A second time does nothing."""
        if self._lock < 0:
            return
        _remove_claim(self.path)
        os.close(self._lock)
        self._lock = -1
        with contextlib.suppress(OSError, StateError), _locked(self.path.parent):
            if [entry.name for entry in self.path.parent.iterdir()] == [_LOCK]:
                remove(self.path.parent)


def sweep(parent: Path) -> None:
    """Remove the claims of processes that are gone, and nothing else that may be in `parent`.

    The caller holds the parent's lock.
    """
    for claim in parent.glob(f"{_PREFIX}*"):
        if claim.is_dir() and not claim.is_symlink() and _is_left(claim / _OWNER):
            _remove_claim(claim)


def _is_left(owner: Path) -> bool:
    """Whether this is the owner's file of a claim whose process is gone."""
    try:
        file = os.open(owner, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        words, _, rest = os.read(file, 200).decode(errors="replace").strip().partition(" ")
        pid, _, started = rest.partition(" ")
        # The lock is free also where the file system knows no locks; then the process decides.
        return words == _WORDS and pid.isdigit() and start_time(int(pid)) != started
    except OSError:
        return False
    finally:
        os.close(file)


def _remove_claim(claim: Path) -> None:
    """The owner's file goes last: a removal that is cut short is found and ended by the next."""
    empty(claim, but=_OWNER)
    remove(claim)


def start_time(pid: int) -> str:
    """When a process was started, in whatever words the system has; "" when there is none."""
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/stat").read_bytes()
        return line.rpartition(b")")[2].split()[19].decode()
    if os.path.exists("/proc/self/stat"):
        return ""
    with contextlib.suppress(OSError):
        words = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    return ""


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, which another may be removing just now. Raises StateError."""
    path = directory / _LOCK
    while True:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _check_own(directory)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file), path.stat()):
                break
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)
    try:
        yield
    finally:
        os.close(file)


def _check_own(directory: Path) -> None:
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        why = "it belongs to another user, or is a link"
        raise StateError(Fault(str(directory), why, "TMPDIR=<a directory of your own>"))


def remove(directory: Path) -> None:
    """Remove a directory, also what a container made unreadable in it. Never raises OSError."""
    empty(directory)
    with contextlib.suppress(OSError):
        directory.rmdir()


def empty(directory: Path, *, but: str = "") -> None:
    """Remove what is in a directory (`but` one name), and leave itself. Never raises OSError."""
    _open_up(directory)
    for folder, names, _ in os.walk(directory):
        for name in names:
            _open_up(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(directory)):
            if entry.name == but:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def _open_up(directory: str | Path) -> None:
    """Let its owner list and change a directory, whatever a container made of it."""
    with contextlib.suppress(OSError):
        mode = os.lstat(directory).st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            os.chmod(directory, stat.S_IMODE(mode) | 0o700)
