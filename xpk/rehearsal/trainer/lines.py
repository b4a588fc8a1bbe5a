"""The trainer's own log lines, word for word. Pure.

`xpk.rehearsal.record.lines` reads them back; Orbax's and JAX's lines stand between them.
"""

from __future__ import annotations

from typing import Literal

Tier = Literal["ramdisk", "peer", "bucket"]

NOTHING_RESTORED = "restored nothing"


def began(rank: int, processes: int, slice_index: int, host_index: int) -> str:
    return f"rehearsal trainer: process {rank} of {processes}, slice {slice_index} host {host_index}"


def stepped(step: int, loss: str) -> str:
    return f"completed step: {step}, loss: {loss}"


def restored(step: int, tier: Tier, size: int) -> str:
    return f"restored step {step} from {tier}, {size} bytes"


def caught(step: int, saved: bool) -> str:
    return f"caught SIGTERM at step {step}, {'saved' if saved else 'not saved'}"


def loss(curve: int, digest: int) -> str:
    """Four places that fall as training goes on, then ten that are the digest of the whole state.

    `curve` in ten-thousandths; `digest` below 2**32, each value of it with a text of its own.
    """
    return f"{curve // 10_000}.{curve % 10_000:04d}{digest:010d}"


def ignored(words: tuple[str, ...]) -> str:
    return f"ignored, without meaning for this trainer: {' '.join(words)}"
