"""Hands a cluster's Kubernetes requests to its world: `/kubernetes/projects/P/locations/L/clusters/C/...`."""

from __future__ import annotations

import dataclasses
import re

from xpk.emulator.errors import unknown_route
from xpk.emulator.gke.resizes import away
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Request, Response

_PATH = re.compile(r"/kubernetes/(projects/[^/]+/locations/[^/]+/clusters/[^/]+)(/.*)")


class Proxy:
    """Finds the world of a running cluster."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request) -> Response:
        """The world's answer; 503 where no control plane answers: 404 would mean "no such object"."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise unknown_route(request.method, request.path)
        world = self.store.worlds.get(match[1])
        if world is None:
            return _unavailable(f"no control plane runs for {match[1]}")
        if away(self.store, match[1]):
            return _unavailable("the server is currently unable to handle the request")
        return world.handle(dataclasses.replace(request, path=match[2]))


def _unavailable(message: str) -> Response:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 503}
    return Response(503, {**status, "message": message, "reason": "ServiceUnavailable"})
