"""Manifests of pinned releases, fetched over TLS. No credentials are ever sent.

What is in them is not judged here.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import requests

from xpk.cloud.endpoints import Endpoints, is_loopback
from xpk.cloud.errors import Call, clean, parse_retry_after
from xpk.cloud.http import TIMEOUT, new_session
from xpk.cloud.retry import Failed, Retrier
from xpk.cloud.transport import TRANSPORT_ERRORS, no_answer, transport_failure
from xpk.errors import CloudError, Fault

MAX_BYTES = 20 * 1024 * 1024
_MAX_REDIRECTS = 5


def fetch(
    endpoints: Endpoints, path: str, *, retrier: Retrier | None = None, max_bytes: int = MAX_BYTES
) -> bytes:
    """The file at `path` of the releases' host, such as
    /kubernetes-sigs/jobset/releases/download/v0.12.0/manifests.yaml.

    Redirects are followed (GitHub sends one) to https alone, emulated to loopback alone. Raises
    UnreachableError after retries, CloudError for every other refusal and for more than
    `max_bytes`; both name the flag with which a file can be given instead.
    """
    call = Call("fetch", endpoints.releases + path, repeatable=True)
    session = new_session(endpoints, None)
    try:
        return (retrier or Retrier()).run(lambda: _attempt(session, endpoints, path, call, max_bytes))
    except CloudError as error:
        # Whatever went wrong, a file helps: a machine behind a firewall never gets further.
        faults = [Fault(f.what, f.why, _fix(path)) for f in error.faults]
        raise type(error)(*faults) from error.__cause__
    finally:
        session.close()


def _fix(path: str) -> str:
    flag = "--kueue-manifest" if "/kueue/" in path else "--jobset-manifest"
    return f"{flag} FILE, with the release's manifests.yaml fetched by hand"


def _attempt(session: requests.Session, endpoints: Endpoints, path: str, call: Call, max_bytes: int) -> bytes:
    url = endpoints.releases + path
    for _ in range(_MAX_REDIRECTS + 1):
        _check(url, endpoints, call)
        try:
            with session.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as response:
                location = response.headers.get("Location")
                if response.status_code in (301, 302, 303, 307, 308) and location:
                    url = urljoin(url, location)
                    continue
                return _body(response, call, max_bytes)
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, call) from error
    raise _refused(call, "it redirects too often")


def _body(response: requests.Response, call: Call, max_bytes: int) -> bytes:
    if response.status_code == 429 or response.status_code >= 500:
        after = parse_retry_after(response.headers.get("Retry-After"))
        raise no_answer(call, f"the server answered {response.status_code}", effect="none", after=after)
    if response.status_code != 200:
        raise _refused(call, f"the server answered {response.status_code}")
    content = bytearray()
    for chunk in response.iter_content(1 << 16):
        content += chunk
        if len(content) > max_bytes:
            raise _refused(call, f"it is larger than {max_bytes} bytes")
    if not content:
        raise no_answer(call, "the file is empty", effect="none")
    return bytes(content)


def _check(url: str, endpoints: Endpoints, call: Call) -> None:
    """Refuse an address that a redirect must not lead to."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
    except ValueError:
        raise _refused(call, "it redirects to what is no address") from None
    if endpoints.emulated and scheme == "http" and is_loopback(host):
        return
    if not endpoints.emulated and scheme == "https" and host and parts.username is None:
        return
    raise _refused(call, f"it redirects to {clean(f'{scheme}://{host}', limit=120)}, which is not allowed")


def _refused(call: Call, why: str) -> Failed:
    return Failed(CloudError(Fault(call.what, why, "")), again=False)
