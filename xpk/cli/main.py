"""The program `xpk`: its commands, and the one place where errors become exit codes.

Commands are named here and imported only when they run, so that help and mistakes are fast.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from xpk.cli import output
from xpk.cli.elsewhere import CLUSTER, ROOT, WORKLOAD
from xpk.cli.group import Group, Later
from xpk.errors import Fault, UsageError, XpkError

_CLUSTER = Group(
    "cluster",
    "Create, adapt, list, describe and delete clusters of TPU slices.",
    {
        "create": Later("xpk.cli.cluster:create", "Create a cluster, or bring one up to what is asked for."),
        "adapt": Later("xpk.cli.cluster_adapt:adapt", "Set up a cluster that another program made."),
        "delete": Later("xpk.cli.cluster_delete:delete", "Delete a cluster and what was made for it."),
        "list": Later("xpk.cli.cluster_show:list_", "List the clusters of a project."),
        "describe": Later(
            "xpk.cli.cluster_show:describe", "Show the slices, hosts and ramdisks of a cluster."
        ),
    },
    CLUSTER,
)
_WORKLOAD = Group(
    "workload",
    "Create, watch and delete training jobs.",
    {
        "create": Later("xpk.cli.workload:create", "Run a command on every host of one or more slices."),
        "delete": Later("xpk.cli.workload_delete:delete", "Delete workloads."),
        "list": Later(
            "xpk.cli.workload_show:list_", "List workloads and what they are doing, or wait for one."
        ),
        "describe": Later("xpk.cli.workload_show:describe", "Show one workload with its pods and restarts."),
    },
    WORKLOAD,
)
_TPU = Group(
    "tpu",
    "Look up TPU slice types; needs no project.",
    {
        "list": Later("xpk.cli.tpu:list_", "List slice types by family or number of hosts."),
        "show": Later("xpk.cli.tpu:show", "Show one slice type: topology, hosts, machine, memory."),
    },
    {},
)
_MTC = Group(
    "mtc",
    "Work out multi-tier checkpointing; needs no project.",
    {"size": Later("xpk.cli.mtc:size", "Work out the ramdisk that a model needs on each host.")},
    {},
)
_EMULATOR = Group(
    "emulator",
    "Run a small Google Cloud on this machine, to try things for free.",
    {
        "run": Later("xpk.cli.emulator:run", "Start the emulator, run one command on it, stop it."),
        "serve": Later("xpk.cli.emulator:serve", "Start the emulator and keep it running."),
    },
    {},
)


class Root(Group):
    """The program: runs one command and ends the process with its exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> NoReturn:
        gc.disable()  # a dry run ends before there is garbage worth looking for; run.py turns it on again
        words = list(sys.argv[1:] if args is None else args)
        own = words[: words.index("--")] if "--" in words else words
        output.Colour.wanted = "--no-color" not in own
        output.prepare()
        sys.exit(self._exit_code(words, "--debug" in own))

    def _exit_code(self, words: list[str], debug: bool) -> int:
        try:
            with self.make_context("xpk", words) as ctx:
                code = self.invoke(ctx)
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except click.exceptions.Exit as done:
            return done.exit_code
        except XpkError as problem:
            _traceback(debug)
            output.error(problem)
            return problem.exit_code
        except click.ClickException as problem:
            output.error(UsageError(Fault("xpk", problem.format_message(), "xpk --help")))
            return 2
        except KeyboardInterrupt:
            _traceback(debug)
            output.say("interrupted")
            return 130
        except BrokenPipeError:
            _forget_stdout()
            return 141
        except Exception as bug:
            _traceback(debug)
            _say_bug(bug, debug)
            return 1


def _say_bug(bug: Exception, debug: bool) -> None:
    """What is no error of the user's: a bug, or an installation that lacks a package."""
    if isinstance(bug, ModuleNotFoundError) and bug.name and bug.name.partition(".")[0] != "xpk":
        output.say(f"error: the Python package '{bug.name}' is not installed")
        output.say(f"       {sys.executable} -m pip install FOLDER, the folder of xpk with pyproject.toml")
        return
    output.say(f"error: a bug in xpk: {type(bug).__name__}: {str(bug)[:300]}")
    output.say("       run again with --debug for the traceback" if not debug else "       see above")


def _traceback(debug: bool) -> None:
    if debug:
        import traceback  # here, because it is rarely wanted and slow to load

        output.say(traceback.format_exc())


def _forget_stdout() -> None:
    """Whoever read stdout has gone: nothing more is written there, and Python must not try."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


root = Root(
    "xpk",
    "Train on TPU slices in Google Kubernetes Engine, and go on after a failure.",
    {
        "rehearse": Later("xpk.cli.rehearse:rehearse", "See all of it on this machine, without a project."),
        "cluster": _CLUSTER,
        "workload": _WORKLOAD,
        "tpu": _TPU,
        "mtc": _MTC,
        "emulator": _EMULATOR,
        "version": Later("xpk.cli.version:version", "Print the version."),
    },
    ROOT,
)


def main() -> NoReturn:
    """Run the program with this process's arguments and end the process."""
    root.main()
