"""Refusals of a Kubernetes API server (its Status objects) as errors of ours.

Shapes as measured on a real API server of Kubernetes 1.36: an undeclared field under
server-side apply is a 500 without a reason; another manager's field is a 409 with causes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from xpk.cloud.errors import (
    AlreadyExists,
    Answer,
    Call,
    Conflict,
    FieldConflict,
    KindNotServed,
    NotFound,
    ResourceVersionGone,
    WebhookNotReady,
    clean,
    parse_retry_after,
)
from xpk.cloud.retry import Failed
from xpk.cloud.transport import LOGIN, access_error, no_answer
from xpk.errors import AccessError, CloudError, Fault, QuotaError, StateError, XpkError

_SERVER_ERRORS = frozenset({408, 500, 502, 503, 504})
_WEBHOOK = ("failed calling webhook", "conversion webhook for")
# A policy or a validating webhook said no: 403 by default, which is not a lack of rights.
_DENIED = ("denied the request", "denied request", "violates podsecurity")
_NOT_HELD = "attempting to grant RBAC permissions not currently held"
_ROLES = (
    "ask the cluster's administrator for a role with this right, such as those for each command in\n"
    "docs/rbac.yaml of xpk (kubectl apply -f docs/rbac.yaml); or for roles/container.admin in the project"
)
_MAX_CAUSES = 10


def parse_status(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """A Status object taken apart; another body becomes the message."""
    retry_after = parse_retry_after(headers.get("Retry-After"))
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        text = clean(body.decode("utf-8", "replace")) or "no explanation"
        return Answer(status, text, retry_after=retry_after)
    if isinstance(payload.get("error"), dict):
        # Google's front end before a DNS endpoint answers in Google's form, not Kubernetes'.
        error = payload["error"]
        return Answer(status, clean(str(error.get("message") or "no explanation")), retry_after=retry_after)
    return from_status(status, payload, retry_after)


def from_status(status: int, payload: Mapping[str, Any], retry_after: float | None = None) -> Answer:
    """An `Answer` from a Status object, such as a watch sends inside its stream."""
    details = payload.get("details")
    details = details if isinstance(details, dict) else {}
    if retry_after is None and isinstance(details.get("retryAfterSeconds"), int):
        retry_after = float(details["retryAfterSeconds"])
    message = clean(str(payload.get("message") or "no explanation"))
    return Answer(status, message, str(payload.get("reason") or ""), details, retry_after)


def refusal(call: Call, answer: Answer) -> Failed:
    """`Failed` for an error answer of the API server."""
    status, lower = answer.status, answer.message.lower()
    if any(text in lower for text in _WEBHOOK) and status in _SERVER_ERRORS:
        return _final(WebhookNotReady, call, answer.message, "wait until the controller behind it is ready")
    if "failed to create typed patch object" in lower or (status == 400 and "strict decoding error" in lower):
        return _final(StateError, call, _undeclared(answer.message), _VERSION_FIX)
    if 400 <= status < 500 and any(text in lower for text in _DENIED):
        return _final(StateError, call, answer.message, "change what the message names")
    if status == 429:
        error = CloudError(
            Fault(call.what, f"the API server is busy: {answer.message}", "run it again in a minute")
        )
        return Failed(error, again=True, after=answer.retry_after)
    if status in _SERVER_ERRORS:
        why = f"the API server answered {status}: {answer.message}"
        return no_answer(call, why, effect="maybe", after=answer.retry_after)
    if status in (401, 403):
        return Failed(_access(call, answer), again=False)
    if status == 404:
        return Failed(_not_found(call, answer), again=False)
    if status == 409:
        conflict = _conflict(call, answer)
        # "the object has been modified": apply and delete carry no version of their own, so that they
        # meet it only while the server's other writers are at the same object. A uid that is asked for and
        # is not there never comes back.
        lasts = "precondition" in answer.message.lower()
        passing = type(conflict) is Conflict and call.repeatable and not lasts
        return Failed(conflict, again=passing, after=answer.retry_after)
    if status == 410:
        return _final(ResourceVersionGone, call, answer.message, "list again")
    if status == 422:
        return _final(StateError, call, _with_causes(answer), "change the fields that the message names")
    why = f"the API server refused it ({status}): {answer.message}"
    return _final(CloudError, call, why, "change what the message names")


_VERSION_FIX = "install the version of the controller that this program pins, then run the same command again"


def _undeclared(message: str) -> str:
    """`...: .spec.dta: field not declared in schema` in words."""
    fields = re.findall(r"(\.[^\s:;]+): field not declared in schema", message)
    fields += re.findall(r'unknown field "([^"]+)"', message)
    if not fields:
        return f"it does not fit the cluster's schema: {message}"
    return f"the cluster's schema has no field {', '.join(dict.fromkeys(fields[:_MAX_CAUSES]))}"


def _access(call: Call, answer: Answer) -> XpkError:
    if answer.status == 401:
        return access_error(call, "the cluster did not accept the credentials", LOGIN)
    lower = answer.message.lower()
    if "exceeded quota" in lower:
        return QuotaError(
            Fault(call.what, answer.message, "raise the namespace's ResourceQuota, or ask for less")
        )
    if "because it is being terminated" in lower:
        return Conflict(
            Fault(call.what, answer.message, "wait until the namespace is gone, then run it again")
        )
    return _forbidden(call, answer.message)


def _forbidden(call: Call, message: str) -> AccessError:
    """A right that is missing, as RBAC words it (with IAM's permission behind it on GKE).

    RBAC lists each rule that someone who creates a role does not have; a person is told what was not allowed.
    """
    head, held, _ = message.partition(_NOT_HELD)
    if held:
        verb = "bind" if "bindings." in head else "escalate"
        needed = f"to give a controller its rights one needs the verb {verb} on clusterroles and roles"
        return access_error(call, f"{head}{held}", f"{needed}\n{_ROLES}")
    if re.search(r'cannot \S+ resource "', message):
        return access_error(call, message, _ROLES)
    fix = "ask for roles/container.admin in the project, or for an RBAC role in the cluster that allows it"
    return access_error(call, f"not allowed to {call.verb} {call.target}: {message}", fix)


def _not_found(call: Call, answer: Answer) -> XpkError:
    """A path that nothing serves has no reason or an empty `details`; a missing object names its kind."""
    details = answer.details if isinstance(answer.details, dict) else {}
    if details.get("name") or details.get("kind"):
        return NotFound(Fault(call.what, answer.message, "check the name and the namespace"))
    fix = "install what defines this kind (JobSet, Kueue or the MTC add-on), or wait until it is installed"
    return KindNotServed(Fault(call.what, f"the cluster does not serve this kind: {answer.message}", fix))


def _conflict(call: Call, answer: Answer) -> XpkError:
    causes = _causes(answer)
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        fields = tuple(dict.fromkeys(clean(str(cause.get("field", "")), limit=120) for cause in owned))
        managers = tuple(dict.fromkeys(filter(None, (_manager(cause) for cause in owned))))
        shown = ", ".join(fields[:_MAX_CAUSES]) + (" and more" if len(fields) > _MAX_CAUSES else "")
        why = clean(f"{', '.join(managers) or 'another manager'} owns {shown}")
        fix = "take these fields out of what the other manager applies, then run the same command again"
        return FieldConflict(Fault(call.what, why, fix), fields=fields, managers=managers)
    if answer.reason == "AlreadyExists":
        fix = "use another name, or delete it first"
        return AlreadyExists(Fault(call.what, answer.message, fix))
    return Conflict(Fault(call.what, answer.message, "run the same command again"))


def _manager(cause: Mapping[str, Any]) -> str:
    match = re.search(r'conflict with "([^"]+)"', str(cause.get("message", "")))
    return clean(match[1], limit=80) if match else ""


def _with_causes(answer: Answer) -> str:
    causes = [
        f"{cause.get('field', '')}: {cause.get('message', '')}".strip(": ")
        for cause in _causes(answer)[:_MAX_CAUSES]
    ]
    return clean("; ".join(causes)) if causes else answer.message


def _causes(answer: Answer) -> list[Mapping[str, Any]]:
    details = answer.details if isinstance(answer.details, dict) else {}
    causes = details.get("causes")
    return [cause for cause in causes if isinstance(cause, Mapping)] if isinstance(causes, list) else []


def _final(kind: type[XpkError], call: Call, why: str, fix: str) -> Failed:
    return Failed(kind(Fault(call.what, clean(why), fix)), again=False)
