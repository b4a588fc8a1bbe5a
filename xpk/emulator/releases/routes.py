"""The download route of the release files: any version whose tag looks like one is served."""

from __future__ import annotations

import re

from xpk.emulator.errors import ApiError, unknown_route
from xpk.emulator.http import Request, Response
from xpk.emulator.releases import manifests

_TAG = re.compile(r"v\d+\.\d+\.\d+(-rc\.\d+)?")


def handle(request: Request) -> Response:
    """Answer `GET /releases/kubernetes-sigs/{jobset|kueue}/releases/download/{tag}/manifests.yaml`."""
    match request.method, request.parts():
        case "GET", ["releases", "kubernetes-sigs", component, "releases", "download", tag, "manifests.yaml"]:
            if component not in manifests.COMPONENTS or not _TAG.fullmatch(tag):
                raise ApiError("NOT_FOUND", f"Not Found: {request.path}")
            return Response(200, manifests.text(component, tag))
        case _:
            raise unknown_route(request.method, request.path)
