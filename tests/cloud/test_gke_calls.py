"""The body of a step is parsed strictly: what does not fit is a bug that is found unsent."""

from __future__ import annotations

from typing import Any

import pytest

from xpk.cloud.gke_calls import parse_request

LOCATION = "projects/p/locations/us-east5"
POOLS = f"/v1/{LOCATION}/clusters/c/nodePools"


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", POOLS, {"nodePool": {"nmae": "x"}}, "nmae"),
        ("POST", POOLS, {"nodepool": {"name": "x"}}, "nodepool"),
        ("POST", POOLS, {"nodePool": {"placementPolicy": {"type": "DENSE"}}}, "DENSE"),
        ("POST", POOLS, {"nodePool": {"initialNodeCount": "many"}}, "many"),
        ("POST", POOLS, {"parent": "projects/q", "nodePool": {}}, "path"),
        ("POST", POOLS, {"nodePool": {"config": {"hostMaintenancePolicy": {}}}}, "hostMaintenancePolicy"),
        ("PATCH", POOLS, {}, "not a GKE request"),
        ("POST", "/v2" + POOLS[3:], {}, "not a path"),
        ("POST", f"/v1/{LOCATION}/clusters/c/nodePools/../..", {}, "not a GKE request"),
        ("PUT", f"/v1/{LOCATION}/clusters/c:setMaster", {}, "not a GKE request"),
    ],
)
def test_what_does_not_fit_is_refused(method: str, path: str, body: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_request(method, path, body)


def test_the_beta_api_knows_its_field() -> None:
    pool = {"name": "n", "config": {"hostMaintenancePolicy": {"maintenanceInterval": "AS_NEEDED"}}}
    typed = parse_request("POST", POOLS.replace("v1", "v1beta1"), {"nodePool": pool})
    assert typed.api == "v1beta1"
    assert typed.request.parent == f"{LOCATION}/clusters/c"


def test_a_write_is_never_repeatable() -> None:
    assert not parse_request("DELETE", f"{POOLS}/n", None).call.repeatable
