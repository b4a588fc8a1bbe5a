"""GKE's list of operations over plain HTTP: it is read often, and grows with each node pool.

GKE lists recent operations beside the running ones and filters none of them
(google.container.v1.ListOperationsRequest). Of a thousand that are read again and again a few are wanted:
only those become Google's own messages.
"""

from __future__ import annotations

from collections.abc import Callable

import requests
from google.protobuf import json_format

from xpk.cloud.endpoints import Endpoints
from xpk.cloud.errors import Call, Json
from xpk.cloud.gke_calls import normal
from xpk.cloud.http import JsonHttp
from xpk.cloud.retry import Retrier
from xpk.cloud.transport import no_answer


class GkeOperations:
    """Reads the list."""

    def __init__(self, endpoints: Endpoints, session: requests.Session, retrier: Retrier) -> None:
        self._base = endpoints.container
        self._http = JsonHttp(session, retrier)

    def read(self, parent: str, keep: Callable[[Json], bool] | None) -> Json:
        """The answer, with those of its `operations` that `keep` takes by their JSON as it was sent."""
        call = Call("list operations in", parent, repeatable=True)
        answer = self._http.request("GET", f"{self._base}/v1/{parent}/operations", call)
        try:
            found = [
                normal("v1", "Operation", operation)
                for operation in answer.get("operations", ())
                if keep is None or keep(operation)
            ]
        except (json_format.ParseError, TypeError, AttributeError) as error:
            raise no_answer(call, "the answer was not a list of operations", effect="maybe").error from error
        return {**answer, "operations": found}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
