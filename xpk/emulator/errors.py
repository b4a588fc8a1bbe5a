"""Refusals in the form that Google's REST services use.

Not `xpk.errors`: the emulator shares nothing with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

from xpk.emulator.http import Json, Response

STATUSES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


class ApiError(Exception):
    """An answer other than success: a canonical status name (`NOT_FOUND`) and its message."""

    def __init__(self, status: str, message: str) -> None:
        self.code = STATUSES[status]
        self.status = status
        self.message = message
        super().__init__(message)

    def response(self) -> Response:
        """The error as an HTTP answer."""
        return Response(self.code, google_error(self.code, self.status, self.message))


def google_error(code: int, status: str, message: str) -> Json:
    """The body of an error of a Google REST service."""
    return {"error": {"code": code, "message": message, "status": status}}


def invalid(message: str) -> ApiError:
    """400 INVALID_ARGUMENT."""
    return ApiError("INVALID_ARGUMENT", message)


def not_found(name: str) -> ApiError:
    """404 as GKE words it."""
    return ApiError("NOT_FOUND", f"Not found: {name}.")


def unknown_route(method: str, path: str) -> ApiError:
    """501: the emulator never answers 200 to what it does not know."""
    return ApiError("UNIMPLEMENTED", f"The emulator does not implement {method} {path}.")
