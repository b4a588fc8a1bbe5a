"""Which kind of isolation this machine allows: found by trying it, said in words.

"mount namespace": as root. "user namespace": as an ordinary user, with a mount namespace in a user
namespace that knows only the own ids. "substitution": none is allowed (or this is not Linux), and
mount paths are replaced in commands and environments.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation_kind import Isolation, Kind
from xpk.rehearsal.hosts.launch import Bind, Launch, StartError

__all__ = ["Isolation", "Kind", "choose_isolation", "try_kind"]

_PROGRAM = "import os, sys; sys.exit(not os.path.exists(sys.argv[1]))"
_SEEN_AT = "/xpk-rehearsal-probe"


def try_kind(kind: Kind) -> str | None:
    """None when a container can be started with `kind` and sees its mount; else why not."""
    try:
        with tempfile.TemporaryDirectory(prefix="xpk-probe-") as name:
            outside = Path(name, "mount")
            outside.mkdir()
            Path(outside, "seen").touch()
            launch = Launch(
                argv=(sys.executable, "-I", "-S", "-c", _PROGRAM, f"{_SEEN_AT}/seen"),
                env={},
                log=Path(name, "log"),
                binds=(Bind(_SEEN_AT, outside),),
                name="probe",
            )
            code = Launcher(Isolation(kind, "probe")).start(launch).wait()
            return None if code == 0 else "a directory was mounted, and is not seen"
    except StartError as error:
        return error.message
    except OSError as error:
        return str(error)


def choose_isolation(
    probe: Callable[[Kind], str | None] = try_kind, *, system: str = sys.platform, uid: int | None = None
) -> Isolation:
    """The best isolation that works here, and why it is this one. Never raises."""
    if system != "linux":
        return Isolation(
            "substitution", f"mount namespaces are Linux's, this is {system}; paths are replaced in commands"
        )
    root = (os.geteuid() if uid is None else uid) == 0
    refused = []
    kinds: tuple[Kind, ...] = ("mount namespace", "user namespace") if root else ("user namespace",)
    for kind in kinds:
        why = probe(kind)
        if why is None:
            who = "root" if root else "an ordinary user"
            return Isolation(kind, f"this is {who} on Linux, and a {kind} was tried: it works")
        refused.append(f"a {kind} is refused here ({why})")
    return Isolation("substitution", "; ".join((*refused, "paths are replaced in commands")))
