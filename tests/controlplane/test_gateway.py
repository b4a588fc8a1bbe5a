"""The gateway: xpk's own client, and GKE's half, through one loopback address without a credential."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.gateway import Gateway
from xpk.cloud.credentials import anonymous
from xpk.cloud.endpoints import emulated
from xpk.cloud.kube import Kube
from xpk.emulator.server import Emulator
from xpk.errors import AccessError

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]

CLUSTER = "projects/p1/locations/us-east5/clusters/c1"


@pytest.fixture
def gateway(control_plane: ControlPlane) -> Iterator[Gateway]:
    """Before an emulator that has GKE's half."""
    with (
        Emulator(port=0, time_scale=0.001) as emulator,
        Gateway(control_plane, emulator=emulator.url) as found,
    ):
        yield found


def client(gateway: Gateway) -> Kube:
    """The client as `xpk --emulator` builds it."""
    return Kube(emulated(gateway.url), anonymous(), CLUSTER, {})


def config_map(namespace: str, name: str, value: str) -> dict[str, object]:
    """A small object."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}


def test_applied_through_it_read_behind_it(gateway: Gateway, control_plane: ControlPlane) -> None:
    namespace = control_plane.new_namespace()
    client(gateway).apply(config_map(namespace, "a", "1"))
    stored = control_plane.api.get(f"/api/v1/namespaces/{namespace}/configmaps/a")
    assert stored is not None
    assert stored["data"] == {"k": "1"}
    assert stored["metadata"]["managedFields"][0]["manager"] == "xpk"


def test_a_watch_gives_events_as_they_come(gateway: Gateway, control_plane: ControlPlane) -> None:
    kube, namespace = client(gateway), control_plane.new_namespace()
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    version = kube.list_versioned(path).resource_version
    events = kube.watch(path, resource_version=version, timeout_seconds=20)
    kube.apply(config_map(namespace, "a", "1"))
    assert _next_of(events, "a") == ("ADDED", "1")
    kube.apply(config_map(namespace, "a", "2"))
    assert _next_of(events, "a") == ("MODIFIED", "2")
    kube.delete(f"{path}/a", propagation="Background")
    assert _next_of(events, "a") == ("DELETED", "2")


def test_it_can_be_somebody_with_fewer_rights(control_plane: ControlPlane) -> None:
    with Gateway(control_plane, user=control_plane.new_user()) as found, pytest.raises(AccessError):
        client(found).list("/api/v1/nodes")


def test_gkes_half_is_the_emulators(gateway: Gateway) -> None:
    with urllib.request.urlopen(f"{gateway.url}/v1/projects/p1/locations/-/clusters") as answer:
        assert answer.status == 200


def test_without_an_emulator_gke_is_not_there(control_plane: ControlPlane) -> None:
    with Gateway(control_plane) as found, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{found.url}/v1/projects/p1/locations/-/clusters")
    assert refused.value.code == 501
    refused.value.close()


def _next_of(events: Iterator[tuple[str, dict[str, dict[str, str]]]], name: str) -> tuple[str, str]:
    """The next event of one object (a namespace has a ConfigMap of its own)."""
    for kind, item in events:
        if item["metadata"]["name"] == name:
            return kind, item["data"]["k"]
    pytest.fail("the watch ended")
