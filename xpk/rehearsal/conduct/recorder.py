"""The rehearsal's memory: events in order of arrival, safe for all threads, and waits for what comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from xpk.rehearsal.record.events import Event

Listener = Callable[[Event], None]


class Recorder:
    """Events and a clock that starts with it.

    `tell` calls every listener in the thread of whoever saw the event, one event at a time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._events: list[Event] = []
        self._listeners: list[Listener] = []
        self._changed = threading.Condition(threading.RLock())
        self._last = 0.0

    def now(self) -> float:
        """Seconds since the rehearsal's start."""
        return self._clock() - self._start

    def tell(self, event: Event) -> None:
        """Keep an event and wake whoever waits."""
        with self._changed:
            self._events.append(event)
            self._last = self.now()
            for listener in self._listeners:
                listener(event)
            self._changed.notify_all()

    def listen(self, listener: Listener, *, from_the_start: bool = False) -> None:
        """Call `listener` for each event from now on. It must be quick, and tell nothing itself."""
        with self._changed:
            for event in self._events if from_the_start else ():
                listener(event)
            self._listeners.append(listener)

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        with self._changed:
            return tuple(self._events)

    def since(self, index: int) -> list[Event]:
        """The events from `index` on."""
        with self._changed:
            return self._events[index:]

    def quiet_for(self) -> float:
        """Seconds since the last event."""
        with self._changed:
            return self.now() - self._last

    def wait(self, seconds: float, seen: int) -> bool:
        """Until there are more than `seen` events, at most so long. Whether there are."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._events) > seen, seconds)
