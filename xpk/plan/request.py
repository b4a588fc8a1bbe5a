"""One request to a Google API, as a value: what a step sends and what a dry run prints."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from xpk.frozen import dataclass

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a Google API, as it will be sent. `path` starts with a slash."""

    service: Literal["container", "storage", "cloudresourcemanager"]
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    body: Json | None = None
