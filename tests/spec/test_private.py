"""Private clusters: the five flags, and the fields of the API that they become."""

from __future__ import annotations

import pytest
from google.cloud import container_v1
from google.protobuf import json_format

from xpk.errors import UsageError
from xpk.spec.api_field import Json, merge
from xpk.spec.private import PrivateAccess, api_fields, private_access


def body(private: PrivateAccess) -> Json:
    return merge({}, api_fields(private))


def test_no_flag_no_private_cluster() -> None:
    assert private_access() is None


def test_private_alone_lets_no_address_in() -> None:
    private = private_access(private=True)
    assert private == PrivateAccess()
    assert body(private) == {
        "networkConfig": {"defaultEnablePrivateNodes": True},
        "controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"authorizedNetworksConfig": {"enabled": True}}},
    }


@pytest.mark.parametrize(
    ("private", "endpoints"),
    [
        (private_access(enable_private_endpoint=True), {"enablePublicEndpoint": False}),
        (private_access(enable_master_global_access=True), {"globalAccess": True}),
        (private_access(private_endpoint_subnetwork="s1"), {"privateEndpointSubnetwork": "s1"}),
    ],
)
def test_each_flag_implies_private(private: PrivateAccess | None, endpoints: Json) -> None:
    assert private is not None
    found = body(private)
    assert found["networkConfig"] == {"defaultEnablePrivateNodes": True}
    assert endpoints.items() <= found["controlPlaneEndpointsConfig"]["ipEndpointsConfig"].items()


def test_networks_imply_private_and_keep_their_order() -> None:
    private = private_access(authorized_networks=["10.0.0.0/8,203.0.113.7", "10.0.0.0/8 2001:db8::/32"])
    assert private == PrivateAccess(authorized_networks=("10.0.0.0/8", "203.0.113.7/32", "2001:db8::/32"))
    networks = body(private)["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["authorizedNetworksConfig"]
    assert networks == {
        "enabled": True,
        "cidrBlocks": [
            {"cidrBlock": "10.0.0.0/8"},
            {"cidrBlock": "203.0.113.7/32"},
            {"cidrBlock": "2001:db8::/32"},
        ],
    }


def test_all_fields_are_fields_of_the_api_and_none_is_an_old_one() -> None:
    private = PrivateAccess(("10.0.0.0/8",), True, "projects/p/regions/r/subnetworks/s", True)
    found = body(private)
    json_format.ParseDict(found, container_v1.Cluster.pb(container_v1.Cluster()))
    assert set(found) == {"networkConfig", "controlPlaneEndpointsConfig"}


def test_a_false_that_matters_is_on_the_wire() -> None:
    """`enablePublicEndpoint` has presence in the API, so that false is sent and not dropped."""
    message = container_v1.Cluster.pb(container_v1.Cluster())
    json_format.ParseDict(body(PrivateAccess(endpoint_only=True)), message)
    sent = json_format.MessageToDict(message)
    assert sent["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enablePublicEndpoint"] is False


def test_every_wrong_value_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        private_access(
            authorized_networks=["10.0.0.1/8", "office", "300.0.0.0/8"],
            private_endpoint_subnetwork="My Subnet",
        )
    faults = caught.value.faults
    assert [fault.what for fault in faults] == [
        "--authorized-networks 10.0.0.1/8",
        "--authorized-networks office",
        "--authorized-networks 300.0.0.0/8",
        "--private-endpoint-subnetwork My Subnet",
    ]
    assert faults[0].fix == "--authorized-networks 10.0.0.0/8"


def test_notes() -> None:
    assert any("your own address is not added" in note for note in PrivateAccess().notes)
    assert any("whole internet" in note for note in PrivateAccess(("0.0.0.0/0",)).notes)
    assert not any(
        "internet" in note or "own address" in note for note in PrivateAccess(("10.0.0.0/8",)).notes
    )
