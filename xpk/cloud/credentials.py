"""Google credentials as this program uses them; anonymous ones for the emulator.

Application default credentials, never gcloud's own: no child process is started, also not by
google-auth (`google.auth.default` runs gcloud to guess a project, which is why the user's
file is loaded directly). A token is never printed, stored or sent to an emulator.
"""

from __future__ import annotations

import datetime
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import google.auth
import google.auth.credentials
import google.auth.exceptions
import google.auth.transport.requests

from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call
from xpk.cloud.local import credentials_file
from xpk.cloud.retry import Retrier
from xpk.cloud.transport import LOGIN, TRANSPORT_ERRORS, transport_failure
from xpk.errors import AccessError, Fault

SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    # Without it Kubernetes' RBAC sees a number and not the e-mail address of a person.
    "https://www.googleapis.com/auth/userinfo.email",
)
_FRESH_FOR = datetime.timedelta(minutes=5)
# A file with another JSON value than an object makes google-auth stumble.
_UNUSABLE = (google.auth.exceptions.GoogleAuthError, OSError, ValueError, AttributeError, KeyError, TypeError)
# google-auth says that it is typed, but these functions are not.
_auth: Any = google.auth
_auth_credentials: Any = google.auth.credentials
_CALL = Call("get", "an access token", repeatable=True)


class Credentials:
    """google-auth credentials and a lock. Its repr shows no secret."""

    def __init__(self, google_credentials: Any, *, anonymous: bool = False) -> None:
        self.google = google_credentials
        self.anonymous = anonymous
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Credentials({'anonymous' if self.anonymous else 'application default'})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not stored")

    def token(self, retrier: Retrier, *, renew: bool = False) -> str | None:
        """A token that is good for some minutes, or None for anonymous. Raises AccessError,
        or UnreachableError when the token server does not answer."""
        if self.anonymous:
            return None
        with self._lock:
            if renew or not self._fresh():
                retrier.run(self._refresh)
            token: str = self.google.token
            return token

    def _fresh(self) -> bool:
        if not self.google.token:
            return False
        expiry: datetime.datetime | None = self.google.expiry  # naive, in UTC
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return expiry is None or expiry - now > _FRESH_FOR

    def _refresh(self) -> None:
        try:
            self.google.refresh(google.auth.transport.requests.Request())
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, _CALL) from error


def anonymous() -> Credentials:
    """For the emulator: nothing is sent."""
    return Credentials(_auth_credentials.AnonymousCredentials(), anonymous=True)


def credentials_for(endpoints: Endpoints, environ: Mapping[str, str]) -> Credentials:
    """Anonymous for an emulator, whatever is installed; else the application default credentials."""
    return anonymous() if endpoints.emulated else application_default(environ)


def application_default(environ: Mapping[str, str]) -> Credentials:
    """The file that GOOGLE_APPLICATION_CREDENTIALS names, gcloud's file, else the machine's own.

    Raises AccessError when there is none or it cannot be used.
    """
    path = credentials_file(environ)
    named = bool(environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
    try:
        with _quiet():
            if named or path.is_file():
                loaded, _ = _auth.load_credentials_from_file(str(path))
            else:
                loaded, _ = _auth.default(scopes=list(SCOPES))
            scoped = _auth_credentials.with_scopes_if_required(loaded, list(SCOPES))
    except _UNUSABLE as error:
        if named:
            why = "the file that GOOGLE_APPLICATION_CREDENTIALS names cannot be used"
        elif path.is_file():
            why = "the application default credentials cannot be read"
        else:
            why = "no application default credentials were found"
        raise AccessError(Fault("Google credentials", why, LOGIN)) from error
    return Credentials(scoped)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what google-auth says while it looks for credentials.

    It warns about user credentials without a quota project, about loading from a file, and
    (through logging) about a missing project or metadata server: none is a fault here.
    """
    loggers = [
        logging.getLogger(name) for name in ("google.auth._default", "google.auth.compute_engine._metadata")
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"google\.auth")
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*load_credentials_from_file")
        warnings.filterwarnings("ignore", category=UserWarning, message=".*end user credentials")
        for logger in loggers:
            logger.addFilter(_drop)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(_drop)


def _drop(_: logging.LogRecord) -> bool:
    return False
