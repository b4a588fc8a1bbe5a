"""What is filled in, the same on the emulator and on the real API server with its webhooks."""

from __future__ import annotations

from typing import Any

from tests.controlplane.both import JOBS, Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import manifest

_SELDOM = ("enableServiceLinks", "preemptionPolicy", "securityContext", "serviceAccount")


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
    assert filled == side.expected(
        "container-defaults",
        {
            "imagePullPolicy": "Always",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    assert [item["key"] for item in found.pop("tolerations", [])] == side.expected(
        "node-tolerations", ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
    )
    extra = {field: found.pop(field) for field in _SELDOM if field in found}
    assert extra == side.expected(
        "pod-defaults",
        {
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "securityContext": {},
            "serviceAccount": "default",
        },
    )
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
    assert sorted(spec.pop("selector", {})) == side.expected("job-selector", ["matchLabels"])
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
    """Without empty structures: Go's types write some that mean nothing (`metadata: {}`)."""
    if isinstance(item, dict):
        filled = {key: _filled(value) for key, value in item.items()}
        return {key: value for key, value in filled.items() if value != {}}
    return [_filled(entry) for entry in item] if isinstance(item, list) else item
