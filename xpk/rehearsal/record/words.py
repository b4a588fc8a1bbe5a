"""A recovery or a finding as text of at most 80 columns."""

from __future__ import annotations

import textwrap
from typing import Final, assert_never

from xpk.rehearsal.record.events import Host
from xpk.rehearsal.record.outcome import Finding, Recovery, Setup

_WIDTH: Final = 80


def words(recovery: Recovery, setup: Setup) -> list[str]:
    """What broke, when it was back, what was lost, and why the ramdisks did not serve where they did not.

    host slice-1/3 killed at step 47
      noticed after 0.6 s, pods back 3.9 s, restored 8.1 s, first new step 9.2 s
      resumed from step 45 out of the ramdisk of slice 0 (bucket had 40):
        2 steps lost instead of 7, 1.2 MB moved
    """
    lines = [f"{_subject(recovery)} {_at(recovery.step_failed)}"]
    for line in (_when(recovery), _resumed(recovery), _why_not_near(recovery, setup), _remarks(recovery)):
        lines += _wrapped(line, "  ", "    ")
    return lines


def finding_words(finding: Finding) -> list[str]:
    """What was seen, why it is so, what to write. A flag that is longer than a line stays in one piece."""
    return [
        *_wrapped(f"found: {finding.words}", "", "       "),
        *_wrapped(finding.why, "       ", "       "),
        *_wrapped(finding.fix, "       ", "       "),
    ]


def _wrapped(text: str, first: str, then: str) -> list[str]:
    wrapper = textwrap.TextWrapper(
        _WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False, break_long_words=False
    )
    return wrapper.wrap(text)


def _subject(recovery: Recovery) -> str:
    hosts = recovery.hosts
    name = _name(hosts[0]) if len(hosts) == 1 else f"{len(hosts)} hosts"
    match recovery.fault:
        case "process":
            return f"process on {name} killed"
        case "host":
            return f"host {name} killed" if len(hosts) == 1 else f"{name} killed"
        case "last-slice-host":
            return f"host {name} of the last slice killed" if len(hosts) == 1 else f"{name} killed"
        case "slice":
            slices = sorted({host.slice_index for host in hosts})
            which = f"slice {slices[0]}" if len(slices) == 1 else f"{len(slices)} slices"
            return f"{which} killed, {_hosts(len(hosts))},"
        case "all-ramdisks":
            return f"all ramdisks of {_hosts(len(hosts))} lost"
        case "sigterm":
            return f"SIGTERM to {name}"
        case _:
            assert_never(recovery.fault)


def _name(host: Host) -> str:
    return f"slice-{host.slice_index}/{host.host_index}"


def _hosts(count: int) -> str:
    return f"{count} host{'s' * (count != 1)}"


def _at(step: int) -> str:
    return f"at step {step}" if step >= 0 else "before the first step"


def _when(recovery: Recovery) -> str:
    times = (
        ("noticed", recovery.noticed),
        ("pods back", recovery.running),
        ("restored", recovery.restored),
        ("first new step", recovery.first_step),
    )
    happened = [(what, seconds) for what, seconds in times if seconds is not None]
    parts = [f"{what}{' after' * (not i)} {seconds:.1f} s" for i, (what, seconds) in enumerate(happened)]
    match recovery.ended:
        case "recovered":
            pass
        case "overtaken":
            parts.append("the next fault came first")
        case "failed":
            parts.append("training did not go on")
        case "unfinished":
            parts.append("not back yet")
        case _:
            assert_never(recovery.ended)
    return ", ".join(parts)


def _resumed(recovery: Recovery) -> str:
    if recovery.steps_lost is None:
        return ""
    lost = f"{recovery.steps_lost} step{'s' * (recovery.steps_lost != 1)} lost"
    moved = f", {_size(recovery.bytes_moved)} moved" if recovery.bytes_moved else ""
    if recovery.step_restored is None:
        return f"began anew: {lost}"
    source = f" out of {recovery.from_words}" if recovery.from_words else ""
    if not any(tier in ("ramdisk", "peer") for tier, _ in recovery.tiers):
        return f"resumed from step {recovery.step_restored}{source}: {lost}{moved}"
    bucket = "was empty" if recovery.bucket_step is None else f"had {recovery.bucket_step}"
    saved = recovery.steps_lost_without > recovery.steps_lost
    instead = f" instead of {recovery.steps_lost_without}" if saved else ""
    return f"resumed from step {recovery.step_restored}{source} (bucket {bucket}): {lost}{instead}{moved}"


def _why_not_near(recovery: Recovery, setup: Setup) -> str:
    """Why no ramdisk could serve, in a mode that has them; empty where one did or should have."""
    served = {tier for tier, _ in recovery.tiers}
    if setup.mode not in ("emergency", "multi-tier") or recovery.ramdisk_step is not None:
        return ""
    if not served or served & {"ramdisk", "peer"}:
        return ""
    if recovery.fault == "all-ramdisks":
        return "no ramdisk was left that could serve"
    if setup.mode == "multi-tier":
        return "no ramdisks could serve: of some host's part no slice had a finished step left"
    return (
        "no ramdisks could serve: slice 0 saves to the bucket alone, and no other slice has a step on all "
        "its hosts; multi-tier checkpointing keeps one on every slice"
    )


def _size(count: int) -> str:
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _remarks(recovery: Recovery) -> str:
    parts = []
    if recovery.interrupted_save:
        parts.append("the fault fell into a save")
    if recovery.restarts > 1:
        parts.append(f"{recovery.restarts} restarts")
    if recovery.losses_equal is False:
        first = recovery.differences[0]
        parts.append(f"losses differ at step {first.step}: {first.before}, then {first.after}")
    return ", ".join(parts)
