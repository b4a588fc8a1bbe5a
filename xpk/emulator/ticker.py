"""The thread that lets emulated time have its effect between requests, and writes the state file."""

from __future__ import annotations

import threading
import time
import traceback
from pathlib import Path

from xpk.emulator import state
from xpk.emulator.cloud import Cloud

# Real seconds. The state is written this long after a change, so that a burst is one write, and a large
# state, whose writing takes long, no more often than this many times that.
DEBOUNCE = 0.1
REST = 4
SHORTEST_WAIT = 0.002


class Ticker:
    """Sleeps while nothing is pending; woken by the cloud."""

    def __init__(self, cloud: Cloud, state_dir: Path | None) -> None:
        self._cloud = cloud
        self._state_dir = state_dir
        self._saved = 0
        self._changed_at: float | None = None
        self._debounce = DEBOUNCE
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="emulator-ticker", daemon=True)

    def start(self) -> None:
        """Load the state if there is one, and begin. Raises ValueError for a file that is no state."""
        if self._state_dir is not None:
            state.load(self._state_dir, self._cloud)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and write the state."""
        self._stopping = True
        self._cloud.woken.set()
        self._thread.join()
        if self._state_dir is not None:
            state.save(self._state_dir, self._cloud)

    def _run(self) -> None:
        while not self._stopping:
            self._cloud.woken.clear()
            try:
                due, waits = self._cloud.settle(), [self._save_later()]
            except Exception:
                self._cloud.failure = self._cloud.failure or traceback.format_exc()
                return
            if due is not None:
                waits.append(max(self._cloud.clock.real_seconds(due), SHORTEST_WAIT))
            pending = [wait for wait in waits if wait is not None]
            self._cloud.woken.wait(min(pending) if pending else None)

    def _save_later(self) -> float | None:
        """Write the state when its time has come; real seconds until then, None when nothing changed."""
        if self._state_dir is None or self._cloud.changes == self._saved:
            return None
        now = time.monotonic()
        if self._changed_at is None:
            self._changed_at = now
        wait = self._changed_at + self._debounce - now
        if wait > 0:
            return wait
        self._saved, self._changed_at = self._cloud.changes, None
        state.save(self._state_dir, self._cloud)
        self._debounce = max(DEBOUNCE, (time.monotonic() - now) * REST)
        return None
