"""What is refused, the same on the emulator and on the real API server with JobSet's and Kueue's webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import make_jobset, manifest, put
from xpk.errors import XpkError

Json = dict[str, Any]
TEMPLATE = "spec.replicatedJobs.0.template.spec"
POD = f"{TEMPLATE}.template.spec"


UNKNOWN = [
    ("ConfigMap", "dta", ".dta"),
    ("Pod", "spec.containers.0.imag", '.spec.containers[name="c"].imag'),
    ("Pod", "metadata.lables", ".metadata.lables"),
    ("Job", "spec.template.spec.nope", ".spec.template.spec.nope"),
    ("JobSet", "spec.nope", ".spec.nope"),
    ("JobSet", f"{POD}.nope", ".spec.template.spec.nope"),
    ("ClusterQueue", "spec.nope", ".spec.nope"),
    ("ClusterQueue", "spec.preemption", ".spec.preemption.nope"),
    ("ResourceFlavor", "spec.nope", ".spec.nope"),
    ("LocalQueue", "spec.nope", ".spec.nope"),
    ("CheckpointConfiguration", "spec.mountOptions", ".spec.mountOptions"),
]


@pytest.mark.parametrize(("kind", "path", "field"), UNKNOWN)
def test_apply_refuses_an_unknown_field(side: Side, namespace: str, kind: str, path: str, field: str) -> None:
    value: object = {"nope": 1} if path.endswith("preemption") else "1"
    spoilt = put(manifest(kind, namespace), path, value)
    code, answer = side.apply(spoilt, dryRun="All")
    assert code == 500
    assert "reason" not in answer
    version = spoilt["apiVersion"]
    group = version if "/" in version else f"/{version}"
    name = spoilt["metadata"]["name"]
    place = f"{namespace}/{name}" if "namespace" in spoilt["metadata"] else f"/{name}"
    start = f"failed to create typed patch object ({place}; {group}, Kind={kind}): "
    assert answer["message"].startswith(start)
    assert answer["message"].endswith(f"{field}: field not declared in schema")
    with pytest.raises(XpkError, match="the cluster's schema has no field "):
        side.kube.apply(spoilt, dry_run=True)


@pytest.mark.parametrize(("kind", "path", "field"), UNKNOWN)
def test_create_refuses_an_unknown_field(
    side: Side, namespace: str, kind: str, path: str, field: str
) -> None:
    value: object = {"nope": 1} if path.endswith("preemption") else "1"
    spoilt = put(manifest(kind, namespace), path, value)
    collection = side.kube.path_of(spoilt).rpartition("/")[0]
    code, answer = side.call("POST", collection, spoilt, fieldValidation="Strict", dryRun="All")
    assert (code, answer["reason"]) == (400, "BadRequest")
    last = field.rpartition(".")[2]
    assert "strict decoding error: unknown field" in answer["message"]
    assert f'{last}"' in answer["message"]


WRONG = [
    ("Pod", "spec.containers", {}),
    ("Pod", "spec.terminationGracePeriodSeconds", "ten"),
    ("JobSet", "spec.failurePolicy.maxRestarts", "ten"),
    ("JobSet", "spec.replicatedJobs", "none"),
    ("ClusterQueue", "spec.resourceGroups", "all"),
    ("CheckpointConfiguration", "spec.inMemoryVolumeSize", 200),
    ("CheckpointConfiguration", "spec.tolerations", "all"),
]


@pytest.mark.parametrize(("kind", "path", "value"), WRONG)
def test_apply_refuses_a_wrong_type(side: Side, namespace: str, kind: str, path: str, value: object) -> None:
    code, answer = side.apply(put(manifest(kind, namespace), path, value), dryRun="All")
    assert code == 500
    assert f".{path}: expected " in answer["message"]


INVALID = [
    ("Pod", "spec.containers.0.image", None, "spec.containers[0].image: Required value"),
    ("Pod", "spec.restartPolicy", "Sometimes", 'Unsupported value: "Sometimes"'),
    ("Pod", "spec.containers.0.resources", {"limits": {"google.com/tpu": "1500m"}}, "must be an integer"),
    ("Pod", "metadata.name", "P_1", "RFC 1123 subdomain"),
    ("Pod", "metadata.labels", {"a": "b c"}, "a valid label must be"),
    (
        *("Pod", "spec.containers.0.volumeMounts", [{"name": "v", "mountPath": "/v"}]),
        'volumeMounts[0].name: Not found: "v"',
    ),
    ("Job", "spec.template.spec.restartPolicy", "Always", "spec.template.spec.restartPolicy"),
    ("JobSet", "spec.replicatedJobs.0.name", "slice_job", "a DNS-1035 label must consist of"),
    ("JobSet", "spec.ttlSecondsAfterFinished", -1, "should be greater than or equal to 0"),
    ("JobSet", "spec.failurePolicy.rules", [{"name": "a", "action": "Nope"}], 'Unsupported value: "Nope"'),
    ("ClusterQueue", "spec.queueingStrategy", "Nope", 'Unsupported value: "Nope"'),
]


@pytest.mark.parametrize(("kind", "path", "value", "words"), INVALID)
def test_a_value_that_cannot_be_is_refused(
    side: Side, namespace: str, kind: str, path: str, value: object, words: str
) -> None:
    code, answer = side.apply(put(manifest(kind, namespace), path, value), dryRun="All")
    assert (code, answer["reason"]) == (422, "Invalid"), answer
    assert words in answer["message"]


REFUSED = [
    ("metadata.name", "x" * 60),
    ("metadata.name", "W_1"),
    ("spec.replicatedJobs.0.name", "s" * 60),
    ("spec.successPolicy", {"operator": "All", "targetReplicatedJobs": ["nope"]}),
    (
        "spec.failurePolicy.rules",
        [{"name": "a", "action": "FailJobSet", "targetReplicatedJobs": ["nope"]}],
    ),
    (
        "spec.failurePolicy.rules",
        [{"name": "a", "action": "FailJobSet", "onJobFailureReasons": ["Nope"]}],
    ),
    ("spec.coordinator", {"replicatedJob": "nope"}),
    ("spec.replicatedJobs.0.dependsOn", [{"name": "slice-job", "status": "Ready"}]),
]
WORDS = [
    "JobSet name is too long",
    "a lowercase RFC 1123 subdomain must consist of",
    "JobSet name is too long",
    "invalid replicatedJob name 'nope' does not appear in .spec.ReplicatedJobs",
    "invalid replicatedJob name 'nope' in failure policy does not appear in .spec.ReplicatedJobs",
    "invalid job failure reason 'Nope' in failure policy is not a recognized job failure reason",
    "coordinator replicatedJob nope does not exist",
    "DependsOn",
]


@pytest.mark.parametrize(
    ("path", "value", "words"), [(*row, words) for row, words in zip(REFUSED, WORDS, strict=True)]
)
def test_jobsets_webhook_refuses_in_the_same_words(
    side: Side, namespace: str, path: str, value: object, words: str
) -> None:
    code, answer = side.apply(put(make_jobset(namespace), path, value), dryRun="All")
    assert (code, answer["reason"]) == (422, "Invalid") if value == "W_1" else code == 422
    assert words in answer["message"]


def test_a_volume_without_a_source(side: Side, namespace: str) -> None:
    spoilt = put(manifest("Pod", namespace), "spec.volumes", [{"name": "v"}])
    code, answer = side.apply(spoilt, dryRun="All")
    found = (code, answer["spec"]["volumes"][0] if code == 201 else answer["reason"])
    assert found == (201, {"name": "v", "emptyDir": {}})


def test_a_replicated_job_without_a_template(side: Side, namespace: str) -> None:
    spoilt = put(make_jobset(namespace), "spec.replicatedJobs.0.template", None)
    code, answer = side.apply(spoilt, dryRun="All")
    assert (code, answer["reason"]) == (422, "Invalid")
    first = "spec.replicatedJobs[0].template" + '.spec.template.spec.containers: Invalid value: "null"'
    found = first if first in answer["message"] else "spec.replicatedJobs[0].template: Required value"
    assert found == side.expected("jobset-without-template", first)
    assert found in answer["message"]


def test_a_field_that_may_not_change(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    with side.world.running(jobset):
        code, answer = side.apply(put(jobset, "spec.replicatedJobs.0.replicas", 1))
        assert code == 422, answer
        assert "field is immutable" in answer["message"]
