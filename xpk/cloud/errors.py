"""What the wire adds to `xpk.errors`: the cases that the engine must tell apart.

    StateError
     +- NotFound                 the object that the call is about is not there
     |   +- KindNotServed        the cluster does not know this kind (a CRD is not installed yet)
     +- AlreadyExists            the name is taken
     +- Conflict                 somebody else changed it meanwhile; read again
     |   +- FieldConflict        another field manager owns fields of the object
     +- OperationInProgress      GKE works on this cluster or pool; wait for the operation, then repeat
    CloudError
     +- TooManyOperations        GKE's limit of concurrent operations; wait for one, then repeat
     +- ResourceVersionGone      a watch or a page is too old; list again
     +- UnreachableError
         +- Ambiguous            a write may or may not have taken effect; READ before repeating
    NotReady
     +- WebhookNotReady          an admission webhook does not answer yet

Light: no foreign import, so that anything may import it. Translation is in
`google_errors.py`, `kube_errors.py` and `transport.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from xpk.errors import CloudError, Fault, NotReady, StateError, UnreachableError

Json = dict[str, Any]

_MAX_MESSAGE = 600


class NotFound(StateError):
    """The object that the call is about, or its parent, is not there (404 on a write)."""


class KindNotServed(NotFound):
    """The cluster serves no such kind: its CustomResourceDefinition is not installed (yet)."""


class AlreadyExists(StateError):
    """The name is taken (409)."""


class Conflict(StateError):
    """Somebody else changed the object since it was read (409, 412)."""


class FieldConflict(Conflict):
    """Server-side apply met fields that other managers own."""

    def __init__(self, *faults: Fault, fields: tuple[str, ...] = (), managers: tuple[str, ...] = ()) -> None:
        super().__init__(*faults)
        self.fields = fields
        self.managers = managers


class OperationInProgress(StateError):
    """GKE refused because another operation runs on this cluster or pool. Nothing was changed."""


class TooManyOperations(CloudError):
    """GKE refused because too many operations run on this cluster. Nothing was changed."""


class ResourceVersionGone(CloudError):
    """The resource version is too old for the API server (410): list again."""


class Ambiguous(UnreachableError):
    """No usable answer to a write: it may have taken effect. Read before repeating it."""


class WebhookNotReady(NotReady):
    """An admission or conversion webhook in the cluster does not answer yet."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request in words, for messages and for the decision what may be repeated.

    `repeatable` says that doing it twice is the same as doing it once (reads, server-side
    apply, Kubernetes deletes, a policy guarded by its etag): such a call is retried also
    when it may have taken effect.
    """

    verb: str
    target: str
    repeatable: bool

    @property
    def what(self) -> str:
        """The call as the `what` of a fault."""
        return clean(f"{self.verb} {self.target}", limit=300)


@dataclass(frozen=True, slots=True)
class Answer:
    """An API's refusal, taken apart: HTTP status, its own words, its canonical reason."""

    status: int
    message: str
    reason: str = ""
    details: Json | list[Any] = field(default_factory=dict)
    retry_after: float | None = None


Effect = Literal["none", "maybe"]


def clean(text: str, *, limit: int = _MAX_MESSAGE) -> str:
    """Text from a server as one printable line of at most `limit` characters.

    Control characters, escape sequences' introducers, bidirectional overrides and newlines
    become spaces: what a server sends must not reach a terminal raw.
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 8]).split())
    return flat if len(flat) <= limit else flat[: limit - 3].rstrip() + "..."


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header; None when absent or a date (both are legal)."""
    try:
        seconds = float(value) if value is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
