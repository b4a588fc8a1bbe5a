"""The routes of storage.googleapis.com's JSON API that are served: metadata, layout and IAM of a bucket."""

from __future__ import annotations

from xpk.emulator.errors import unknown_route
from xpk.emulator.http import Request, Response
from xpk.emulator.storage.buckets import Buckets, StorageError
from xpk.emulator.storage.fieldmask import project

QUERY = {
    "alt", "fields", "prettyPrint", "projection", "userProject", "key", "quotaUser", "softDeleted",
    "generation", "prefix", "ifMetagenerationMatch", "ifMetagenerationNotMatch",
    "optionsRequestedPolicyVersion",
}  # fmt: skip


class Routes:
    """Answers the requests of the storage API from `Buckets`."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def handle(self, request: Request) -> Response:
        """One request whose path starts with /storage/v1/."""
        try:
            return self._answer(request)
        except StorageError as error:
            return Response(error.code, error.body())

    def _answer(self, request: Request) -> Response:
        for name in request.query:
            if name not in QUERY:
                raise StorageError(400, "invalidParameter", f"Unknown query parameter: {name}")
        mask = request.first("fields")
        match request.method, request.parts()[2:]:
            case "GET", ["b", name]:
                return Response(200, project(self.buckets.get(name).metadata(self.buckets.clock), mask))
            case "GET", ["b", name, "storageLayout"]:
                return Response(200, project(self.buckets.get(name).layout(), mask))
            case "GET", ["b", name, "iam"]:
                version = request.first("optionsRequestedPolicyVersion", "1")
                if version not in ("1", "2", "3"):
                    raise StorageError(400, "invalid", f"Invalid policy version: {version}")
                return Response(200, project(self.buckets.get(name).policy(int(version)), mask))
            case "PUT", ["b", name, "iam"]:
                bucket = self.buckets.get(name)
                bucket.set_policy(request.json(), self.buckets.iam)
                return Response(200, project(bucket.policy(3), mask))
            case _:
                raise unknown_route(request.method, request.path)
