"""`xpk emulator run` and `xpk emulator serve`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from types import FrameType

from xpk.cli import output
from xpk.cli.command import Leaf
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING
from xpk.cli.where import EMULATOR
from xpk.cli.words import Words
from xpk.rehearsal.children import XPK, emulator, own_environment

_SCALE = "--time-scale"
_STATE = Flag("--state", metavar="DIR", help="Keep everything in this folder.", default_words="in memory")
_TIME = Flag(_SCALE, metavar="X", help="Real seconds for an emulated one.", default_words="0.01")


def time_scale(words: Words, default: str = "0.01") -> str:
    """The value of `--time-scale` as text, checked."""
    text = words.text(_SCALE)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1000:
        words.faults.add(
            f"{_SCALE} {text or repr('')}", "not a number from 0 to 1000", f"write {_SCALE} 0.01"
        )
        return default
    return text.strip()


def _arguments(words: Words) -> list[str]:
    arguments = [_SCALE, time_scale(words)]
    state = words.text("--state")
    if state is not None:
        if not state.strip() or (os.path.exists(state) and not os.path.isdir(state)):
            words.faults.add(
                f"--state {state or repr('')}", "not a folder", "name a folder; it is made if needed"
            )
        arguments += ["--state", state]
    return arguments


def _serve(words: Words) -> int:
    arguments = _arguments(words)
    port = words.number("--port", 8085)
    if port is None or not 0 <= port <= 65535:
        words.faults.add(f"--port {port}", "a port is from 0 (any free one) to 65535", "write --port 8085")
    words.faults.raise_if_any()
    with emulator([*arguments, "--port", str(port)], os.environ) as (url, process), _Forwarding(process):
        output.say("emulator: nothing here is real. In another shell:")
        output.say(f"  export {EMULATOR}={url}")
        output.result(url)
        output.flush()
        code = process.wait()
    if code in (0, -signal.SIGTERM, -signal.SIGINT):
        return 0
    output.say(f"error: the emulator ended with {code if code >= 0 else 128 - code}")
    return 1


def _run(words: Words) -> int:
    arguments = _arguments(words)
    if not words.rest:
        fix = "xpk emulator run -- xpk cluster list --project my-project"
        words.faults.add("xpk emulator run", "needs a command to run", fix)
    words.faults.raise_if_any()
    command = list(words.rest)
    own = command[0] == "xpk"
    if not own and shutil.which(command[0]) is None:
        output.say(f"error: {command[0]}: no such command")
        return 127
    with emulator([*arguments, "--port", "0"], os.environ) as (url, _):
        environ = {**os.environ, EMULATOR: url}
        child = subprocess.Popen(
            [*XPK, *command[1:]] if own else command, env=own_environment(environ) if own else environ
        )
        with _Forwarding(child):
            code = child.wait()
    return code if code >= 0 else 128 - code


class _Forwarding:
    """While a child runs, signals are its business: Ctrl-C reaches it by itself, the rest is passed on."""

    def __init__(self, child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
        self._child = child

    def __enter__(self) -> None:
        self._before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._pass),
            signal.SIGINT: signal.signal(signal.SIGINT, self._pass),
        }

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _pass(self, number: int, frame: FrameType | None) -> None:
        if self._child.poll() is None and not (number == signal.SIGINT and _from_terminal()):
            self._child.send_signal(number)


def _from_terminal() -> bool:
    """Whether Ctrl-C comes from a terminal, which then tells all processes in front, the child too."""
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


serve = Leaf(
    "emulator serve",
    _serve,
    sentence="Start a small Google Cloud on a port of this machine, until Ctrl-C.",
    examples=(
        "xpk emulator serve --port 8085",
        "xpk emulator serve --port 8085 --state ./emulated --time-scale 1",
    ),
    flags=(
        Flag("--port", metavar="P", help="Port on 127.0.0.1; 0 takes a free one.", default_words="8085"),
        _STATE,
        _TIME,
        *ENDING,
    ),
)
run = Leaf(
    "emulator run",
    _run,
    sentence="Start the emulator, run one command on it, stop it, return its exit code.",
    examples=(
        "xpk emulator run -- xpk cluster list --project my-project",
        (
            "xpk emulator run --state ./emulated -- xpk cluster create --cluster c1 --project my-project "
            "--zone us-east5-b --tpu-type v6e-16 --yes"
        ),
    ),
    flags=(_STATE, _TIME, *ENDING),
    positionals=("COMMAND...",),
)
