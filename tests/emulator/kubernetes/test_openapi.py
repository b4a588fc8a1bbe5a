"""What kubectl asks before it applies: whether the server checks fields itself."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.emulator.kubernetes import crds

Json = dict[str, Any]


def supports(rig: Any, place: str, kind: Json) -> bool:
    """As kubectl's verifier reads it: a patch of the kind that takes `fieldValidation`."""
    index = rig.call("GET", "/openapi/v3").body["paths"]
    document = rig.call("GET", index[place]["serverRelativeURL"]).body
    patches = [path["patch"] for path in document["paths"].values()]
    return any(
        patch["x-kubernetes-group-version-kind"] == kind
        and any(parameter["name"] == "fieldValidation" for parameter in patch["parameters"])
        for patch in patches
    )


def test_field_validation_is_announced(rig: Any) -> None:
    assert supports(rig, "api/v1", {"group": "", "version": "v1", "kind": "ConfigMap"})
    assert supports(rig, "apis/batch/v1", {"group": "batch", "version": "v1", "kind": "Job"})
    assert not supports(rig, "api/v1", {"group": "", "version": "v1", "kind": "Job"})


def test_custom_kinds_come_with_their_definition(rig: Any) -> None:
    place, kind = "apis/jobset.x-k8s.io/v1alpha2", {"group": "jobset.x-k8s.io", "version": "v1alpha2"}
    assert rig.call("GET", f"/openapi/v3/{place}").status == 404
    for crd in crds.jobset_crds():
        rig.applied(crd)
    assert supports(rig, place, {**kind, "kind": "JobSet"})


@pytest.mark.parametrize("path", ["/openapi/v3/api/v9", "/openapi/v3/apis/nobody.example.com/v1"])
def test_nobody_serves_it(rig: Any, path: str) -> None:
    assert rig.call("GET", path).status == 404


def test_protobuf_is_refused_by_its_name(rig: Any) -> None:
    headers = {"content-type": "application/vnd.kubernetes.protobuf"}
    refused = rig.call("POST", "/api/v1/namespaces", {"k8s": 1}, headers)
    assert (refused.status, refused.body["reason"]) == (415, "UnsupportedMediaType")
