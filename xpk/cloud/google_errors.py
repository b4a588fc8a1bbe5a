"""Refusals of Google's APIs (GKE, Cloud Storage, Resource Manager) as errors of ours.

Works on the JSON that the APIs send, so that the typed client and plain HTTP are read alike.
The texts matched here are GKE's own: its documentation's page "concurrent operations", and
messages that users reported in public trackers (hashicorp/terraform-provider-google #930,
#15205; kubeflow/kubeflow #842).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xpk.cloud.errors import (
    AlreadyExists,
    Answer,
    Call,
    Conflict,
    Json,
    NotFound,
    OperationInProgress,
    TooManyOperations,
    clean,
    parse_retry_after,
)
from xpk.cloud.retry import Failed
from xpk.cloud.transport import LOGIN, access_error, no_answer
from xpk.errors import CloudError, Fault, QuotaError, StateError, StockoutError, XpkError

_SERVER_ERRORS = frozenset({408, 500, 502, 503, 504})
_QUOTA = ("insufficient regional quota", "gce_quota_exceeded", "insufficient project quota", "quota_exceeded")
_STOCKOUT = ("gce_stockout", "does not have enough resources available", "zone_resource_pool_exhausted")
_IN_PROGRESS = ("incompatible operation", "please wait and try again", "is currently being ")
_QUOTA_FIX = "gcloud compute regions describe REGION shows quotas; ask for more, or ask for fewer chips"
_STOCKOUT_FIX = "run the same command again later, or use another zone, --reservation, --spot or --flex"


def parse_answer(status: int, body: bytes | str, headers: Mapping[str, str]) -> Answer:
    """An error answer taken apart; a body that is not Google's JSON becomes its own message."""
    retry_after = parse_retry_after(headers.get("Retry-After"))
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        return Answer(status, clean(_without_markup(text)) or "no explanation", retry_after=retry_after)
    details = error.get("details")
    return Answer(
        status,
        clean(str(error.get("message") or "no explanation")),
        reason=str(error.get("status") or _legacy_reason(error)),
        details=details if isinstance(details, list) else [],
        retry_after=retry_after,
    )


def refusal(call: Call, answer: Answer) -> Failed:
    """`Failed` for an error answer; `again` only where the policy may help."""
    status, lower = answer.status, answer.message.lower()
    if any(text in lower for text in _QUOTA):
        return _final(QuotaError, call, answer.message, _QUOTA_FIX)
    if any(text in lower for text in _STOCKOUT):
        return _final(StockoutError, call, answer.message, _STOCKOUT_FIX)
    if status == 429:
        return _too_many(call, answer)
    if status in _SERVER_ERRORS:
        why = f"the API answered {status}: {answer.message}"
        return no_answer(call, why, effect="maybe", after=answer.retry_after)
    if status in (401, 403):
        return Failed(_access(call, answer), again=False)
    if status == 404:
        return _final(NotFound, call, answer.message, "check the name, the project and the location")
    if status == 409:
        taken = answer.reason in ("ALREADY_EXISTS", "conflict") or "already exists" in lower
        kind: type[XpkError] = AlreadyExists if taken else Conflict
        return _final(kind, call, answer.message, "use another name, or look at what is there first")
    if status == 412:
        return _final(
            Conflict, call, "it was changed by somebody else meanwhile", "run the same command again"
        )
    if status == 400 and any(text in lower for text in _IN_PROGRESS):
        return _final(
            OperationInProgress, call, answer.message, "wait until that operation is done, then repeat"
        )
    if answer.reason == "FAILED_PRECONDITION":
        return _final(
            StateError, call, answer.message, "change what the message names, then run the command again"
        )
    why = f"the API refused it ({status}): {answer.message}"
    return _final(CloudError, call, why, "change what the message names")


def operation_error(operation: Json, what: str) -> XpkError | None:
    """The failure that a DONE operation carries, or None. DONE alone is not success.

    `what` is the step in words; it becomes the fault's `what`.
    """
    error = operation.get("error")
    code, message = 0, ""
    if isinstance(error, dict):
        code, message = int(error.get("code") or 0), str(error.get("message") or "")
    message = message or str(operation.get("statusMessage") or "")
    if not code and not message:
        return None
    why, lower = clean(message or f"it failed with code {code}"), message.lower()
    if any(text in lower for text in _STOCKOUT):
        return StockoutError(Fault(what, why, _STOCKOUT_FIX))
    if any(text in lower for text in _QUOTA):
        return QuotaError(Fault(what, why, _QUOTA_FIX))
    return CloudError(Fault(what, why, "change what the message names, then run the same command again"))


def _too_many(call: Call, answer: Answer) -> Failed:
    if "too many operations" in answer.message.lower() or "concurrent operations" in answer.message.lower():
        fix = "wait until one of the running operations is done, then repeat"
        return _final(TooManyOperations, call, answer.message, fix)
    error = CloudError(
        Fault(call.what, f"too many requests: {answer.message}", "run the same command again in a minute")
    )
    return Failed(error, again=True, after=answer.retry_after)


def _access(call: Call, answer: Answer) -> XpkError:
    if answer.status == 401:
        return access_error(call, f"the credentials were not accepted: {answer.message}", LOGIN)
    info = _error_info(answer, "SERVICE_DISABLED")
    if info is not None:
        service = str(info.get("service", ""))
        named = service if service.replace(".", "").replace("-", "").isalnum() else "SERVICE"
        return access_error(call, f"the API {named} is switched off", f"gcloud services enable {named}")
    fix = "ask the project's owner for a role that allows it, or sign in as another account: " + LOGIN
    return access_error(call, f"not allowed: {answer.message}", fix)


def _error_info(answer: Answer, reason: str) -> dict[str, Any] | None:
    for detail in answer.details if isinstance(answer.details, list) else ():
        if isinstance(detail, dict) and detail.get("reason") == reason:
            metadata = detail.get("metadata")
            return metadata if isinstance(metadata, dict) else {}
    return None


def _legacy_reason(error: Json) -> str:
    """Cloud Storage's `errors[0].reason`, such as `conditionNotMet`."""
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def _without_markup(text: str) -> str:
    """A load balancer's HTML page without its tags."""
    if "<" not in text:
        return text
    return " ".join(part.rpartition(">")[2] for part in text[:4000].split("<"))


def _final(kind: type[XpkError], call: Call, why: str, fix: str) -> Failed:
    return Failed(kind(Fault(call.what, clean(why), fix)), again=False)
