"""`python -m xpk.emulator serve`: the emulator as a process. Its first line on stdout is its address."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from xpk.emulator.gke.operations import DEFAULT_QUOTA
from xpk.emulator.server import Emulator


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m xpk.emulator", description="A small Google Cloud on one port."
    )
    serve = top.add_subparsers(dest="command", required=True).add_parser("serve", help="serve until SIGTERM")
    serve.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    serve.add_argument("--state", type=Path, default=None, metavar="DIR", help="keep the state there")
    serve.add_argument(
        "--time-scale",
        type=float,
        default=0.01,
        metavar="X",
        help="real seconds per emulated second; 0 is at once",
    )
    serve.add_argument(
        "--operation-quota",
        type=int,
        default=DEFAULT_QUOTA,
        metavar="N",
        help="operations at once per cluster",
    )
    serve.add_argument(
        "--until-stdin-ends", action="store_true", help="stop, too, when whoever holds the other end goes"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal. Exit code 2 for a bad command line, port or state."""
    top = parser()
    options = top.parse_args(arguments)
    try:
        emulator = Emulator(
            options.port, options.state, options.time_scale, operation_quota=options.operation_quota
        )
        emulator.start()
    except (OSError, OverflowError, ValueError) as error:
        top.error(str(error))
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sys.stdout.write(emulator.url + "\n")
    sys.stdout.flush()
    if options.until_stdin_ends:
        threading.Thread(target=_watch_stdin, args=(stopped,), daemon=True).start()
    stopped.wait()
    emulator.stop()
    return 0


def _watch_stdin(stopped: threading.Event) -> None:
    """A parent that was killed cannot end its children, but the kernel closes its end of the pipe."""
    while os.read(0, 1024):
        pass
    stopped.set()


if __name__ == "__main__":
    sys.exit(main())
