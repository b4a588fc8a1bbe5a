"""What the API server refuses: unknown fields, wrong types, missing fields, and values that cannot be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

Json = dict[str, Any]
Make = Callable[..., Json]


def put(body: Json, path: str, value: object) -> Json:
    """A copy of ``body`` with one value set; ``a.0.b`` is a path, a value of None removes."""
    result = copy.deepcopy(body)
    level: Any = result
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        level = level[part]
    if value is None:
        del level[last]
    else:
        level[last] = value
    return result


POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
CONFIGURATION: Json = {
    "apiVersion": "checkpointing.gke.io/v1",
    "kind": "CheckpointConfiguration",
    "metadata": {"name": "m"},
    "spec": {"cloudStorageBucketName": "b", "inMemoryVolumeSize": "1Gi"},
}
RJOB = "spec.replicatedJobs.0"
CONTAINER = f"{RJOB}.template.spec.template.spec.containers.0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("dta", {}, ".dta: field not declared in schema"),
        ("spec.containers.0.imag", "x", '.spec.containers[name="c"].imag: field not declared in schema'),
        ("spec.terminationGracePeriodSeconds", "ten", "expected numeric (int or float), got"),
        ("spec.containers", {}, ".spec.containers: expected list, got"),
        ("spec.containers.0.env", [{"name": "A"}, {"name": "A"}], 'duplicate entries for key [name="A"]'),
    ],
)
def test_apply_refuses_what_the_schema_does_not_declare(
    rig: Any, path: str, value: object, message: str
) -> None:
    response = rig.apply(put(POD, path, value))
    assert response.status == 500
    assert "reason" not in response.body
    assert response.body["message"].startswith(
        "failed to create typed patch object (default/p; /v1, Kind=Pod): "
    )
    assert message in response.body["message"]


def test_create_refuses_warns_or_drops_as_asked(rig: Any) -> None:
    body = put(put(POD, "spec.x", 1), "spec.containers.0.y", 1)
    path = rig.path("Pod")
    strict = rig.call("POST", f"{path}?fieldValidation=Strict", body)
    assert strict.status == 400
    text = 'strict decoding error: unknown field "spec.containers[0].y", unknown field "spec.x"'
    assert strict.body["message"].endswith(text)
    warned = rig.call("POST", f"{path}?fieldValidation=Warn", body)
    assert warned.status == 201
    assert 'unknown field \\"spec.x\\"' in warned.headers["Warning"]
    assert "x" not in warned.body["spec"]
    silent = rig.call("POST", f"{path}?fieldValidation=Ignore", put(body, "metadata.name", "q"))
    assert (silent.status, silent.headers.get("Warning")) == (201, None)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.containers", None, "spec.containers: Required value"),
        ("spec.containers.0.name", None, "spec.containers[0].name: Required value"),
        ("spec.containers.0.image", None, "spec.containers[0].image: Required value"),
        ("spec.restartPolicy", "Sometimes", 'Unsupported value: "Sometimes"'),
        (
            "spec.containers.0.volumeMounts",
            [{"name": "v", "mountPath": "/v"}],
            'volumeMounts[0].name: Not found: "v"',
        ),
        ("spec.volumes", [{"name": "v"}], "spec.volumes[0]: Required value: must specify a volume type"),
        (
            "spec.volumes",
            [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}],
            "more than 1 volume type",
        ),
        ("spec.containers.0.resources", {"limits": {"memory": "4X"}}, "quantities must match"),
        ("spec.containers.0.resources", {"limits": {"google.com/tpu": "1500m"}}, "must be an integer"),
        ("spec.containers.0.name", "C_1", "RFC 1123 label"),
        ("metadata.name", "P_1", "RFC 1123 subdomain"),
        ("metadata.labels", {"a": "x" * 64}, "must be no more than 63 bytes"),
        ("metadata.labels", {"a": "b c"}, "a valid label must be"),
        ("spec.tolerations", [{"operator": "Equal"}], "operator must be Exists when `key` is empty"),
        ("spec.containers.0.ports", [{"containerPort": 70000}], "must be between 1 and 65535"),
    ],
)
def test_pods_are_checked(rig: Any, path: str, value: object, message: str) -> None:
    body = put(POD, path, value)
    response = rig.call("POST", rig.path("Pod") + "?fieldValidation=Strict", body)
    assert response.status == 422, response.body
    assert response.body["reason"] == "Invalid"
    assert message in response.body["message"]


@pytest.mark.parametrize(
    ("path", "value", "status", "message"),
    [
        ("spec.mountOptions", ["a"], 500, ".spec.mountOptions: field not declared in schema"),
        ("spec.inMemoryVolumeSize", 200, 500, ".spec.inMemoryVolumeSize: expected string, got"),
        ("spec.tolerations", "all", 500, ".spec.tolerations: expected list, got"),
        ("spec", {}, 201, ""),
        ("spec.inMemoryVolumeSize", "a lot", 201, ""),
    ],
)
def test_checkpoint_configurations_have_a_schema_and_no_more(
    rig: Any, path: str, value: object, status: int, message: str
) -> None:
    rig.world.set_addon("HighScaleCheckpointing", True)
    rig.advance(40)
    response = rig.apply(put(CONFIGURATION, path, value))
    assert response.status == status, response.body
    assert message in response.body.get("message", "")


@pytest.mark.parametrize(
    ("path", "value", "status", "message"),
    [
        (
            f"{RJOB}.template.spec.template.spec.nope",
            1,
            500,
            "template.spec.nope: field not declared in schema",
        ),
        ("spec.failurePolicy.maxRestarts", "ten", 500, "expected numeric (int or float), got"),
        (f"{RJOB}.name", "slice_job", 422, "a DNS-1035 label must consist of"),
        (f"{RJOB}.template", None, 422, "spec.replicatedJobs[0].template: Required value"),
        ("spec.ttlSecondsAfterFinished", -1, 422, "should be greater than or equal to 0"),
        ("spec.failurePolicy.restartStrategy", "Whenever", 422, 'Unsupported value: "Whenever"'),
        (
            "spec.failurePolicy.restartStrategy",
            "InPlaceRestart",
            422,
            "InPlaceRestart feature gate is disabled",
        ),
        (
            "spec.successPolicy",
            {"operator": "All", "targetReplicatedJobs": ["x"]},
            422,
            "invalid replicatedJob name 'x'",
        ),
        ("spec.failurePolicy.rules", [{"name": "r", "action": "RestartJob"}], 422, "RestartJob feature gate"),
        (
            "spec.failurePolicy.rules",
            [{"name": "1r", "action": "FailJobSet"}],
            422,
            "must start with an alphabetic",
        ),
        (f"{CONTAINER}.resources", {"limits": {"memory": "4X"}}, 422, "should match"),
        (
            "spec.coordinator",
            {"replicatedJob": "other"},
            422,
            "coordinator replicatedJob other does not exist",
        ),
        (f"{RJOB}.template.spec.template.spec.restartPolicy", "Sometimes", 201, ""),
        (f"{CONTAINER}.volumeMounts", [{"name": "no", "mountPath": "/no"}], 201, ""),
    ],
)
def test_jobsets_are_checked_as_by_the_real_webhooks(
    cluster: Any, jobset: Make, path: str, value: object, status: int, message: str
) -> None:
    response = cluster.apply(put(jobset(), path, value))
    assert response.status == status, response.body
    assert message in response.body.get("message", "")


def test_a_name_too_long_is_said_for_jobs_and_pods(cluster: Any, jobset: Make) -> None:
    response = cluster.apply(jobset("x" * 60))
    assert response.status == 422
    for what in ("job", "pod"):
        words = f"JobSet name is too long, {what} names generated for this JobSet will exceed 63 characters"
        assert words in response.body["message"]
    assert response.body["details"]["causes"][0]["field"] == "spec.replicatedJobs[0].name"


def test_a_wrong_restart_policy_shows_only_when_jobs_are_made(cluster: Any, jobset: Make) -> None:
    cluster.applied(put(jobset(), f"{RJOB}.template.spec.template.spec.restartPolicy", "Sometimes"))
    (message,) = cluster.events("JobCreationFailed")
    assert message.startswith(
        'job "demo-slice-job-0" creation failed with error: Job.batch "demo-slice-job-0" is invalid'
    )
    assert 'supported values: "OnFailure", "Never"' in message


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("spec.ttlSecondsAfterFinished", 60, 200),
        ("metadata.labels", {"a": "b"}, 200),
        ("spec.suspend", True, 200),
        (f"{RJOB}.replicas", 3, 422),
        (f"{CONTAINER}.image", "example.test/train:v2", 422),
        ("spec.failurePolicy.maxRestarts", 9, 422),
    ],
)
def test_a_running_jobset_stays_as_it_is(
    cluster: Any, jobset: Make, path: str, value: object, status: int
) -> None:
    cluster.applied(jobset())
    response = cluster.apply(put(jobset(), path, value))
    assert response.status == status, response.body
    if status == 422:
        assert "immutable" in response.body["message"]


def test_the_webhook_must_answer(rig: Any, jobset: Make) -> None:
    from xpk.emulator.kubernetes import crds

    rig.applied(crds.jobset_crds()[0])
    service = {"name": "jobset-webhook-service", "namespace": "jobset-system", "path": "/mutate"}
    rule = {
        "apiGroups": ["jobset.x-k8s.io"],
        "apiVersions": ["v1alpha2"],
        "operations": ["CREATE"],
        "resources": ["jobsets"],
    }
    webhook = {
        "name": "mjobset.kb.io",
        "clientConfig": {"service": service},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    assert rig.call("POST", path, {**head, "metadata": {"name": "w"}, "webhooks": [webhook]}).status == 201
    response = rig.apply(jobset())
    assert response.status == 500
    assert 'failed calling webhook "mjobset.kb.io"' in response.body["message"]


def test_a_warning_cannot_break_the_header(rig: Any) -> None:
    body = put(POD, "spec.ä\nSet-Cookie: x", 1)
    response = rig.call("POST", rig.path("Pod") + "?fieldValidation=Warn", body)
    warning = response.headers["Warning"]
    assert warning.isascii()
    assert "\n" not in warning
