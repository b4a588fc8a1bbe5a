"""Resource Manager: a project's number, which IAM principals are written with."""

from __future__ import annotations

from urllib.parse import quote

import requests

from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call
from xpk.cloud.http import JsonHttp
from xpk.cloud.retry import Retrier
from xpk.errors import CloudError, Fault


class Projects:
    """Projects. Every method raises `xpk.errors` only."""

    def __init__(
        self, endpoints: Endpoints, session: requests.Session, *, retrier: Retrier | None = None
    ) -> None:
        self._base = endpoints.resource_manager + "/v3/projects/"
        self._http = JsonHttp(session, retrier or Retrier())

    def project_number(self, project_id: str) -> str:
        """The number of a project, such as "123456789012". Google answers 403, an AccessError,
        also for a project that does not exist; NotFound comes from the emulator alone."""
        call = Call("read project", project_id, repeatable=True)
        answer = self._http.request("GET", self._base + quote(project_id, safe=""), call)
        number = str(answer.get("name", "")).removeprefix("projects/")
        if not (number.isascii() and number.isdigit()):
            raise CloudError(Fault(call.what, "the answer holds no project number", "check --project"))
        return number

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
