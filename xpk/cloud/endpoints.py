"""Where the APIs are: the one value that differs between Google Cloud and the emulator.

Not a client. Importing this loads nothing beyond the standard library's URL parser.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from xpk.errors import Fault, UsageError
from xpk.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base addresses without a trailing slash.

    `kubernetes` is None for the real cloud, where each cluster has its own endpoint;
    emulated it is a base to which `/<cluster name>` is added. `emulated` also means that no
    real token may be sent.
    """

    container: str
    storage: str
    resource_manager: str
    releases: str
    kubernetes: str | None
    emulated: bool


def real() -> Endpoints:
    """Google Cloud's public endpoints and GitHub's releases."""
    return Endpoints(
        container="https://container.googleapis.com",
        storage="https://storage.googleapis.com",
        resource_manager="https://cloudresourcemanager.googleapis.com",
        releases="https://github.com",
        kubernetes=None,
        emulated=False,
    )


def emulated(base_url: str) -> Endpoints:
    """The emulator at `base_url`, such as `http://127.0.0.1:8085`.

    Raises UsageError unless it is plain http on a loopback address with nothing but a port:
    an address beyond this machine would be given a person's plan, and a path or a query
    would be silently lost.
    """
    base = _loopback_base(base_url)
    return Endpoints(
        container=base,
        storage=base,
        resource_manager=base,
        releases=base + "/releases",
        kubernetes=base + "/kubernetes",
        emulated=True,
    )


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address literal can only be this machine."""
    if host in ("localhost", "::1"):
        return True
    octets = (host or "").split(".")
    return (
        len(octets) == 4
        and octets[0] == "127"
        and all(o.isascii() and o.isdigit() and len(o) <= 3 and int(o) <= 255 for o in octets)
    )


def _loopback_base(base_url: str) -> str:
    fix = "http://127.0.0.1:PORT, the address that `xpk emulator serve` prints"
    shown = f"emulator address {_printable(base_url)!r}"
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError:
        raise UsageError(Fault(shown, "it is not an address", fix)) from None
    if parts.scheme != "http":
        raise UsageError(Fault(shown, "the emulator speaks plain http", fix))
    if parts.username is not None or parts.password is not None:
        raise UsageError(Fault("emulator address", "it must not hold a user name or password", fix))
    if not is_loopback(parts.hostname):
        raise UsageError(Fault(shown, "only a loopback address is allowed", fix))
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(Fault(shown, "only a host and a port are allowed", fix))
    host = f"[{parts.hostname}]" if parts.hostname == "::1" else parts.hostname
    # The port is always written out: Google's transport adds :443 to a host without one.
    return f"http://{host}:{80 if port is None else port}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200].rpartition("@")[2]
