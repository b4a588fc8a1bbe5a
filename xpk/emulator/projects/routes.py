"""The one route of cloudresourcemanager.googleapis.com that is served: a project by its id or number."""

from __future__ import annotations

import hashlib
import re

from xpk.emulator.errors import ApiError, unknown_route
from xpk.emulator.http import Json, Request, Response

# Google wants six characters; examples everywhere have fewer, and they should work here.
_ID = re.compile(r"([a-z0-9.]+:)?[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_NUMBER = re.compile(r"\d{6,19}")


def handle(request: Request) -> Response:
    """Answer `GET /v3/projects/{id}`; every well-formed project exists."""
    match request.method, request.parts():
        case "GET", ["v3", "projects", project]:
            return Response(200, get(project))
        case _:
            raise unknown_route(request.method, request.path)


def get(project: str) -> Json:
    """A project. Raises 403 for an impossible id, as Google does for one that nobody may see."""
    if not (_ID.fullmatch(project) or _NUMBER.fullmatch(project)):
        raise ApiError("PERMISSION_DENIED", "The caller does not have permission")
    is_number = _NUMBER.fullmatch(project) is not None
    return {
        "name": f"projects/{project if is_number else number(project)}",
        "projectId": f"project-{project}" if is_number else project,
        "displayName": project,
        "state": "ACTIVE",
        "createTime": "2024-01-01T00:00:00Z",
    }


def number(project_id: str) -> str:
    """The twelve-digit number of a project: always the same for one id."""
    digest = hashlib.sha256(project_id.encode()).digest()
    return str(100_000_000_000 + int.from_bytes(digest[:8], "big") % 900_000_000_000)
