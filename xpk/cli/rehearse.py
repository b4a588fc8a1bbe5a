"""`xpk rehearse`: the whole way on this machine, without a project."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import assert_never

from xpk.catalog.slices import SliceType, resolve
from xpk.cli import output, run
from xpk.cli.cluster_request import TYPE, gathered
from xpk.cli.command import Leaf, wrapped
from xpk.cli.emulator import time_scale
from xpk.cli.flag import Flag
from xpk.cli.options import ENDING
from xpk.cli.where import EMULATOR
from xpk.cli.words import Words
from xpk.cloud.endpoints import emulated
from xpk.rehearsal.children import emulator as emulator_process
from xpk.rehearsal.children import own_environment
from xpk.rehearsal.story import Beat, Changed, HostLost, Ran, Recovered, Rehearsal, Told, Typed
from xpk.spec.cluster import parse_place

_PROJECT, _ZONE = "rehearsal-1", "us-east5-b"
_SLICE = "v6e-256"


def _run(words: Words) -> int:
    flag = words.named(*TYPE)
    name = words.text(*TYPE)
    slice_type: SliceType = gathered(words, lambda: resolve((name or _SLICE).strip(), flag), resolve(_SLICE))
    num_slices = words.number("--num-slices", 2) or 0
    if not 2 <= num_slices <= 64:
        why = "a rehearsal shows 2 to 64 slices: a lost one comes back from another"
        words.faults.add(f"--num-slices {num_slices}", why, "write --num-slices 2")
    scale = time_scale(words)
    words.faults.raise_if_any()
    output.say("A rehearsal on an emulator on this machine. Nothing is real: no project is touched, and no")
    output.say("process is started for the pods, so the trainer itself does not run.")
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    with emulator_process(["--port", "0", "--time-scale", scale], os.environ) as (url, _):
        environ = _environment(url)
        output.say(f"\n$ export CLOUDSDK_CORE_PROJECT={_PROJECT} CLOUDSDK_COMPUTE_ZONE={_ZONE}")
        output.say(f"$ export {EMULATOR}={url}")
        with run.watching(emulated(url), parse_place(_PROJECT, _ZONE)) as eyes:
            story = Rehearsal(url, slice_type.name, num_slices, environ, eyes)
            show = _Show(scale)
            for beat in story.beats():
                show.beat(beat)
        show.summary(slice_type, num_slices)
        if words.on("--keep"):
            _keep(url)
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    """Told to end: leave through the `with` blocks, so that the emulator ends as well."""
    raise SystemExit(128 + number)


def _environment(url: str) -> dict[str, str]:
    environ = own_environment(os.environ)
    environ |= {EMULATOR: url, "CLOUDSDK_CORE_PROJECT": _PROJECT, "CLOUDSDK_COMPUTE_ZONE": _ZONE}
    if not output.Colour.wanted:
        environ["NO_COLOR"] = "1"
    return environ


class _Show:
    """Prints the story, and keeps what the summary says at the end."""

    def __init__(self, scale: str) -> None:
        self._scale = scale
        self._times: list[tuple[str, float]] = []
        self._node = ""
        self._recovered: Recovered | None = None

    def beat(self, beat: Beat) -> None:
        """Print one event."""
        match beat:
            case Told():
                output.say(f"\n{beat.text}")
            case Typed():
                output.say("$ " + wrapped(beat.line).strip())
            case Ran():
                self._times.append((beat.name, beat.seconds))
            case HostLost():
                self._node = beat.node
                output.say(f"  0.0 s  host {beat.node} of slice {beat.slice_index} is gone")
            case Changed():
                output.say(f"{beat.seconds:>5.1f} s  {beat.words}")
            case Recovered():
                self._recovered = beat
            case _:
                assert_never(beat)

    def summary(self, slice_type: SliceType, num_slices: int) -> None:
        """What a person wanted to know."""
        output.say("")
        lines = ["What was shown:"]
        lines += [f"  {name:<18} {seconds:>5.1f} s" for name, seconds in self._times]
        hosts = num_slices * slice_type.hosts
        lines.append(f"  {num_slices} slices of {slice_type.name}, {hosts} hosts, ramdisk on each")
        if self._recovered is not None:
            found = self._recovered
            lines.append(f"host {self._node} lost")
            lines.append(
                f"  noticed after {found.noticed:.1f} s, all {hosts} pods back after {found.running:.1f} s, "
                f"restart {found.restarts}"
            )
        lines.append(f"Times are this machine's; the emulated cloud runs at {self._scale} s for a second.")
        output.result("\n".join(lines))


def _keep(url: str) -> None:
    """Leave the emulator running until Ctrl-C, for a look around."""
    stop = threading.Event()
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    output.say("\nThe emulator runs on until Ctrl-C. In another shell:")
    output.say(f"  export CLOUDSDK_CORE_PROJECT={_PROJECT} CLOUDSDK_COMPUTE_ZONE={_ZONE} {EMULATOR}={url}")
    output.say("  xpk cluster describe --cluster rehearsal")
    stop.wait()
    for number, handler in before.items():
        signal.signal(number, handler)


rehearse = Leaf(
    "rehearse",
    _run,
    sentence="See all of it here, without a project: create, run, lose a host, come back.",
    examples=("xpk rehearse", "xpk rehearse --tpu-type v5p-128 --num-slices 4"),
    flags=(
        Flag("--tpu-type", "--device-type", metavar="TYPE", help="Slice type.", default_words=_SLICE),
        Flag("--num-slices", metavar="N", help="Slices, 2 or more.", default_words="2"),
        Flag("--time-scale", metavar="X", help="Real seconds for an emulated one.", default_words="0.01"),
        Flag("--keep", kind="switch", group="output", help="Keep the emulator running at the end."),
        *ENDING,
    ),
)
