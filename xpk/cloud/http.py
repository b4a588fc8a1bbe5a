"""JSON over HTTP for the APIs that need no generated client (Storage, Resource Manager).

google-auth's session for Google, a plain one without any credentials for the emulator.
"""

from __future__ import annotations

import json
from typing import Any

import google.auth.transport.requests
import requests
import requests.adapters

from xpk import __version__
from xpk.cloud.credentials import Credentials
from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Json
from xpk.cloud.google_errors import parse_answer, refusal
from xpk.cloud.retry import Retrier
from xpk.cloud.transport import TRANSPORT_ERRORS, no_answer, transport_failure

USER_AGENT = f"xpk/{__version__}"
POOL_SIZE = 32
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next bytes."""


def new_session(endpoints: Endpoints, credentials: Credentials | None) -> requests.Session:
    """A session; without credentials, or for an emulator, it sends none."""
    session: requests.Session
    if endpoints.emulated or credentials is None:
        session = requests.Session()
    else:
        session = google.auth.transport.requests.AuthorizedSession(credentials.google)  # type: ignore[no-untyped-call]
    return prepare_session(session, emulated=endpoints.emulated)


def prepare_session(session: requests.Session, *, emulated: bool) -> requests.Session:
    """What every session needs, also the one inside Google's generated client."""
    # requests reads ~/.netrc and lets it replace the Authorization header; this stops it.
    session.auth = _unchanged
    if emulated:
        session.trust_env = False  # no proxy for a loopback address
    adapter = requests.adapters.HTTPAdapter(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = USER_AGENT
    return session


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class JsonHttp:
    """Requests with retries; errors come out as `xpk.errors`."""

    def __init__(self, session: requests.Session, retrier: Retrier) -> None:
        self._session = session
        self._retrier = retrier

    def request(
        self,
        method: str,
        url: str,
        call: Call,
        *,
        params: dict[str, str] | None = None,
        body: Json | None = None,
    ) -> Json:
        """The answer's JSON object."""
        return self._retrier.run(lambda: self._attempt(method, url, call, params, body))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _attempt(
        self, method: str, url: str, call: Call, params: dict[str, str] | None, body: Json | None
    ) -> Json:
        try:
            response = self._session.request(
                method, url, params=params, json=body, timeout=TIMEOUT, allow_redirects=False
            )
            content = response.content
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, call) from error
        if not 200 <= response.status_code < 300:
            raise refusal(call, parse_answer(response.status_code, content, response.headers))
        return parse_object(content, call)


def parse_object(content: bytes, call: Call) -> Json:
    """A JSON object, or a failure as if there had been no answer (it was cut off)."""
    try:
        parsed: Any = json.loads(content)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise no_answer(call, "the answer was not a JSON object", effect="maybe")
    return parsed
