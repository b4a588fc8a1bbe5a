"""What happens below HTTP, for both client libraries: no connection, and no answer in time.

Both send through `urllib3.connectionpool.HTTPConnectionPool._make_request`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import unquote

import urllib3.connectionpool
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

How = Literal["refused", "timeout before", "timeout after"]


class Wire:
    """Strikes the requests of one method and path, after `skip`, `times` of them."""

    def __init__(self, how: How, method: str, pattern: str, skip: int, times: int) -> None:
        self._how = how
        self._method, self._pattern = method, re.compile(pattern)
        self._skip, self._times = skip, times
        self._lock = threading.Lock()
        self.struck = 0

    def meant(self, method: str, url: str) -> bool:
        """Whether this request is struck."""
        if method != self._method or not self._pattern.search(unquote(url.partition("?")[0])):
            return False
        with self._lock:
            if self._skip:
                self._skip -= 1
                return False
            if self.struck >= self._times:
                return False
            self.struck += 1
            return True

    def strike(self, pool: Any, conn: Any, method: str, url: str, **options: Any) -> Any:
        """Fail as urllib3 does."""
        if self._how == "refused":
            raise NewConnectionError(conn, "Connection refused")
        if self._how == "timeout after":
            # Without `response_conn` the answer does not give the connection back: urllib3 does, once.
            response = _original(pool, conn, method, url, **{**options, "response_conn": None})
            response.read()
            response.close()
        conn.close()
        raise ReadTimeoutError(pool, url, "Read timed out.")


_original = urllib3.connectionpool.HTTPConnectionPool._make_request


@contextmanager
def struck(wire: Wire) -> Iterator[None]:
    """Put a `Wire` between the clients and the network."""

    def make_request(self: Any, conn: Any, method: str, url: str, **options: Any) -> Any:
        if wire.meant(method, url):
            return wire.strike(self, conn, method, url, **options)
        return _original(self, conn, method, url, **options)

    urllib3.connectionpool.HTTPConnectionPool._make_request = make_request  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        urllib3.connectionpool.HTTPConnectionPool._make_request = _original  # type: ignore[method-assign]
