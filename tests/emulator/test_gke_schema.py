"""The schema of GKE's request bodies is that of the client library, and is enforced."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from xpk.emulator.errors import ApiError
from xpk.emulator.gke.schema import read

Json = dict[str, Any]
HERE = Path(__file__).parent


def test_the_committed_schema_is_fresh() -> None:
    generator = runpy.run_path(str(HERE / "generate_gke_schema.py"))
    target: Path = generator["TARGET"]
    assert target.read_text(encoding="utf-8") == generator["text"](), (
        "run tests/emulator/generate_gke_schema.py"
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"initialNodeCount": 0, "name": ""}, {}),
        ({"initial_node_count": 3}, {"initialNodeCount": 3}),
        ({"initialNodeCount": "3"}, {"initialNodeCount": 3}),
        ({"maxPodsConstraint": {"maxPodsPerNode": 15}}, {"maxPodsConstraint": {"maxPodsPerNode": "15"}}),
        ({"management": {"autoUpgrade": False, "autoRepair": True}}, {"management": {"autoRepair": True}}),
        ({"management": {}}, {"management": {}}),
        ({"config": {"flexStart": False, "spot": False}}, {"config": {"flexStart": False}}),
        ({"config": {"labels": {"a": "b"}}}, {"config": {"labels": {"a": "b"}}}),
        (
            {"config": {"taints": [{"key": "k", "effect": 1}]}},
            {"config": {"taints": [{"key": "k", "effect": "NO_SCHEDULE"}]}},
        ),
        ({"placementPolicy": {"type": 0}}, {"placementPolicy": {}}),
        ({"config": {"maxRunDuration": "3600s"}}, {"config": {"maxRunDuration": "3600s"}}),
        ({"name": None}, {}),
    ],
)
def test_what_is_kept(given: Json, kept: Json) -> None:
    assert read({"nodePool": given}, "CreateNodePoolRequest")["nodePool"] == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodepool": {}}, 'Invalid JSON payload received. Unknown name "nodepool": Cannot find field.'),
        ({"nodePool": {"sizes": 1}}, "Unknown name \"sizes\" at 'node_pool'"),
        (
            {"nodePool": {"config": {"taints": [{}, {"x": 1}]}}},
            "Unknown name \"x\" at 'node_pool.config.taints[1]'",
        ),
        ({"nodePool": []}, "Invalid value at 'node_pool'"),
        (
            {"nodePool": {"config": {"spot": "yes"}}},
            "Invalid value at 'node_pool.config.spot' (bool), \"yes\"",
        ),
        ({"nodePool": {"initialNodeCount": True}}, "(int32), true"),
        ({"nodePool": {"initialNodeCount": 1 << 40}}, "(int32)"),
        ({"nodePool": {"initialNodeCount": "x"}}, "(int32)"),
        ({"nodePool": {"placementPolicy": {"type": "WIDE"}}}, 'NodePool.PlacementPolicy.Type), "WIDE"'),
        ({"nodePool": {"placementPolicy": {"type": 99}}}, "NodePool.PlacementPolicy.Type), 99"),
        ({"nodePool": {"locations": "us-east5-a"}}, "Invalid value at 'node_pool.locations'"),
        ({"nodePool": {"config": {"labels": ["a"]}}}, "Invalid value at 'node_pool.config.labels'"),
    ],
)
def test_what_is_refused(given: Json, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(given, "CreateNodePoolRequest")
    assert caught.value.code == 400
    assert message in caught.value.message


def test_host_maintenance_belongs_to_v1beta1() -> None:
    body = {"nodePool": {"config": {"hostMaintenancePolicy": {"maintenanceInterval": "PERIODIC"}}}}
    assert read(body, "CreateNodePoolRequest", "v1beta1") == body
    with pytest.raises(ApiError):
        read(body, "CreateNodePoolRequest", "v1")
