"""Whatever a request body holds, GKE's half answers with a decision and never with a failure of its own."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpk.emulator.clock import ManualClock
from xpk.emulator.cloud import Cloud
from xpk.emulator.gke.schema import Field, enum, fields
from xpk.emulator.http import Request

Json = dict[str, Any]
PARENT = "/v1/projects/proj-1/locations/us-east5"
WORDS = st.sampled_from(
    [
        "",
        "a",
        "mtc",
        "1.33",
        "us-east5-a",
        "ct5p-hightpu-4t",
        "ct6e-standard-4t",
        "e2-standard-4",
        "4x4x4",
        "pd-ssd",
    ]
)
NUMBERS = st.sampled_from([0, 1, 4, 16, 1001, -1, "7"])


def values(field: Field, depth: int) -> st.SearchStrategy[Any]:
    """Values of a field, mostly of its type."""
    match field.type:
        case "message":
            single: st.SearchStrategy[Any] = messages(field.reference or "", depth - 1)
        case "enum":
            single = st.sampled_from([*enum(field.reference or ""), *enum(field.reference or "").values()])
        case "bool":
            single = st.booleans()
        case "int32" | "int64":
            single = NUMBERS
        case "double":
            single = st.sampled_from([0, 0.5])
        case _:
            single = WORDS
    if field.shape == "many":
        return st.lists(single, max_size=2)
    return st.dictionaries(WORDS, single, max_size=2) if field.shape == "map" else single


def messages(name: str, depth: int) -> st.SearchStrategy[Json]:
    """Bodies of a message with some of its fields."""
    if depth <= 0:
        return st.just({})
    known = fields(name, "v1")

    def some(chosen: list[str]) -> st.SearchStrategy[Json]:
        return st.fixed_dictionaries({key: values(known[key], depth) for key in chosen})

    return (
        st.lists(st.sampled_from(sorted(known)), max_size=6, unique=True).flatmap(some)
        if known
        else st.just({})
    )


def merged(base: Any, extra: Any) -> Any:
    """Both, the second on top."""
    if isinstance(base, dict) and isinstance(extra, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in extra.items()}}
    return extra


def cloud_with(factory: Any, cluster: Json) -> Cloud:
    """A cloud with one running cluster, without a server."""
    cloud = Cloud(ManualClock(), factory)
    assert send(cloud, "POST", f"{PARENT}/clusters", {"cluster": cluster}) == 200
    cloud.clock.jump(1000)
    return cloud


def send(cloud: Cloud, method: str, path: str, body: Json) -> int:
    """The status of one request."""
    response = cloud.handle(Request(method, path, body=json.dumps(body).encode()))
    assert response is not None
    assert response.status != 500, response.body
    return response.status


FUZZ = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(extra=messages("NodePool", 3), based=st.booleans())
def test_node_pools(
    extra: Json, based: bool, world_factory: Any, mtc_cluster: Json, slice_pool: Json
) -> None:
    cloud = cloud_with(world_factory, mtc_cluster)
    pool = merged(slice_pool, extra) if based else extra
    send(cloud, "POST", f"{PARENT}/clusters/mtc/nodePools", {"nodePool": pool})
    cloud.clock.jump(5000)
    assert send(cloud, "GET", f"{PARENT}/clusters/mtc", {}) == 200


@FUZZ
@given(extra=messages("Cluster", 3))
def test_clusters(extra: Json, world_factory: Any, mtc_cluster: Json) -> None:
    cloud = cloud_with(world_factory, mtc_cluster)
    wanted = merged({**mtc_cluster, "name": "other"}, extra)
    send(cloud, "POST", f"{PARENT}/clusters", {"cluster": wanted})
    cloud.clock.jump(5000)
    assert send(cloud, "GET", f"{PARENT}/clusters", {}) == 200


@FUZZ
@given(cluster=messages("ClusterUpdate", 3), pool=messages("UpdateNodePoolRequest", 3))
def test_updates(cluster: Json, pool: Json, world_factory: Any, mtc_cluster: Json) -> None:
    cloud = cloud_with(world_factory, mtc_cluster)
    send(cloud, "PUT", f"{PARENT}/clusters/mtc/nodePools/default-pool", pool)
    cloud.clock.jump(5000)
    for field, value in cluster.items():
        send(cloud, "PUT", f"{PARENT}/clusters/mtc", {"update": {field: value}})
        cloud.clock.jump(5000)
    assert send(cloud, "GET", f"{PARENT}/clusters/mtc", {}) == 200
