"""Resource Manager of the emulator: a project has one number, for ever."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., tuple[int, Any]]


def test_number_is_stable_and_has_twelve_digits(call: Call) -> None:
    numbers = {}
    for project in ("proj-1", "proj-2", "example.com:proj-1"):
        status, body = call("GET", f"/v3/projects/{project}")
        assert (status, body["projectId"], body["state"]) == (200, project, "ACTIVE")
        assert re.fullmatch(r"projects/\d{12}", body["name"])
        assert call("GET", f"/v3/projects/{project}")[1] == body
        numbers[project] = body["name"]
    assert len(set(numbers.values())) == 3


def test_a_project_by_its_number(call: Call) -> None:
    assert call("GET", "/v3/projects/123456789012")[1]["name"] == "projects/123456789012"


@pytest.mark.parametrize("project", ["Upper-1", "-p", "ends-", "1abcdef"])
def test_impossible_ids(call: Call, project: str) -> None:
    status, body = call("GET", f"/v3/projects/{project}")
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v3/projects"), ("DELETE", "/v3/projects/proj-1")])
def test_unknown_routes(call: Call, method: str, path: str) -> None:
    assert call(method, path)[0] == 501
