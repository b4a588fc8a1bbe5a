"""What is filled in, the same on the emulator and on the real API server with its webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import manifest
from tests.controlplane.specs import CAPACITIES, OPTIONS, RESTARTS, STORAGE, restarts, workload
from xpk.render.workload import render_workload
from xpk.spec.environment import parse_env
from xpk.spec.mounts import parse_mount

_OF_AN_OBJECT = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
_EMPTY = {
    "replicatedJobs[0].template.metadata",
    "replicatedJobs[0].template.spec.template.metadata",
    "replicatedJobs[0].template.spec.template.spec.containers[0].resources",
}
"""Go's types write these for a JobSet that leaves them out."""
_PORTS = "spec.replicatedJobs[0].template.spec.template.spec.containers[0].ports"
ADDED: dict[str, object] = {
    "spec.suspend": True,  # Kueue's webhook: nothing starts before it is admitted
    # JobSet's webhook, in the fields that we leave open
    "spec.network.enableDNSHostnames": True,
    "spec.network.publishNotReadyAddresses": True,
    "spec.startupPolicy.startupPolicyOrder": "AnyOrder",
    "spec.successPolicy.operator": "All",
    # defaults of JobSet's CRD
    "spec.failurePolicy.restartStrategy": "Recreate",
    "spec.replicatedJobs[0].groupName": "default",
    **{f"{_PORTS}[{number}].protocol": "TCP" for number in range(3)},
}
"""All that the server adds to a JobSet of ours: the same for each, whatever was asked for."""
OURS: dict[str, dict[str, Any]] = {
    **{f"restarts-{name}": restarts(name) for name in RESTARTS},
    "mounts": {"mounts": tuple(parse_mount(text) for text in STORAGE["mounts"][1])},
    "spot": {"capacity": CAPACITIES["spot"]},
    "options": {key: value for key, value in OPTIONS.items() if key != "namespace"},
    "env": {"env": parse_env(("A=", "B=$(C)", "C=line\nline", "JOBSET_NAME=mine"))},
}
_SELDOM = ("enableServiceLinks", "preemptionPolicy", "securityContext", "serviceAccount")


def flat(value: object, path: str = "") -> dict[str, object]:
    """Every leaf by its path; an empty structure is one."""
    if isinstance(value, dict) and value:
        return {p: leaf for key, one in value.items() for p, leaf in flat(one, f"{path}.{key}").items()}
    if isinstance(value, list) and value:
        return {p: leaf for n, one in enumerate(value) for p, leaf in flat(one, f"{path}[{n}]").items()}
    return {path.removeprefix("."): value}


def test_the_defaults_of_a_jobset(side: Side, namespace: str) -> None:
    jobset = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "d1", "namespace": namespace},
        "spec": {
            "replicatedJobs": [
                {
                    "name": "a",
                    "template": {
                        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}
                    },
                }
            ],
            "failurePolicy": {"rules": [{"action": "FailJobSet"}]},
        },
    }
    found = side.kube.apply(jobset, dry_run=True)
    empty = {path for path, value in flat(found["spec"]).items() if value == {}}
    assert empty == side.expected("jobset-empty-structures", _EMPTY)
    assert _filled(found["spec"]) == {
        "failurePolicy": {
            "restartStrategy": "Recreate",
            "rules": [{"action": "FailJobSet", "name": "failurePolicyRule0"}],
        },
        "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
        "replicatedJobs": [
            {
                "groupName": "default",
                "name": "a",
                "replicas": 1,
                "template": {
                    "spec": {
                        "completionMode": "Indexed",
                        "template": {
                            "spec": {
                                "containers": [{"image": "i", "name": "c"}],
                                "restartPolicy": "OnFailure",
                            },
                        },
                    },
                },
            }
        ],
        "startupPolicy": {"startupPolicyOrder": "AnyOrder"},
        "successPolicy": {"operator": "All"},
    }


@pytest.mark.parametrize("name", OURS)
def test_what_we_write_is_kept_and_only_this_is_added(name: str, side: Side, namespace: str) -> None:
    """Nothing of ours is left out, changed or put into another order, empty structures included."""
    ours = render_workload(workload("v6e-16", namespace=namespace, **OURS[name]), fuse_host_network=True)
    found = side.kube.apply(ours, dry_run=True)
    found["metadata"] = {key: value for key, value in found["metadata"].items() if key not in _OF_AN_OBJECT}
    mine, its = flat(ours), flat(found)
    assert {path: its.get(path) for path in mine} == mine
    assert {path: value for path, value in its.items() if path not in mine} == ADDED


def test_the_defaults_of_a_cluster_queue(side: Side) -> None:
    found = side.kube.apply(manifest("ClusterQueue", ""), dry_run=True)
    assert found["spec"] == {
        "flavorFungibility": {"whenCanBorrow": "MayStopSearch", "whenCanPreempt": "TryNextFlavor"},
        "namespaceSelector": {},
        "preemption": {
            "borrowWithinCohort": {"policy": "Never"},
            "reclaimWithinCohort": "Never",
            "withinClusterQueue": "Never",
        },
        "queueingStrategy": "BestEffortFIFO",
        "stopPolicy": "None",
    }


def test_the_defaults_of_a_pod(side: Side, namespace: str) -> None:
    found = side.kube.apply(manifest("Pod", namespace), dry_run=True)["spec"]
    (container,) = found.pop("containers")
    volumes = [volume["name"].rpartition("-")[0] for volume in found.pop("volumes", [])]
    assert volumes == side.expected("pod-token-volume", ["kube-api-access"])
    assert len(container.pop("volumeMounts", [])) == len(volumes)
    filled = {field: value for field, value in container.items() if field not in ("image", "name")}
    assert filled == {
        "imagePullPolicy": "Always",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    assert [item["key"] for item in found.pop("tolerations", [])] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    extra = {field: found.pop(field) for field in _SELDOM if field in found}
    assert extra == {
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "securityContext": {},
        "serviceAccount": "default",
    }
    assert found == {
        "dnsPolicy": "ClusterFirst",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
    }


def test_the_defaults_of_a_job(side: Side, namespace: str) -> None:
    code, found = side.call("POST", JOBS.format(namespace), manifest("Job", namespace), dryRun="All")
    assert code == 201
    spec = found["spec"]
    del spec["template"]
    assert sorted(spec.pop("selector", {})) == ["matchLabels"]
    assert spec == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "manualSelector": False,
        "parallelism": 1,
        "podReplacementPolicy": "TerminatingOrFailed",
        "suspend": False,
    }


def _filled(item: Any) -> Any:
    """Without empty structures, which are compared by themselves."""
    if isinstance(item, dict):
        filled = {key: _filled(value) for key, value in item.items()}
        return {key: value for key, value in filled.items() if value != {}}
    return [_filled(entry) for entry in item] if isinstance(item, list) else item
