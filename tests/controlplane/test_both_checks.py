"""What is refused, warned of and let through besides one field's type, the same on both servers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.controlplane.both import Side
from tests.controlplane.both import namespace as namespace
from tests.controlplane.both import side as side
from tests.controlplane.both_objects import make_jobset, manifest, put
from tests.controlplane.both_wire import CONFIG_MAPS, config_map, send
from tests.controlplane.world import JOBSETS, PODS

Json = dict[str, Any]
RJOB = "spec.replicatedJobs.0"
CONTAINER = f"{RJOB}.template.spec.template.spec.containers.0"
C0 = "spec.containers.0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("dta", {}, ".dta: field not declared in schema"),
        ("spec.terminationGracePeriodSeconds", "ten", "expected numeric (int or float), got"),
        ("spec.containers", {}, ".spec.containers: expected list, got"),
        (f"{C0}.env", [{"name": "A"}, {"name": "A"}], 'duplicate entries for key [name="A"]'),
        (f"{C0}.resources", {"limits": {"cpu": []}}, ""),
        (f"{C0}.command", "ls", ".command: expected list, got"),
        ("spec.hostNetwork", "yes", ".spec.hostNetwork: expected boolean, got"),
        ("metadata.labels", {"a": 1}, ".metadata.labels.a: expected string, got"),
    ],
)
def test_apply_refuses_what_the_schema_does_not_declare(
    side: Side, namespace: str, path: str, value: object, message: str
) -> None:
    code, answer = side.apply(put(manifest("Pod", namespace), path, value))
    assert code == 500, answer
    assert "reason" not in answer
    start = f"failed to create typed patch object ({namespace}/x1; /v1, Kind=Pod): "
    assert answer["message"].startswith(start)
    assert message in answer["message"]


def test_create_refuses_warns_or_drops_as_asked(side: Side, namespace: str) -> None:
    body = put(put(manifest("Pod", namespace), "spec.x", 1), f"{C0}.y", 1)
    path = PODS.format(namespace)
    strict = send(side, "POST", path, body, fieldValidation="Strict")
    assert (strict.status, strict.body["reason"]) == (400, "BadRequest")
    assert strict.body["message"] == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field '
        '"spec.containers[0].y", unknown field "spec.x"'
    )
    warned = send(side, "POST", path, body, fieldValidation="Warn", dryRun="All")
    assert warned.status == 201
    assert warned.warnings == (
        '299 - "unknown field \\"spec.containers[0].y\\"", 299 - "unknown field \\"spec.x\\""'
    )
    assert "x" not in warned.body["spec"]
    silent = send(side, "POST", path, body, fieldValidation="Ignore", dryRun="All")
    assert (silent.status, silent.warnings) == (201, "")
    default = send(side, "POST", path, body, dryRun="All")
    assert default.warnings == warned.warnings


def test_a_field_given_twice(side: Side, namespace: str) -> None:
    path = CONFIG_MAPS.format(namespace)
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"},"data":{"b":"2"}}'
    strict = send(side, "POST", path, text, fieldValidation="Strict")
    assert strict.status == 400, strict.body
    assert strict.body["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field '
        '"data"'
    )
    warned = send(side, "POST", path, text)
    assert (warned.status, warned.body["data"]) == (201, {"a": "1", "b": "2"})
    assert warned.warnings == '299 - "duplicate field \\"data\\""'


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("{", 400, ""),
        ("[]", 400, ""),
        ('"text"', 400, ""),
        (
            '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"}}',
            400,
            "cannot be handled as a ConfigMap",
        ),
        (
            '{"kind":"ConfigMap","metadata":{"name":"c","namespace":"elsewhere"}}',
            400,
            "does not match the namespace",
        ),
        ('{"metadata":{"name":"c"},"data":{"a":1}}', 400, "cannot unmarshal number into Go struct field"),
        ('{"metadata":{"name":"c"},"data":[]}', 400, "cannot unmarshal array into Go struct field"),
        ('{"metadata":{"name":"C_1"}}', 422, "RFC 1123 subdomain"),
        ('{"metadata":{"name":"c"},"data":{"a b":"1"}}', 422, "a valid config key must consist of"),
    ],
)
def test_bodies_that_are_no_object(side: Side, namespace: str, body: str, status: int, words: str) -> None:
    answer = send(side, "POST", CONFIG_MAPS.format(namespace), body)
    assert answer.status == status, answer.body
    assert words in answer.body["message"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.containers", None, "spec.containers: Required value"),
        (f"{C0}.name", None, "spec.containers[0].name: Required value"),
        (f"{C0}.image", None, "spec.containers[0].image: Required value"),
        ("spec.restartPolicy", "Sometimes", 'Unsupported value: "Sometimes"'),
        (f"{C0}.volumeMounts", [{"name": "v", "mountPath": "/v"}], 'volumeMounts[0].name: Not found: "v"'),
        (
            "spec.volumes",
            [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}],
            "more than 1 volume type",
        ),
        (f"{C0}.resources", {"limits": {"google.com/tpu": "1500m"}}, "must be an integer"),
        (f"{C0}.resources", {"requests": {"google.com/tpu": "1"}}, "limit"),
        (
            f"{C0}.resources",
            {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
            "must be less than or equal to cpu limit",
        ),
        (f"{C0}.name", "C_1", "RFC 1123 label"),
        ("metadata.name", "P_1", "RFC 1123 subdomain"),
        ("metadata.labels", {"a": "x" * 64}, "must be no more than 63 bytes"),
        ("metadata.labels", {"a": "b c"}, "a valid label must be"),
        ("metadata.annotations", {"a b": "c"}, "name part must consist of"),
        ("spec.tolerations", [{"operator": "Equal"}], "operator must be Exists when `key` is empty"),
        ("spec.tolerations", [{"key": "a", "effect": "Never"}], 'Unsupported value: "Never"'),
        (f"{C0}.ports", [{"containerPort": 70000}], "must be between 1 and 65535"),
        (f"{C0}.env", [{"name": ""}], "env[0].name: Required value"),
        (f"{C0}.imagePullPolicy", "Never1", 'Unsupported value: "Never1"'),
        ("spec.priorityClassName", "nope", "no PriorityClass with name nope was found"),
        ("spec.serviceAccountName", "nope", 'serviceaccount "nope" not found'),
    ],
)
def test_pods_are_checked(side: Side, namespace: str, path: str, value: object, message: str) -> None:
    body = put(manifest("Pod", namespace), path, value)
    answer = send(side, "POST", PODS.format(namespace), body, fieldValidation="Strict")
    forbidden = path in ("spec.priorityClassName", "spec.serviceAccountName")
    wanted = (403, "Forbidden") if forbidden else (422, "Invalid")
    assert (answer.status, answer.body["reason"]) == wanted, answer.body
    assert message in answer.body["message"]


def test_a_quantity_that_is_none(side: Side, namespace: str) -> None:
    body = put(manifest("Pod", namespace), f"{C0}.resources", {"limits": {"memory": "4X"}})
    answer = send(side, "POST", PODS.format(namespace), body)
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")
    assert (
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        in (answer.body["message"])
    )


@pytest.mark.parametrize("spec", [{}, {"inMemoryVolumeSize": "a lot"}])
def test_checkpoint_configurations_have_a_schema_and_no_more(side: Side, namespace: str, spec: Json) -> None:
    body = {**manifest("CheckpointConfiguration", namespace), "spec": spec}
    assert side.apply(body, dryRun="All")[0] == 201


@pytest.mark.parametrize(
    ("path", "value", "status", "message"),
    [
        ("spec.failurePolicy.restartStrategy", "Whenever", 422, 'Unsupported value: "Whenever"'),
        (
            "spec.failurePolicy.restartStrategy",
            "InPlaceRestart",
            422,
            "InPlaceRestart feature gate is disabled",
        ),
        ("spec.failurePolicy.rules", [{"name": "r", "action": "RestartJob"}], 422, "RestartJob feature gate"),
        (
            "spec.failurePolicy.rules",
            [{"name": "1r", "action": "FailJobSet"}],
            422,
            "must start with an alphabetic",
        ),
        (f"{CONTAINER}.resources", {"limits": {"memory": "4X"}}, 400, "quantities must match"),
        (f"{RJOB}.template.spec.template.spec.restartPolicy", "Sometimes", 201, ""),
        (f"{CONTAINER}.volumeMounts", [{"name": "no", "mountPath": "/no"}], 201, ""),
        (f"{RJOB}.replicas", 0, 201, ""),
    ],
)
def test_jobsets_are_checked_by_the_webhooks(
    side: Side, namespace: str, path: str, value: object, status: int, message: str
) -> None:
    code, answer = side.apply(put(make_jobset(namespace), path, value), dryRun="All")
    assert code == status, answer
    assert message in answer.get("message", "")


def test_a_name_too_long_is_said_for_jobs_and_pods(side: Side, namespace: str) -> None:
    code, answer = side.apply(put(make_jobset(namespace), "metadata.name", "x" * 60))
    assert code == 422
    for what in ("job", "pod"):
        words = f"JobSet name is too long, {what} names generated for this JobSet will exceed 63 characters"
        assert words in answer["message"]
    assert answer["details"]["causes"][0]["field"] == "spec.replicatedJobs[0].name"


def test_a_wrong_restart_policy_shows_only_when_jobs_are_made(side: Side, namespace: str) -> None:
    body = put(make_jobset(namespace), f"{RJOB}.template.spec.template.spec.restartPolicy", "Sometimes")
    with side.world.running(body):

        def said() -> list[str]:
            found = side.kube.list(f"/api/v1/namespaces/{namespace}/events")
            return [item["message"] for item in found if item["reason"] == "JobCreationFailed"]

        side.wait(lambda: bool(said()), "an event about the Job", 120)
        message = said()[0]
    job = r'"w1-slice-job-[01]"'  # which of the two is said first is chance
    assert re.match(f"job {job} creation failed with error: Job.batch {job} is invalid", message), message
    assert 'supported values: "OnFailure", "Never"' in message


@pytest.mark.parametrize(
    ("path", "value", "status"),
    [
        ("spec.ttlSecondsAfterFinished", 60, 200),
        ("metadata.labels", {"kueue.x-k8s.io/queue-name": "multislice-queue", "a": "b"}, 200),
        (f"{RJOB}.replicas", 3, 422),
        (f"{CONTAINER}.image", "example.test/train:v2", 422),
        ("spec.failurePolicy.maxRestarts", 9, 422),
    ],
)
def test_a_running_jobset_stays_as_it_is(
    side: Side, namespace: str, path: str, value: object, status: int
) -> None:
    jobset = make_jobset(namespace, max_restarts=3)
    with side.world.running(jobset):
        code, answer = side.apply(put(jobset, path, value))
    assert code == status, answer
    if status == 422:
        assert "immutable" in answer["message"]


def test_a_webhook_must_answer(side: Side, namespace: str) -> None:
    """One that concerns this namespace only, so that nothing else waits for it."""
    service = {"name": "nobody", "namespace": namespace, "path": "/mutate"}
    webhook = {
        "name": "nobody.example.com",
        "clientConfig": {"service": service},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    assert send(side, "POST", path, {"metadata": {"name": "w"}, "webhooks": [webhook]}).status == 201
    answers: list[Json] = []

    def refused() -> bool:
        code, answer = side.apply(config_map(namespace, "late"), dryRun="All")
        answers.append(answer)
        return code == 500

    try:
        side.wait(refused, "the webhook is asked", 120)
    finally:
        side.kube.delete(f"{path}/w", propagation="Background")
    assert answers[-1]["reason"] == "InternalError"
    text = (
        'Internal error occurred: failed calling webhook "nobody.example.com": failed to call webhook: Post '
    )
    assert answers[-1]["message"].startswith(
        f'{text}"https://nobody.{namespace}.svc:443/mutate?timeout=10s": service "nobody" not found'
    )
    side.wait(lambda: side.apply(config_map(namespace, "late"))[0] == 201, "nobody asked any more", 120)


def test_a_jobset_without_a_queue_is_not_held(side: Side, namespace: str) -> None:
    jobset = make_jobset(namespace)
    del jobset["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    code, made = side.apply(jobset, dryRun="All")
    assert code == 201
    assert made["spec"].get("suspend", False) is False
    assert JOBSETS.format(namespace) == side.kube.path_of(jobset).rpartition("/")[0]
