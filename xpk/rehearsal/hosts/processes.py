"""Processes of this machine, as far as a keeper has to know them: descendants, and who hears a SIGTERM."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

# rt_sigtimedwait, in which a first process such as tini waits; its number by machine.
_SIGTIMEDWAIT = {"x86_64": "128"}.get(os.uname().machine, "137")


def receives_sigterm(pid: int) -> bool:
    """Whether process 1 of a container would see a SIGTERM.

    The kernel drops a signal for which process 1 of a pid namespace has no handler
    (pid_namespaces(7)); here there is no such namespace, so the rule is kept by hand.
    """
    # Twice: it may be going into a wait for signals, or out of one, between two looks.
    return any(_is_handled(pid) or _waits_for_signals(pid) for _ in range(2))


def _is_handled(pid: int) -> bool:
    """Whether its main thread catches SIGTERM, or blocks it to take it later."""
    bit = 1 << (signal.SIGTERM - 1)
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = [line.split()[1] for line in file if line.startswith(("SigCgt:", "SigBlk:"))]
    except OSError:
        return True
    return any(int(mask, 16) & bit for mask in masks)


def _waits_for_signals(pid: int) -> bool:
    """Whether it stands in sigwait and the like, which /proc shows as neither caught nor blocked."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] == _SIGTIMEDWAIT
    except OSError:
        return False


def descendants(ancestor: int) -> list[int]:
    """All living processes below one (Linux). Zombies count: their parents have to end first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, todo = [], [ancestor]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def of_session(first: int) -> list[int]:
    """Living processes of the first one's session, or below it, by `ps` (no subreaper here)."""
    import subprocess  # costs every start a few ms, and is needed at such ends only

    words = ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "state="]
    with contextlib.suppress(FileNotFoundError):
        table = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        return _living(first, [line.split() for line in table.splitlines()])
    return []


def _living(first: int, rows: list[list[str]]) -> list[int]:
    living = {int(pid): int(parent) for pid, parent, state in rows if not state.startswith("Z")}
    found = set()
    for pid in living:
        with contextlib.suppress(OSError):
            if os.getsid(pid) == first:
                found.add(pid)
    while more := {pid for pid, parent in living.items() if parent in found} - found:
        found |= more
    return sorted(found)


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process (Linux). Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
