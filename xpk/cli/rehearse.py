"""`xpk rehearse`: the whole way on this machine, without a project."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import assert_never, cast

from xpk.catalog.slices import SliceType
from xpk.cli import output, run
from xpk.cli.command import Leaf, wrapped
from xpk.cli.emulator import time_scale
from xpk.cli.rehearse_environment import PROJECT, ZONE, environment
from xpk.cli.rehearse_flags import FLAGS, NEEDS_TRAINER
from xpk.cli.rehearse_request import EXTRA, choice, scenario, slices, trainer_is_here
from xpk.cli.where import EMULATOR
from xpk.cli.words import Words
from xpk.cloud.endpoints import emulated
from xpk.rehearsal.children import emulator as emulator_process
from xpk.rehearsal.story import Beat, Changed, HostLost, Ran, Recovered, Rehearsal, Told, Typed
from xpk.spec.cluster import parse_place


def _run(words: Words) -> int:
    chosen = choice(words)
    report, svg = _file(words, "--report", "html"), _file(words, "--record", "svg")
    form = cast(output.Format, words.choice("-o", ("table", "json", "yaml"), "table"))
    if chosen == "none":
        for name in sorted(NEEDS_TRAINER):
            if words.given(name):
                words.faults.add(name, *_no_trainer(words))
        return _quick(words)
    scale = time_scale(words, "0.003")
    if words.on("--keep"):
        words.faults.add("--keep", "is for --trainer none: nothing is left of a real one", "leave --keep out")
    found = scenario(words, chosen)
    from xpk.cli.rehearse_real import rehearse as really  # here: agent and clients are for this alone

    return really(found, scale, form, report, svg)


def _no_trainer(words: Words) -> tuple[str, str]:
    """Why a flag has no meaning where no trainer runs, and what to do."""
    if words.given("--trainer"):
        return (
            "with --trainer none no trainer runs, so there is nothing to do it to",
            "leave --trainer none out",
        )
    return "needs a trainer, and JAX and Orbax are not installed here", EXTRA


def _file(words: Words, name: str, kind: str) -> Path | None:
    """A file that will be written: its folder must be there."""
    text = words.text(name)
    if text is None:
        return None
    path = Path(text)
    why = "no file is named" if not text.strip() else "is a folder" if path.is_dir() else ""
    if not why and not path.absolute().parent.is_dir():
        why = "no such folder"
    if why:
        words.faults.add(f"{name} {text or repr('')}", why, f"write {name} rehearsal.{kind}")
    return path


def _quick(words: Words) -> int:
    slice_type, num_slices = slices(words)
    scale = time_scale(words)
    words.faults.raise_if_any()
    output.say("A rehearsal on an emulator on this machine. Nothing is real: no project is touched, and no")
    output.say("process is started for the pods, so the trainer itself does not run.")
    if not trainer_is_here():
        output.say("With JAX and Orbax it does, and what a fault costs is measured:")
        output.say(f"  {EXTRA}")
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    with emulator_process(["--port", "0", "--time-scale", scale], os.environ) as (url, _):
        environ = environment(url)
        output.say(f"\n$ export CLOUDSDK_CORE_PROJECT={PROJECT} CLOUDSDK_COMPUTE_ZONE={ZONE}")
        output.say(f"$ export {EMULATOR}={url}")
        with run.watching(emulated(url), parse_place(PROJECT, ZONE)) as eyes:
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
    output.say(f"  export CLOUDSDK_CORE_PROJECT={PROJECT} CLOUDSDK_COMPUTE_ZONE={ZONE} {EMULATOR}={url}")
    output.say("  xpk cluster describe --cluster rehearsal")
    stop.wait()
    for number, handler in before.items():
        signal.signal(number, handler)


rehearse = Leaf(
    "rehearse",
    _run,
    sentence="Run the workload's pods on this machine, break something, and see what it costs.",
    examples=(
        "xpk rehearse --fail host --report rehearsal.html",
        "xpk rehearse --mode multi-tier --fail process --at-step random --times 3",
    ),
    flags=FLAGS,
)
