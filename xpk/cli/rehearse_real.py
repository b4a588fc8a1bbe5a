"""`xpk rehearse` with processes: the JobSet of `workload create` runs on this machine, and things break.

Loaded late: it needs the node agent, the clients and, on a terminal, rich.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xpk.cli import output
from xpk.cli.command import wrapped
from xpk.cli.rehearse_environment import PROJECT, ZONE, environment
from xpk.cli.stopping import stop_on_signal
from xpk.cloud.endpoints import emulated
from xpk.cloud.session import Cloud
from xpk.errors import Fault, StateError
from xpk.rehearsal import commands
from xpk.rehearsal.agent.substitution import Substitution
from xpk.rehearsal.children import XPK
from xpk.rehearsal.children import emulator as emulator_process
from xpk.rehearsal.conduct.conductor import Conductor
from xpk.rehearsal.conduct.hand import HostsHand
from xpk.rehearsal.conduct.recorder import Recorder
from xpk.rehearsal.conduct.scenario import Scenario
from xpk.rehearsal.conduct.stage import Stage
from xpk.rehearsal.conduct.user_command import autocheckpoints
from xpk.rehearsal.conduct.world import EmulatorWorld
from xpk.rehearsal.driver.eligible import ACCELERATOR
from xpk.rehearsal.hosts.isolation import Isolation, choose_isolation
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.outcome import Outcome, Override, Setup
from xpk.rehearsal.record.reduce import outcome as outcome_of
from xpk.rehearsal.story import CLUSTER, WORKLOAD
from xpk.spec.cluster import parse_place

if TYPE_CHECKING:
    from xpk.cli.rehearse_lines import RehearsalLines
    from xpk.cli.rehearse_live import RehearsalLive


class Rehearsal:
    """One rehearsal of a scenario, from an empty emulator to the outcome."""

    def __init__(self, scenario: Scenario, time_scale: str, form: output.Format) -> None:
        self.scenario = scenario
        self.isolation: Isolation = choose_isolation()
        self.recorder = Recorder()
        self.told: list[Override] = []
        self._scale = time_scale
        self._form = form

    def run(self) -> Outcome:
        """Do all of it. Raises StateError when one of the two commands fails."""
        self._say_what_is_what()
        size = self.scenario.ramdisk_bytes * self.scenario.num_slices * self.scenario.hosts
        with (
            stop_on_signal() as stop,
            emulator_process(["--port", "0", "--time-scale", self._scale], os.environ) as (url, _),
            Space(ramdisk_bytes=size) as space,
            Cloud(emulated(url), environ=os.environ) as cloud,
        ):
            environ = environment(url)
            self._command(commands.cluster_create(self.scenario), environ)
            world = EmulatorWorld(url, CLUSTER)
            selector = {ACCELERATOR: self.scenario.slice_type.accelerator}
            world.hand_over(selector)
            stage = Stage(
                self.scenario,
                space,
                self.isolation,
                cloud.kube(parse_place(PROJECT, ZONE).cluster(CLUSTER), {}),
                self.recorder,
                self._tell,
                workload=WORKLOAD,
                selector=selector,
            )
            with stage.serving():
                self._command(commands.workload_create(self.scenario), environ)
                stage.judge()
                with self._view() as view:
                    self.recorder.listen(view.show, from_the_start=True)
                    hand = HostsHand(stage.agent, world, self.recorder.tell, self.recorder.now)
                    Conductor(
                        self.scenario, self.recorder, hand, failure=stage.failure, last_words=stage.last_words
                    ).run(stop)
        self._say_what_was_told()
        return outcome_of(self.setup(), self.recorder.events)

    def setup(self) -> Setup:
        """What was rehearsed."""
        scenario, periods = self.scenario, self.scenario.periods
        bucket = periods.backup_minutes if scenario.mode == "multi-tier" else periods.bucket
        return Setup(
            slices=scenario.num_slices,
            hosts=scenario.hosts,
            mode=scenario.mode,
            trainer=scenario.trainer,
            local_period=periods.local or 0,
            bucket_period=bucket or 0,
            ramdisk_bytes=scenario.ramdisk_bytes,
            mount_path=scenario.mount_path,
            isolation=self.isolation.kind,
            overrides=(*scenario.overrides, *self.told),
            seed=scenario.seed,
            steps=scenario.steps or 0,
            autocheckpoint=autocheckpoints(scenario.command),
        )

    def _say_what_is_what(self) -> None:
        output.say("A rehearsal on this machine: an emulated Google Cloud, no project is touched.")
        output.say(f"The pods run as processes; each host's ramdisk by {self.isolation.kind}.")
        if self.isolation.kind == "substitution":
            output.say(_folded(self.isolation.why))
        for one in self.scenario.overrides:
            output.say(_override(one))

    def _say_what_was_told(self) -> None:
        if self.told:
            output.say("What stood in for what:")
        for one in self.told:
            output.say(_override(one))

    def _tell(self, one: Substitution) -> None:
        self.told.append(Override(one.what, one.was, one.now, one.why))

    def _command(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run one of the two commands; its own words are shown when it fails, or says a note."""
        line = wrapped(shlex.join(["xpk", *words])).strip()
        output.say(f"\n$ {line}")
        begun = self.recorder.now()
        done = subprocess.run(
            [*XPK, *words],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output.say(done.stderr)
            raise StateError(Fault(line[:70], f"ended with {done.returncode}", "see its own words above"))
        for note in done.stderr.splitlines():
            if note.startswith(("note: --command", "warning:")):
                output.say(_folded(note))
        output.say(f"  done in {self.recorder.now() - begun:.1f} s")

    @contextmanager
    def _view(self) -> Iterator[RehearsalLive | RehearsalLines]:
        setup = self.setup()
        if self._form == "table" and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from xpk.cli.rehearse_live import RehearsalLive  # here: it brings rich

            with RehearsalLive(setup, self.recorder.now) as live:
                yield live
        else:
            from xpk.cli.rehearse_lines import RehearsalLines

            with RehearsalLines(setup) as lines:
                yield lines


def rehearse(
    scenario: Scenario, time_scale: str, form: output.Format, report: Path | None, svg: Path | None
) -> int:
    """The whole of it, from the scenario to the exit code: 0, 125 with findings, 130 when interrupted."""
    rehearsal = Rehearsal(scenario, time_scale, form)
    found = rehearsal.run()
    if report is not None:
        from xpk.rehearsal.report.page import page

        _write(report, page(found, rehearsal.recorder.events))
    if svg is not None:
        from xpk.cli.rehearse_board import Board
        from xpk.cli.rehearse_live import svg as drawn

        board = Board(rehearsal.setup())
        for event in rehearsal.recorder.events:
            board.take(event)
        _write(svg, drawn(board, found))
    from xpk.cli.rehearse_summary import result

    result(found, form)
    return 130 if found.words == "interrupted" else found.exit_code


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StateError(
            Fault(str(path), error.strerror or "cannot be written", "name another file")
        ) from None
    output.say(f"written: {path}")


def _override(one: Override) -> str:
    was = f", not {one.was}" if one.was else ""
    return _folded(f"{one.what}: {one.now}{was} ({one.why})")


def _folded(text: str) -> str:
    """Text under a line of its own, in lines of 80 columns; paths and flags stay in one piece."""
    return textwrap.fill(
        output.clean(text),
        80,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
