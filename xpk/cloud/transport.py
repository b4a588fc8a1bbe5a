"""Failures below HTTP (refused, reset, timed out, cut off, no token), translated once.

For `requests` (with google-auth on top) and for urllib3, which the kubernetes client shows raw.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import google.auth.exceptions
import requests
import urllib3.exceptions

from xpk.cloud.errors import Ambiguous, Call, Effect, clean
from xpk.cloud.retry import Failed
from xpk.errors import AccessError, Fault, UnreachableError, XpkError

LOGIN = "gcloud auth application-default login"

TRANSPORT_ERRORS: tuple[type[Exception], ...] = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    google.auth.exceptions.GoogleAuthError,
    OSError,
)


def transport_failure(error: Exception, call: Call) -> Failed:
    """`Failed` for an exception that is one of `TRANSPORT_ERRORS`."""
    if isinstance(error, google.auth.exceptions.TransportError):
        # Raised while a token is fetched: the request itself was not sent yet.
        return no_answer(call, "the token server did not answer", effect="none")
    if isinstance(error, google.auth.exceptions.GoogleAuthError):
        return Failed(
            access_error(call, "the credentials were not accepted or could not be renewed"), again=False
        )
    if _caused_by(error, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        fault = Fault(
            call.what,
            "the server's TLS certificate was not accepted",
            "check the clock and any proxy between here and the server (REQUESTS_CA_BUNDLE for its CA)",
        )
        return Failed(UnreachableError(fault), again=False)
    if isinstance(error, requests.exceptions.TooManyRedirects):
        if error.response is not None:
            error.response.close()
        why = "the answer leads to another address, which is not followed"
        return Failed(UnreachableError(Fault(call.what, why, "check any proxy on the way")), again=False)
    if _caused_by(error, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        return no_answer(call, f"no connection to {_host(error)} could be made", effect="none")
    if _caused_by(error, requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError):
        return no_answer(call, f"no connection to {_host(error)} could be made", effect="none")
    if _caused_by(error, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError):
        return no_answer(call, "no answer in time", effect="maybe")
    return no_answer(call, "the connection broke before the answer was complete", effect="maybe")


def no_answer(call: Call, why: str, *, effect: Effect, after: float | None = None) -> Failed:
    """A failure that may pass: repeated when allowed, else `Ambiguous` or `UnreachableError`.

    `effect` says whether the request may have been carried out.
    """
    why = clean(why)
    fix = "check the network, then run the same command again"
    error: XpkError
    if effect == "maybe" and not call.repeatable:
        why += "; it may have been carried out all the same"
        return Failed(
            Ambiguous(Fault(call.what, why, "run the same command again: it looks first")), again=False
        )
    error = UnreachableError(Fault(call.what, why, fix))
    return Failed(error, again=True, after=after)


def access_error(call: Call, why: str, fix: str = LOGIN) -> AccessError:
    """Credentials are missing, expired or insufficient."""
    return AccessError(Fault(call.what, clean(why), fix))


def _host(error: BaseException) -> str:
    """Host and port that could not be reached, as far as the library tells."""
    connection = getattr(error, "conn", None)
    if connection is not None and getattr(connection, "host", None):
        return clean(f"{connection.host}:{connection.port}", limit=200)
    url = getattr(getattr(error, "request", None), "url", None)
    return clean(urlsplit(url).netloc.rpartition("@")[2], limit=200) if isinstance(url, str) else "the server"


def _caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether the error or one that it wraps is of these kinds.

    requests hides urllib3's error in `args`, urllib3 hides the cause in `reason`.
    """
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, kinds):
            return True
        queue += [*current.args, getattr(current, "reason", None), current.__cause__]
    return False
