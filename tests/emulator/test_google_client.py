"""Google's own client library, over REST, against the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import container_v1, container_v1beta1
from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerRestTransport

from xpk.emulator.clock import ManualClock
from xpk.emulator.server import Emulator

Call = Callable[..., tuple[int, Any]]
PARENT = "projects/proj-1/locations/us-east5"
NAME = f"{PARENT}/clusters/mtc"
GKE_METADATA = container_v1.WorkloadMetadataConfig.Mode.GKE_METADATA


@pytest.fixture
def client(emulator: Emulator) -> Any:
    transport = ClusterManagerRestTransport(
        host=f"127.0.0.1:{emulator.port}",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        url_scheme="http",
    )
    return container_v1.ClusterManagerClient(transport=transport)


def cluster() -> Any:
    """What the API guide of the tool creates."""
    c = container_v1
    return c.Cluster(
        name="mtc",
        locations=["us-east5-a"],
        initial_cluster_version="1.33",
        release_channel=c.ReleaseChannel(channel=c.ReleaseChannel.Channel.REGULAR),
        ip_allocation_policy=c.IPAllocationPolicy(use_ip_aliases=True),
        network_config=c.NetworkConfig(
            datapath_provider=c.DatapathProvider.ADVANCED_DATAPATH,
            enable_multi_networking=True,
            default_enable_private_nodes=False,
        ),
        workload_identity_config=c.WorkloadIdentityConfig(workload_pool="proj-1.svc.id.goog"),
        addons_config=c.AddonsConfig(
            gcs_fuse_csi_driver_config=c.GcsFuseCsiDriverConfig(enabled=True),
            high_scale_checkpointing_config=c.HighScaleCheckpointingConfig(enabled=True),
        ),
        resource_labels={"gke_product_type": "xpk"},
        node_pools=[
            c.NodePool(
                name="default-pool",
                initial_node_count=1,
                autoscaling=c.NodePoolAutoscaling(
                    enabled=True, total_min_node_count=1, total_max_node_count=8
                ),
                config=c.NodeConfig(machine_type="e2-standard-16"),
            )
        ],
    )


def pool(name: str) -> Any:
    """One v6e-16 slice."""
    c = container_v1
    return c.NodePool(
        name=name,
        initial_node_count=4,
        placement_policy=c.NodePool.PlacementPolicy(
            type_=c.NodePool.PlacementPolicy.Type.COMPACT, tpu_topology="4x4"
        ),
        max_pods_constraint=c.MaxPodsConstraint(max_pods_per_node=15),
        config=c.NodeConfig(
            machine_type="ct6e-standard-4t",
            spot=True,
            workload_metadata_config=c.WorkloadMetadataConfig(mode=GKE_METADATA),
        ),
    )


def test_a_whole_life(client: Any, clock: ManualClock) -> None:
    created = client.create_cluster(parent=PARENT, cluster=cluster())
    assert created.operation_type == container_v1.Operation.Type.CREATE_CLUSTER
    clock.jump(1000)
    done = client.get_operation(name=f"{PARENT}/operations/{created.name}", retry=None)
    assert (done.status, done.error.code) == (container_v1.Operation.Status.DONE, 0)
    read = client.get_cluster(name=NAME, retry=None)
    assert read.status == container_v1.Cluster.Status.RUNNING
    assert read.addons_config.high_scale_checkpointing_config.enabled
    assert read.release_channel.channel == container_v1.ReleaseChannel.Channel.REGULAR
    assert read.network_config.default_enable_private_nodes is False
    assert "default_enable_private_nodes" in read.network_config
    assert dict(read.resource_labels) == {"gke_product_type": "xpk"}
    for index in range(2):
        client.create_node_pool(parent=NAME, node_pool=pool(f"mtc-np-{index}"))
    clock.jump(1000)
    pools = {item.name: item for item in client.list_node_pools(parent=NAME, retry=None).node_pools}
    assert set(pools) == {"default-pool", "mtc-np-0", "mtc-np-1"}
    assert pools["mtc-np-1"].status == container_v1.NodePool.Status.RUNNING
    assert pools["mtc-np-1"].max_pods_constraint.max_pods_per_node == 15
    assert pools["mtc-np-1"].config.spot
    assert client.list_clusters(parent="projects/proj-1/locations/-", retry=None).clusters[0].name == "mtc"
    client.delete_node_pool(name=f"{NAME}/nodePools/mtc-np-0", retry=None)
    clock.jump(1000)
    client.delete_cluster(name=NAME, retry=None)
    clock.jump(1000)
    assert not client.list_clusters(parent=PARENT, retry=None).clusters
    operations = client.list_operations(parent=PARENT, retry=None).operations
    assert {operation.status for operation in operations} == {container_v1.Operation.Status.DONE}


def test_updates(client: Any, clock: ManualClock, running: str) -> None:
    update = container_v1.ClusterUpdate(
        desired_release_channel=container_v1.ReleaseChannel(channel=container_v1.ReleaseChannel.Channel.RAPID)
    )
    client.update_cluster(name=NAME, update=update)
    clock.jump(1000)
    assert client.get_cluster(name=NAME, retry=None).release_channel.channel == 1
    client.update_node_pool(
        request=container_v1.UpdateNodePoolRequest(
            name=f"{NAME}/nodePools/default-pool",
            workload_metadata_config=container_v1.WorkloadMetadataConfig(mode=GKE_METADATA),
        )
    )
    clock.jump(1000)
    read = client.get_node_pool(name=f"{NAME}/nodePools/default-pool", retry=None)
    assert read.config.workload_metadata_config.mode == GKE_METADATA


def test_errors_are_those_of_the_library(client: Any, call: Call, running: str) -> None:
    with pytest.raises(exceptions.NotFound):
        client.get_cluster(name=f"{PARENT}/clusters/none", retry=None)
    with pytest.raises(exceptions.Conflict):
        client.create_cluster(parent=PARENT, cluster=cluster())
    with pytest.raises(exceptions.BadRequest, match="Exactly one update"):
        client.update_cluster(name=NAME, update=container_v1.ClusterUpdate())
    for status, kind in (
        (403, exceptions.Forbidden),
        (429, exceptions.TooManyRequests),
        (503, exceptions.ServiceUnavailable),
    ):
        call("POST", "/_emulator/faults", {"match": {"path": "clusters/mtc$"}, "status": status})
        with pytest.raises(kind):
            client.get_cluster(name=NAME, retry=None)


def test_host_maintenance_in_messages_of_v1beta1(call: Call, client: Any, running: str) -> None:
    """Google's client has no REST transport for v1beta1: its messages as proto3 JSON are what counts."""
    c = container_v1beta1
    periodic = c.HostMaintenancePolicy.MaintenanceInterval.PERIODIC
    config = c.NodeConfig(
        machine_type="e2-standard-4",
        host_maintenance_policy=c.HostMaintenancePolicy(maintenance_interval=periodic),
    )
    request = c.CreateNodePoolRequest(
        parent=NAME, node_pool=c.NodePool(name="more", initial_node_count=1, config=config)
    )
    body = c.CreateNodePoolRequest.to_json(request, always_print_fields_with_no_presence=False)
    beta = running.replace("/v1/", "/v1beta1/")
    assert call("POST", f"{beta}/nodePools?%24alt=json%3Benum-encoding%3Dint", body)[0] == 200
    read = c.NodePool.from_json(json.dumps(call("GET", f"{beta}/nodePools/more")[1]))
    assert read.config.host_maintenance_policy.maintenance_interval == periodic
    assert (
        client.get_node_pool(name=f"{NAME}/nodePools/more", retry=None).config.machine_type == "e2-standard-4"
    )
