"""Credentials with tokens that end, and a check of them in front of the emulator, as Google's APIs have it.

No token server: `Tokens` are google-auth's own kind of credentials, whose renewal is counted.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import google.auth.credentials
import google.auth.exceptions
import pytest

import xpk.cloud.session
from tests.faults.catalog import body_of
from tests.faults.wanted import Wanted
from tests.faults.world import Hours, Run, Sleeps, World
from xpk.cloud import releases
from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import emulated
from xpk.cloud.session import Cloud
from xpk.emulator.http import Request, Response
from xpk.errors import XpkError

Ends = Literal["revoked", "expired"]
_HOUR = datetime.timedelta(hours=1)
_base: Any = google.auth.credentials.Credentials


class Tokens(_base):  # type: ignore[misc]
    """Numbered tokens, each good for an hour or until it `ends`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.broken = False
        self.good: set[str] = set()

    def refresh(self, request: object) -> None:
        """The next token; none when the login itself has ended."""
        if self.broken:
            raise google.auth.exceptions.RefreshError("invalid_grant: reauth related error")  # type: ignore[no-untyped-call]
        self.count += 1
        self.token = f"secret-{self.count}"
        self.good.add(self.token)
        self.expiry = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + _HOUR

    def end(self, how: Ends) -> None:
        """No token is good any more: `expired` as it said itself, `revoked` without a word."""
        self.good.clear()
        if how == "expired":
            self.expiry -= 2 * _HOUR


@dataclass(slots=True)
class Gate:
    """Who was let in and who was not: method, path and token."""

    tokens: Tokens
    wanted: Wanted
    how: Ends
    renewable: bool
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: bool = False

    def lets(self, request: Request) -> bool:
        """Whether the request's token is good; that of the wanted request ends at this moment."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        one = (request.method, request.path, token)
        with self.lock:
            seen = sum((method, path) == one[:2] for method, path, _ in self.asked)
            self.asked.append(one)
            meant = (request.method, request.path, seen) == (
                self.wanted.method,
                self.wanted.path,
                self.wanted.nth,
            )
            if meant and not self.over:
                self.over = True
                self.tokens.broken = not self.renewable
                self.tokens.end(self.how)
            if not request.path.startswith("/releases/") and token not in self.tokens.good:
                self.refused.append(one)
                return False
        return True


@contextmanager
def gate(world: World, wanted: Wanted, tokens: Tokens, how: Ends, *, renewable: bool) -> Iterator[Gate]:
    """Put the check in front of a world; the token ends at the wanted request."""
    cloud, found = world.emulator.cloud, Gate(tokens, wanted, how, renewable)
    handle = cloud.handle

    def checking(request: Request) -> Response | None:
        if found.lets(request):
            return handle(request)
        kind = Wanted(request.method, request.path, 0, "")
        return Response(401, body_of(kind, 401))

    cloud.handle = checking  # type: ignore[method-assign]
    try:
        yield found
    finally:
        cloud.handle = handle  # type: ignore[method-assign]


class _Cloud(Cloud):
    """As for Google but for the addresses. Release files, for which no token is sent, as for the emulator."""

    def __init__(self, url: str, sleeps: Sleeps) -> None:
        super().__init__(replace(emulated(url), emulated=False), environ={}, retrier=sleeps)
        self._url = url

    def fetch_release(self, path: str) -> bytes:
        """See `Cloud`."""
        return releases.fetch(emulated(self._url), path)


def run_as(world: World, tokens: Tokens, command: Callable[[Run], None]) -> Run:
    """One run with these credentials."""
    hours, sleeps = Hours(), Sleeps()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xpk.cloud.session, "credentials_for", lambda *_: Credentials(tokens))
        with _Cloud(world.emulator.url, sleeps) as cloud:
            run = Run(cloud, hours.timing, sleeps, hours)
            try:
                command(run)
            except XpkError as error:
                run.error = error
    return run
