"""The flags of `xpk rehearse`, as data."""

from __future__ import annotations

from typing import Final

from xpk.cli.flag import Flag
from xpk.cli.options import ENDING

_WHAT: Final = (
    Flag("--tpu-type", "--device-type", metavar="TYPE", help="Slice type.", default_words="v6e-256"),
    Flag("--num-slices", metavar="N", help="Slices, 2 or more.", default_words="2"),
    Flag("--hosts-per-slice", metavar="N", help="Hosts of a slice that run here.", default_words="2"),
    Flag(
        "--trainer",
        metavar="orbax|maxtext|none",
        help="What runs in the pods: xpk's own small trainer, MaxText of --python, or nothing.",
        default_words="orbax with the extra, else none",
    ),
    Flag("--python", metavar="FILE", help="What python3 is in the pods.", default_words="this one"),
    Flag("--command", metavar="LINE", help="Your own training command in place of a trainer's."),
    Flag("--steps", metavar="N", group="job", help="Steps of the run.", default_words="as many as it takes"),
    Flag("--step-seconds", metavar="S", group="job", help="Least seconds of a step.", default_words="0.2"),
    Flag(
        "--state-size", metavar="SIZE", group="job", help="A host's part of the state.", default_words="1Mi"
    ),
)
_SAVING: Final = (
    Flag(
        "--mode",
        metavar="emergency|multi-tier|bucket",
        group="checkpointing",
        help="How the trainer saves.",
        default_words="emergency",
    ),
    Flag(
        "--local-checkpoint-period",
        metavar="N",
        group="checkpointing",
        help="Steps between saves to the ramdisk.",
        default_words="5",
    ),
    Flag(
        "--checkpoint-period",
        metavar="N",
        group="checkpointing",
        help="Steps between saves to the bucket; multi-tier saves by minutes.",
        default_words="20",
    ),
    Flag(
        "--ramdisk-directory",
        metavar="NAME",
        group="checkpointing",
        help="Where the ramdisk is mounted.",
        default_words="ramdisk",
    ),
    Flag(
        "--mtc-ramdisk-size",
        metavar="SIZE",
        group="checkpointing",
        help="Ramdisk of each host.",
        default_words="64Mi",
    ),
)
_BREAKING: Final = (
    Flag(
        "--fail",
        metavar="WHAT",
        group="job",
        help="host, last-slice-host, slice, all-ramdisks, process, sigterm or none.",
        default_words="host",
    ),
    Flag(
        "--at-step",
        metavar="N|random",
        group="job",
        help="Steps after the start, and after each recovery.",
        default_words="two local periods and 3",
    ),
    Flag("--times", metavar="K", group="job", help="How often.", default_words="1"),
    Flag(
        "-tgps",
        "--termination-grace-period-seconds",
        metavar="S",
        group="job",
        help="Between SIGTERM and SIGKILL: a hung peer of a lost host costs a restart so long.",
        default_words="60",
    ),
    Flag("--seed", metavar="S", group="job", help="Of what is random.", default_words="0"),
)
_OUTPUT: Final = (
    Flag("--report", metavar="FILE", group="output", help="Write a page with a timeline, for a browser."),
    Flag("--record", metavar="FILE", group="output", help="Write the last screen as an SVG."),
    Flag(
        "-o",
        "--output",
        metavar="table|json|yaml",
        group="output",
        help="Form of the result.",
        default_words="table",
    ),
    Flag(
        "--time-scale",
        metavar="X",
        group="output",
        help="Real seconds for one of the emulated cloud's.",
        default_words="0.003, 0.01 without a trainer",
    ),
    Flag("--keep", kind="switch", group="output", help="Without a trainer: keep the emulator running."),
)

FLAGS: Final = (*_WHAT, *_BREAKING, *_SAVING, *_OUTPUT, *ENDING)
NEEDS_TRAINER: Final = frozenset(
    flag.main_name for flag in (*_WHAT[2:3], *_WHAT[4:], *_BREAKING, *_SAVING, *_OUTPUT[:3])
)
