"""A project's number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from xpk.cloud.credentials import anonymous
from xpk.cloud.http import new_session
from xpk.cloud.projects import Projects
from xpk.cloud.retry import Retrier
from xpk.errors import AccessError, CloudError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer


@pytest.fixture
def projects(fake: FakeServer, retrier: Retrier) -> Iterator[Projects]:
    client = Projects(fake.endpoints, new_session(fake.endpoints, anonymous()), retrier=retrier)
    yield client
    client.close()


def test_project_number(projects: Projects, fake: FakeServer) -> None:
    fake.answer(body={"name": "projects/123456789012", "projectId": "p"})
    assert projects.project_number("p") == "123456789012"
    assert fake.seen == ["GET /v3/projects/p"]


@pytest.mark.parametrize("body", [{}, {"name": "projects/"}, {"name": "projects/x"}])
def test_an_answer_without_a_number(projects: Projects, fake: FakeServer, body: dict[str, object]) -> None:
    fake.answer(body=body)
    with pytest.raises(CloudError, match="no project number"):
        projects.project_number("p")


def test_a_project_that_one_may_not_see(projects: Projects, fake: FakeServer) -> None:
    fake.answer(
        403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "or it may not exist"}}
    )
    with pytest.raises(AccessError, match="may not exist"):
        projects.project_number("p")
