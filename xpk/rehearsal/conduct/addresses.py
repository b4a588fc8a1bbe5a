"""Where the trainers of one attempt meet: an address of this machine that no earlier attempt had."""

from __future__ import annotations

import socket
import threading

LOOPBACK = "127.0.0.1"


class Addresses:
    """A fresh port for each attempt: the last attempt's may still be held by what is just ending."""

    def __init__(self) -> None:
        self._ports: dict[int, int] = {}
        self._lock = threading.Lock()

    def of(self, attempt: int) -> str:
        """`127.0.0.1:PORT`, the same for all who ask for an attempt."""
        with self._lock:
            if attempt not in self._ports:
                self._ports[attempt] = _free_port()
            return f"{LOOPBACK}:{self._ports[attempt]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
