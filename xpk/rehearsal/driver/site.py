"""What the replicator works on: the ramdisks of the hosts, and the ears of those who watch.

A fault is told twice: to the trainer, in `replicator.errors` (it logs them and goes on) or also in
`replicator.failed` (it stops), and to the rehearsal as an event. The same words are told once an attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from xpk.rehearsal.driver.names import ERRORS, FAILED
from xpk.rehearsal.driver.trees import tree_bytes
from xpk.rehearsal.record.events import Event, Host, Moved, Said


class Site:
    """Ramdisks by host, their size in bytes (0: not checked), and where events go."""

    def __init__(
        self,
        ramdisk: Callable[[Host], Path],
        capacity: int,
        on_event: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self.ramdisk = ramdisk
        self.clock = clock
        self._capacity = capacity
        self._on_event = on_event
        self._attempts: dict[Host, int] = {}
        self._told: set[tuple[Host, str]] = set()

    def begin_attempt(self, host: Host, attempt: int) -> None:
        """Faults of this host belong to this attempt from now on."""
        self._attempts[host] = attempt
        self._told = {told for told in self._told if told[0] != host}

    def room(self, host: Host) -> int | None:
        """Bytes that the host's ramdisk still takes; None when its size is not checked."""
        if not self._capacity:
            return None
        return max(0, self._capacity - tree_bytes(self.ramdisk(host)))

    def moved(self, source: Host | str, target: Host | str, size: int, words: str) -> None:
        self._on_event(Moved(self.clock(), str(source), str(target), size, words))

    def say(self, host: Host, text: str) -> None:
        """Tell the rehearsal about a fault, once for each host, attempt and text."""
        if (host, text) not in self._told:
            self._told.add((host, text))
            self._on_event(Said(self.clock(), host, self._attempts.get(host, 0), text))

    def error(self, host: Host, text: str, *, fatal: bool = False) -> None:
        """Tell the trainer of this host and the rehearsal. `fatal`: the trainer stops with these words."""
        if (host, text) in self._told:
            return
        self.say(host, text)
        level = "CRI" if fatal else "ERR"
        line = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} stand-in of the replicator [{level}] {text}\n"
        for name in (ERRORS, FAILED) if fatal else (ERRORS,):
            try:
                with (self.ramdisk(host) / name).open("a") as file:
                    file.write(line)
            except OSError as error:
                self.say(host, f"{name} could not be written: {error}")
