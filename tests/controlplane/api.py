"""A plain client of the control plane, for the harness itself: what is under test has its own."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode

Json: TypeAlias = dict[str, Any]


class Refused(Exception):
    """The API server said no. `status` is its HTTP code, `answer` its Status object."""

    def __init__(self, method: str, path: str, status: int, answer: Json) -> None:
        super().__init__(f"{method} {path}: {status} {answer.get('message', answer)}")
        self.status = status
        self.answer = answer


class Api:
    """JSON requests as one user. Safe to use from several threads: each has its own connection."""

    def __init__(self, port: int, token: str, ca_pem: str) -> None:
        self._port = port
        self._token = token
        self._tls = ssl.create_default_context(cadata=ca_pem)
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def request(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """The answer's object; a text is sent as it is. Raises Refused, or OSError when nothing answers."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        target = f"{path}?{urlencode(query)}" if query else path
        text = json.dumps(body) if isinstance(body, dict) else body
        try:
            response, content = self._send(method, target, text, headers)
        except (OSError, http.client.HTTPException) as error:
            raise OSError(f"{method} {path}: {error}") from error
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"message": content.decode(errors="replace")}
        if not isinstance(answer, dict):
            answer = {"message": str(answer)}
        if response.status >= 300:
            raise Refused(method, path, response.status, answer)
        return answer

    def get(self, path: str) -> Json | None:
        """The object, or None."""
        try:
            return self.request("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        """All objects of a collection."""
        found: list[Json] = self.request("GET", path, query=query)["items"]
        return found

    def merge(self, path: str, patch: Json) -> Json:
        """A JSON merge patch."""
        return self.request("PATCH", path, patch, content_type="application/merge-patch+json")

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open:
            connection.close()

    def _send(
        self, method: str, target: str, text: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection()
        for last in (False, True):
            try:
                connection.request(method, target, None if text is None else text.encode(), headers)
                response = connection.getresponse()
                return response, response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()  # opened again by the next request
                idle = isinstance(error, http.client.RemoteDisconnected | BrokenPipeError | ssl.SSLEOFError)
                if last or not idle:  # the server ends connections that were idle for long
                    raise
        raise AssertionError("not reached")

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=self._tls)
            self._local.connection = connection
            self._open.append(connection)
        return connection
