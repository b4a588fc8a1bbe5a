"""A custom kind is served as soon as its definition is there, without the moment that a real server needs.

What is served is tested on both servers, in tests/controlplane/test_both_tables.py and test_both_reading.py.
"""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import crds

PLACE = "jobset.x-k8s.io/v1alpha2"


def test_custom_kinds_come_with_their_definition(rig: Any) -> None:
    for path in (f"/apis/{PLACE}", f"/openapi/v3/apis/{PLACE}"):
        assert rig.call("GET", path).status == 404
    for crd in crds.jobset_crds():
        rig.applied(crd)
    rows = rig.call("GET", f"/apis/{PLACE}").body["resources"]
    assert {row["name"] for row in rows} == {"jobsets", "jobsets/status"}
    paths = rig.call("GET", f"/openapi/v3/apis/{PLACE}").body["paths"]
    kinds = {path["patch"]["x-kubernetes-group-version-kind"]["kind"] for path in paths.values()}
    assert kinds == {"JobSet"}
