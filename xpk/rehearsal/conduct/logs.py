"""Reads the pods' logs as they grow and tells what their lines mean.

Log text is untrusted: `record.lines` cleans what is kept of it. Reading, not the pods' writing, gives an
event its time, so it is late by one look at most.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from xpk.rehearsal.record.events import Event, Host, PodEnded, PodStarted, Said
from xpk.rehearsal.record.lines import clean, events_of, parse_line, telling

_LOOK_SECONDS = 0.03
_KEPT_LINES = 12
_LAST_WORDS = 3
_MOST_AT_ONCE = 1 << 20


@dataclass(slots=True)
class _Log:
    host: Host
    attempt: int
    path: Path
    stream: BinaryIO | None = None
    pending: bytes = b""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))


class LogReader:
    """Follows one log file a pod.

    `path_of(pod)` names a pod's log. Give it every event of the agent; it tells `Began`, `Stepped`,
    `Restored`, `SignalSeen` and notable lines, and the last lines of a pod that failed.
    """

    def __init__(
        self, path_of: Callable[[str], Path], tell: Callable[[Event], None], now: Callable[[], float]
    ) -> None:
        self._path_of = path_of
        self._tell = tell
        self._now = now
        self._logs: dict[str, _Log] = {}
        self._ended: list[PodEnded] = []
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        """Start to follow a pod that started; read to its end the log of one that ended."""
        with self._lock:
            match event:
                case PodStarted():
                    self._logs[event.pod] = _Log(event.host, event.attempt, self._path_of(event.pod))
                case PodEnded():
                    self._ended.append(event)
                case _:
                    pass

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set, then read what is left."""
        while not stop.wait(_LOOK_SECONDS):
            self.look()
        self.look()

    def look(self) -> None:
        """Read what has been written since the last look."""
        with self._lock:
            logs, ended = list(self._logs.values()), self._ended
            self._ended = []
        for log in logs:
            self._read(log)
        for event in ended:
            self._end(event)

    def _read(self, log: _Log) -> None:
        if log.stream is None:
            try:
                log.stream = log.path.open("rb")
            except FileNotFoundError:
                return
        while chunk := log.stream.read(_MOST_AT_ONCE):
            *lines, log.pending = (log.pending + chunk).split(b"\n")
            for line in lines:
                self._line(log, line)
            log.pending = log.pending[-_MOST_AT_ONCE:]

    def _line(self, log: _Log, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        if telling(text):
            log.last.append(clean(text))
        parsed = parse_line(text)
        if parsed is not None:
            for event in events_of(parsed, self._now(), log.host, log.attempt):
                self._tell(event)

    def _end(self, event: PodEnded) -> None:
        with self._lock:
            log = self._logs.pop(event.pod, None)
        if log is None:
            return
        self._read(log)
        if log.pending:
            self._line(log, log.pending)
        if log.stream is not None:
            log.stream.close()
        if event.code not in (0, 137, 143):
            for text in log.last:
                self._tell(Said(self._now(), log.host, log.attempt, text))

    def last_words(self) -> None:
        """Tell the last lines of each pod that runs: of one that stands still nothing else is known."""
        with self._lock:
            logs = list(self._logs.values())
        for log in logs:
            for text in list(log.last)[-_LAST_WORDS:]:
                self._tell(Said(self._now(), log.host, log.attempt, text))

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for log in self._logs.values():
                if log.stream is not None:
                    log.stream.close()
            self._logs.clear()
