"""What the services of the emulator take and give: one request, one answer.

Not the server (`server.py`): nothing here knows sockets, so a service can be called without any.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
JSON_TYPE = "application/json; charset=UTF-8"


class NotJson(ValueError):
    """The body of a request is not a JSON object."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is decoded and without the query; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """A request from the request line's target, e.g. `/v1/projects/p?alt=json`."""
        parts = urlsplit("//host" + target if target.startswith("/") else target)
        query = parse_qs(parts.query, keep_blank_values=True)
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, unquote(parts.path), query, lower, body)

    def json(self) -> Json:
        """The body as a JSON object; an empty body is `{}`. Raises `NotJson`."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise NotJson(str(error)) from error
        if not isinstance(value, dict):
            raise NotJson("the body is not a JSON object")
        return value

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter, or `default`."""
        values = self.query.get(name)
        return values[0] if values else default

    def parts(self) -> list[str]:
        """The elements of the path, without empty ones."""
        return [part for part in self.path.split("/") if part]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. With `stream` the body is sent piece by piece until the iterator ends.

    With `cut` the connection is closed after so many bytes of the body.
    """

    status: int = 200
    body: Json | list[Any] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    cut: int | None = None

    def rendered(self) -> Response:
        """The same with the body as bytes and its content type among the headers.

        Made while the lock is held: a body may be a part of the state, which the next request changes.
        """
        match self.body:
            case None:
                raw, kind = b"", JSON_TYPE
            case bytes():
                raw, kind = self.body, "application/octet-stream"
            case other:
                raw, kind = json.dumps(other, separators=(",", ":")).encode(), JSON_TYPE
        return replace(self, body=raw, headers={"Content-Type": kind, **self.headers})
