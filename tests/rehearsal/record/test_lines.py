"""Log lines of our trainer, MaxText, Orbax, JAX and gloo; anything else, however hostile, is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpk.rehearsal.record.events import Began, Host, Restored, Said, SignalSeen, Stepped
from xpk.rehearsal.record.lines import (
    LONGEST,
    Note,
    Parsed,
    Restore,
    Signal,
    Start,
    Step,
    Trouble,
    clean,
    events_of,
    parse_line,
    telling,
)

ABSL = "I1124 06:06:29.123456 140 checkpoint_manager.py:887] "
KNOWN: list[tuple[str, Parsed]] = [
    ("rehearsal trainer: process 3 of 4, slice 1 host 1", Start()),
    ("Jax distributed system initialized!", Start()),
    ("completed step: 16, loss: 0.771122", Step(16, "0.771122")),
    ("completed step: 0, loss: nan\r\n", Step(0, "nan")),
    (
        "completed step: 16, seconds: 0.123, Tokens/s/device: 57.100, loss: 5.991, perplexity: 399.842",
        Step(16, "5.991"),
    ),
    (
        "[rank-0/1][INFO]     completed step: 3, seconds: 1.150, loss: 2.010, lm_loss: 2.000",
        Step(3, "2.010"),
    ),
    ("restored step 15 from ramdisk, 1234 bytes", Restore(15, "ramdisk", 1234)),
    ("restored step 15 from peer, 1 bytes", Restore(15, "peer", 1)),
    ("restored step 10 from bucket, 0 bytes", Restore(10, "bucket", 0)),
    ("restored nothing", Restore(-1, "nothing")),
    (
        f"{ABSL}Found MTC no-checkpoint restore marker /local/r-s0-n0-w0.restore and removed it.",
        Restore(-1, "nothing"),
    ),
    (
        f"{ABSL}emergency.CheckpointManager: restoring step=15 from local checkpoint using slice_id: 1",
        Restore(15, "ramdisk", slice_id=1),
    ),
    (
        f"{ABSL}emergency.CheckpointManager: restoring step=10 from persistent checkpoint in directory=/b/c",
        Restore(10, "bucket"),
    ),
    (f"{ABSL}Found a restore directory at step 15 and renamed it to /local/15.", Restore(15, "ramdisk")),
    ("caught SIGTERM at step 23, saved", Signal(23, True)),
    ("caught SIGTERM at step 23, not saved", Signal(23, False)),
    ("[process=1][thread=MainThread] Reached preemption sync point, step=23", Signal(23, None)),
    ("W0000 preemption_notifier.cc:89] SIGTERM caught at 2026-11-24T06:06:29", Signal(-1, None)),
]


@pytest.mark.parametrize(("line", "parsed"), KNOWN)
def test_known_lines(line: str, parsed: Parsed) -> None:
    assert parse_line(line) == parsed


EXISTS = "RuntimeError: Checkpointing failed. Checkpoint for step 15 already exists."


@pytest.mark.parametrize(
    ("line", "follows"),
    [
        (EXISTS, False),
        (
            "orbax.checkpoint.StepAlreadyExistsError: Checkpoint for step 15 already exists.",
            False,
        ),
        ("TypeError: Cannot interpret 'key<urbg>' as a data type", False),
        ("OSError: [Errno 28] No space left on device", False),
        ("error: local_checkpoint_period=x: no number; write 5", False),
        ("bash: line 1: python3: command not found", False),
        ("F0000 pjrt.cc:1] Check failed: a == b", False),
        ("RuntimeError: Gloo AllReduce failed: Connection closed by peer [127.0.0.1]:1", True),
        ("E0000 Terminating process because the JAX distributed service detected fatal errors.", True),
        ("jaxlib._jax.XlaRuntimeError: UNAVAILABLE: Connection reset", True),
        ("Fatal Python error: Aborted", True),
        (
            "F1124 4885 client.h:80] Terminating process because the JAX distributed service",
            True,
        ),
        (
            "RuntimeError: Checkpointing failed. UNKNOWN: Gloo all-reduce failed: [pair.cc:547]",
            True,
        ),
    ],
)
def test_errors_and_what_only_follows_from_them(line: str, follows: bool) -> None:
    assert parse_line(line) == Trouble(line, follows)


@pytest.mark.parametrize(
    "line",
    [
        'Configured emergency.CheckpointManager with replica_axis_index=0, corresponding to "data"',
        "restoring from this run's directory step 10",
    ],
)
def test_lines_worth_keeping(line: str) -> None:
    assert parse_line(line) == Note(line)


def test_a_loggers_prefix_is_not_kept() -> None:
    assert parse_line(f"{ABSL}Configured emergency.CheckpointManager with replica_axis_index=0") == Note(
        "Configured emergency.CheckpointManager with replica_axis_index=0"
    )
    assert parse_line(f"{ABSL}ValueError: bad") == Trouble("ValueError: bad", False)


@pytest.mark.parametrize(
    ("line", "worth"),
    [
        ("    @     0x7fc4812ee709  absl::any_invocable()", False),
        ("*** Check failure stack trace: ***", False),
        ("  ", False),
        ("ValueError: bad", True),
        ("user@host", True),
    ],
)
def test_frames_of_a_native_stack_tell_nothing(line: str, worth: bool) -> None:
    assert telling(line) is worth


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "not yet completed step: 3, loss: 1.0",
        "completed step: 3",
        "completed step: x, loss: 1.0",
        "completed step: 9999999999999, loss: 1.0",
        "completed step: 3, lm_loss: 2.0",
        "restored step 15 from heaven, 1 bytes",
        "we restored nothing",
        f"{ABSL}Found steps: {{15}} in local host storage: /local.",
        "an Error: none",
    ],
)
def test_other_lines_are_nothing(line: str) -> None:
    assert parse_line(line) is None


@given(st.text())
def test_any_text_is_made_safe_to_print(text: str) -> None:
    safe = clean(text)
    assert len(safe) <= LONGEST
    assert all(char.isprintable() for char in safe)


@given(st.sampled_from([line for line, _ in KNOWN] + [EXISTS, ""]), st.text(), st.text())
def test_no_text_around_a_line_makes_it_fail_or_unsafe(line: str, before: str, after: str) -> None:
    parsed = parse_line(before + line + after)
    texts = [parsed.text] if isinstance(parsed, Trouble | Note) else []
    texts += [parsed.loss] if isinstance(parsed, Step) else []
    assert all(char.isprintable() for text in texts for char in text)
    assert all(len(text) <= LONGEST for text in texts)


def test_escapes_do_not_reach_what_is_kept() -> None:
    assert parse_line("ValueError: \x1b[2J\u202eowned\x07") == Trouble("ValueError: ?[2J?owned?", False)
    assert clean("x" * 1000) == "x" * (LONGEST - 3) + "..."


HOST = Host(1, 0)


@pytest.mark.parametrize(
    ("parsed", "events"),
    [
        (Start(), [Began(2.0, HOST, 3)]),
        (Step(1, "0.5"), [Stepped(2.0, HOST, 3, 1, "0.5")]),
        (Restore(15, "ramdisk", slice_id=1), [Restored(2.0, HOST, 3, 15, "ramdisk", 0)]),
        (Restore(15, "ramdisk", slice_id=0), [Restored(2.0, HOST, 3, 15, "peer", 0)]),
        (Restore(15, "bucket", 7), [Restored(2.0, HOST, 3, 15, "bucket", 7)]),
        (Signal(4, True), [SignalSeen(2.0, HOST, 3, 4)]),
        (
            Signal(4, False),
            [SignalSeen(2.0, HOST, 3, 4), Said(2.0, HOST, 3, "caught SIGTERM at step 4, not saved")],
        ),
        (Trouble("bad", True), [Said(2.0, HOST, 3, "bad")]),
        (Note("well"), [Said(2.0, HOST, 3, "well")]),
    ],
)
def test_events_of_a_line(parsed: Parsed, events: list[object]) -> None:
    assert list(events_of(parsed, 2.0, HOST, 3)) == events
