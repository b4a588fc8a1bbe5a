"""Refusals of the API server, as the Status objects that a real one answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of an object. ``reason`` is a metav1 cause type such as FieldValueInvalid."""

    reason: str
    field: str
    message: str


class ApiError(Exception):
    """An answer other than 2xx: ``code`` is the HTTP status, ``reason`` the metav1 status reason."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Json:
        """The metav1.Status object of this refusal."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details:
            body["details"] = self.details
        return body | {"code": self.code}


def bad_request(message: str) -> ApiError:
    """400: the request cannot be read."""
    return ApiError(400, "BadRequest", message)


def not_found(resource: str, name: str) -> ApiError:
    """404 for an object. ``resource`` is plural, with the group behind a dot: ``jobs.batch``."""
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', _details(resource, name))


def _details(resource: str, name: str) -> Json:
    """Which object; the core group has no name and is left out, as Go's omitempty does."""
    plural, _, group = resource.partition(".")
    return {"name": name, "kind": plural} | ({"group": group} if group else {})


def no_such_path() -> ApiError:
    """404 for a path that nothing serves."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: str, name: str) -> ApiError:
    """409 of a create whose name is taken."""
    message = f'{resource} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: str, name: str, why: str) -> ApiError:
    """409 of a stale resourceVersion or a failed precondition."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> ApiError:
    """422 with every fault of the object."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    qualified = f"{kind}.{group}" if group else kind
    details: Json = {
        "name": name,
        "kind": kind,
        "causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes],
    }
    if group:
        details["group"] = group
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {joined}', details)


def denied(webhook: str, message: str) -> ApiError:
    """403 of an admission webhook that refuses without a status of its own."""
    return ApiError(403, "Forbidden", f'admission webhook "{webhook}" denied the request: {message}')


def terminating(resource: str, name: str, namespace: str) -> ApiError:
    """403 of a creation in a namespace that is being deleted."""
    text = f"namespace {namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": text, "field": "metadata.namespace"}
    message = (
        f'{resource} "{name}" is forbidden: unable to create new content in namespace {namespace} because it '
        "is being terminated"
    )
    return ApiError(403, "Forbidden", message, _details(resource, name) | {"causes": [cause]})


def too_new(asked: int, current: int) -> ApiError:
    """504 of a read that asks for a version that is not reached yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def internal(message: str) -> ApiError:
    """500 of a fault that the server gives no reason for."""
    return ApiError(500, "", message)


def gone(oldest: int, asked: int) -> ApiError:
    """410 of a watch whose start is no longer in the history."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def required(field: str, message: str = "") -> Cause:
    """A cause: the field is missing."""
    return Cause("FieldValueRequired", field, "Required value" + (f": {message}" if message else ""))


def invalid_value(field: str, value: object, message: str) -> Cause:
    """A cause: the value cannot be."""
    return Cause("FieldValueInvalid", field, f"Invalid value: {quoted(value)}: {message}")


def unsupported(field: str, value: object, supported: list[str]) -> Cause:
    """A cause: the value is none of the list."""
    choices = ", ".join(quoted(item) for item in supported)
    return Cause(
        "FieldValueNotSupported", field, f"Unsupported value: {quoted(value)}: supported values: {choices}"
    )


def duplicate(field: str, value: object) -> Cause:
    """A cause: the value is there twice."""
    return Cause("FieldValueDuplicate", field, f"Duplicate value: {quoted(value)}")


def quoted(value: object) -> str:
    """A value as the server writes it in its messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)
