"""What an API server refuses, in words: each refusal as the class that the engine acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xpk.cloud.errors import Conflict, FieldConflict, KindNotServed, NotFound, WebhookNotReady
from xpk.cloud.kube import Kube
from xpk.errors import AccessError, CloudError, QuotaError, StateError, XpkError

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n"}}


def status(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    return body | ({"reason": reason} if reason else {}) | ({"details": details} if details else {})


def test_fields_of_another_manager_are_named(kube: Kube, fake: FakeServer) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.a"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "helm" using v1', "field": ".data.b"},
    ]
    fake.answer(409, status(409, "Conflict", "Apply failed with 2 conflicts", {"causes": causes}))
    with pytest.raises(FieldConflict) as caught:
        kube.apply(CONFIG_MAP)
    assert caught.value.fields == (".data.a", ".data.b")
    assert caught.value.managers == ("kubectl", "helm")
    assert caught.value.faults[0].why == "kubectl, helm owns .data.a, .data.b"
    assert caught.value.faults[0].what == "apply ConfigMap n/m"


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (
            500,
            status(
                500,
                "",
                "failed to create typed patch object (n/m; /v1, ...): .dta: field not declared in schema",
            ),
            StateError,
            "has no field .dta",
        ),
        (
            400,
            status(
                400,
                "BadRequest",
                'ConfigMap in version "v1" cannot be handled: strict decoding error: unknown field "spec.x"',
            ),
            StateError,
            "has no field spec.x",
        ),
        (
            500,
            status(
                500,
                "InternalError",
                'Internal error occurred: failed calling webhook "mjobset.kb.io": '
                "failed to call webhook: no endpoints available for service",
            ),
            WebhookNotReady,
            "no endpoints",
        ),
        (
            422,
            status(
                422,
                "Invalid",
                "JobSet is invalid",
                {"causes": [{"field": "spec.replicatedJobs", "message": "field is immutable"}]},
            ),
            StateError,
            "spec.replicatedJobs: field is immutable",
        ),
        (
            403,
            status(403, "Forbidden", 'configmaps "m" is forbidden: User "x" cannot patch'),
            AccessError,
            "not allowed to apply ConfigMap n/m",
        ),
        (403, status(403, "Forbidden", "exceeded quota: pods, requested: 1"), QuotaError, "exceeded quota"),
        (
            403,
            status(
                403, "Forbidden", "unable to create new content in namespace n because it is being terminated"
            ),
            Conflict,
            "being terminated",
        ),
        (401, status(401, "Unauthorized", "Unauthorized"), AccessError, "did not accept the credentials"),
        (
            403,
            status(
                403, "Forbidden", 'admission webhook "vjobset.kb.io" denied the request: subdomain too long'
            ),
            StateError,
            "subdomain too long",
        ),
        (404, b"404 page not found\n", KindNotServed, "does not serve this kind"),
        (
            404,
            status(404, "NotFound", 'namespaces "n" not found', {"name": "n", "kind": "namespaces"}),
            NotFound,
            "namespaces",
        ),
        (
            403,
            {
                "error": {
                    "code": 403,
                    "message": "Permission container.clusters.connect denied",
                    "status": "X",
                }
            },
            AccessError,
            r"container\.clusters\.connect",
        ),
        (400, status(400, "BadRequest", "no"), CloudError, r"\(400\): no"),
        (302, b"", CloudError, r"\(302\)"),
    ],
)
def test_a_refusal_is_told_apart(
    kube: Kube, fake: FakeServer, code: int, body: Any, kind: type[XpkError], words: str
) -> None:
    fake.answer(code, body, headers={"Location": "http://example.com/"} if code == 302 else {})
    with pytest.raises(kind, match=words) as caught:
        kube.apply(CONFIG_MAP)
    assert type(caught.value) is kind
    assert caught.value.faults[0].fix
    assert len(fake.requests) == 1


def test_a_conflict_of_the_moment_passes_and_a_lasting_one_is_told(kube: Kube, fake: FakeServer) -> None:
    modified = status(409, "Conflict", "the object has been modified")
    fake.answer(409, modified)
    fake.answer(200, CONFIG_MAP)
    assert kube.apply(CONFIG_MAP)["kind"] == "ConfigMap"
    for _ in range(5):
        fake.answer(409, modified)
    with pytest.raises(Conflict, match="modified") as caught:
        kube.apply(CONFIG_MAP)
    assert type(caught.value) is Conflict
    assert len(fake.requests) == 2 + 5


def test_a_missing_right_is_told_in_rbacs_words_with_who_can_give_it(kube: Kube, fake: FakeServer) -> None:
    why = 'configmaps "m" is forbidden: User "x" cannot patch resource "configmaps" in the namespace "n"'
    fake.answer(403, status(403, "Forbidden", why))
    with pytest.raises(AccessError) as caught:
        kube.apply(CONFIG_MAP)
    (fault,) = caught.value.faults
    assert (fault.what, fault.why) == ("apply ConfigMap n/m", why)
    assert "docs/rbac.yaml" in fault.fix
    assert "roles/container.admin" in fault.fix


@pytest.mark.parametrize(
    ("resource", "verb"),
    [("clusterroles", "escalate"), ("rolebindings", "bind"), ("clusterrolebindings", "bind")],
)
def test_who_may_not_give_rights_is_told_the_verb_and_not_each_rule(
    kube: Kube, fake: FakeServer, resource: str, verb: str
) -> None:
    head = f'{resource}.rbac.authorization.k8s.io "m" is forbidden: user "x" is attempting to grant RBAC '
    rules = "permissions not currently held:\n{APIGroups:[apps], Resources:[daemonsets], Verbs:[list]}"
    fake.answer(403, status(403, "Forbidden", head + rules))
    with pytest.raises(AccessError) as caught:
        kube.apply(CONFIG_MAP)
    (fault,) = caught.value.faults
    assert fault.why == f"{head}permissions not currently held"
    assert f"the verb {verb} on clusterroles and roles" in fault.fix
    assert "docs/rbac.yaml" in fault.fix
