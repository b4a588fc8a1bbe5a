"""A container's first process: made, and turned into the container's command.

Its words for what can go wrong are a container runtime's. What is watched and ended is in `keeping`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
from typing import TypedDict

from xpk.rehearsal.hosts.newroot import enter
from xpk.rehearsal.hosts.processes import prctl

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # a runtime's default
_PR_SET_PDEATHSIG = 1


class Request(TypedDict):
    """The first line of stdin. `kind` is an `Isolation.kind`; `reaper`: be a subreaper."""

    argv: list[str]
    env: dict[str, str]
    log: str
    cwd: str | None
    binds: list[tuple[str, str, bool]]
    kind: str
    reaper: bool


def start(request: Request) -> int | str:
    """The first process, once it is its command; or, in words, why there is none."""
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    reading, writing = os.pipe()
    keeper = os.getpid()
    first = os.fork()
    if first == 0:
        try:
            os.close(reading)
            _become(request, log, keeper)
        except OSError as error:
            why = error.strerror or str(error)
            where = "" if error.filename is None else f"{error.filename}: "
            os.write(writing, f"{where}{why[:1].lower()}{why[1:]}".encode(errors="replace"))
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(128)
    os.close(writing)
    os.close(log)
    with open(reading, encoding="utf-8", errors="replace") as failure:
        why = failure.read()
    if not why:
        return first
    os.waitpid(first, 0)
    return why


def _become(request: Request, log: int, keeper: int) -> None:
    """Turn this new process into the container's command. Returns never; raises OSError."""
    os.setsid()
    os.umask(0o022)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    for descriptor, file in enumerate((null, log, log)):
        os.dup2(file, descriptor)
    if request["kind"] != "substitution":
        enter(request["kind"] == "user namespace", request["binds"])
    if request["reaper"]:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(128)
    cwd = request["cwd"] or "/"
    try:
        os.chdir(cwd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"chdir to {cwd!r}") from None
    _exec(request["argv"], request["env"])


def _exec(argv: list[str], env: dict[str, str]) -> None:
    """execve with the search of a runtime. Its words for what can go wrong, as an OSError."""
    if not argv:
        raise OSError(errno.EINVAL, "no command is given, and a rehearsal has no image with one")
    name = argv[0]
    quoted = f"exec: {json.dumps(name)}"
    places = [""] if "/" in name else env.get("PATH", _DEFAULT_PATH).split(os.pathsep)
    denied = False
    for place in places:
        path = os.path.join(place, name)
        try:
            os.execve(path, argv, env)
        except (FileNotFoundError, NotADirectoryError):
            if "/" in name:
                why = "its interpreter is missing" if os.path.exists(path) else "no such file or directory"
                raise OSError(errno.ENOENT, why, f"{quoted}: stat {name}") from None
        except PermissionError:
            denied = denied or os.path.isfile(path)
            if "/" in name:
                raise OSError(errno.EACCES, "permission denied", quoted) from None
        except OSError as error:
            raise OSError(error.errno, error.strerror, quoted) from None
    why = "permission denied" if denied else "executable file not found in $PATH"
    raise OSError(errno.ENOENT, why, quoted)
