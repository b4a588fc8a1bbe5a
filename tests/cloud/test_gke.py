"""The GKE client against a scripted server: what is sent, what is repeated, what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from xpk.cloud.credentials import anonymous
from xpk.cloud.endpoints import emulated
from xpk.cloud.errors import AlreadyExists, Ambiguous, NotFound, OperationInProgress, TooManyOperations
from xpk.cloud.gke import Gke
from xpk.cloud.retry import Retrier
from xpk.errors import (
    AccessError,
    CloudError,
    QuotaError,
    StateError,
    StockoutError,
    UnreachableError,
    UsageError,
    XpkError,
)

if TYPE_CHECKING:
    from tests.cloud.conftest import FakeServer, FakeTime

LOCATION = "projects/p/locations/us-east5"
CLUSTER = f"{LOCATION}/clusters/c"
CREATE = ("POST", f"/v1/{LOCATION}/clusters", {"cluster": {"name": "c"}})


def error_body(code: int, status: str, message: str, details: list[Any] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": details or []}}


@pytest.fixture
def gke(fake: FakeServer, retrier: Retrier) -> Iterator[Gke]:
    client = Gke(fake.endpoints, anonymous(), retrier=retrier, timeout=5)
    yield client
    client.close()


def test_a_cluster_is_camel_case_json_with_enum_names_and_without_defaults(
    gke: Gke, fake: FakeServer
) -> None:
    fake.answer(
        body={
            "name": "c",
            "status": 2,
            "currentMasterVersion": "1.33.5-gke.1201000",
            "unknownToThisClient": {"x": 1},
            "nodePools": [{"name": "c-np-0", "initialNodeCount": 0, "status": "RUNNING"}],
        }
    )
    assert gke.get_cluster(CLUSTER) == {
        "name": "c",
        "status": "RUNNING",
        "currentMasterVersion": "1.33.5-gke.1201000",
        "nodePools": [{"name": "c-np-0", "status": "RUNNING"}],
    }
    assert fake.seen == [f"GET /v1/{CLUSTER}"]


def test_nothing_secret_is_sent_to_an_emulator(gke: Gke, fake: FakeServer) -> None:
    fake.answer(body={"name": "c"})
    gke.get_cluster(CLUSTER)
    assert "Authorization" not in fake.requests[0].headers


def test_a_missing_cluster_is_none(gke: Gke, fake: FakeServer) -> None:
    fake.answer(404, error_body(404, "NOT_FOUND", "Not found"))
    assert gke.get_cluster(CLUSTER) is None


def test_the_beta_field_is_read_from_the_beta_api(gke: Gke, fake: FakeServer) -> None:
    pool = {"name": "n", "config": {"hostMaintenancePolicy": {"maintenanceInterval": "PERIODIC"}}}
    fake.answer(body={"name": "c", "nodePools": [pool]})
    assert gke.get_cluster("v1beta1/" + CLUSTER) == {"name": "c", "nodePools": [pool]}
    assert fake.seen == [f"GET /v1beta1/{CLUSTER}"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"/v1/{LOCATION}/clusters", {"cluster": {"name": "c", "locations": ["us-east5-a"]}}),
        ("PUT", f"/v1/{CLUSTER}", {"update": {"desiredNodeVersion": "1.33"}}),
        ("DELETE", f"/v1/{CLUSTER}", None),
        ("POST", f"/v1/{CLUSTER}/nodePools", {"nodePool": {"name": "c-np-0", "initialNodeCount": 16}}),
        ("PUT", f"/v1/{CLUSTER}/nodePools/c-np-0", {"imageType": "COS_CONTAINERD"}),
        ("DELETE", f"/v1/{CLUSTER}/nodePools/c-np-0", None),
        ("POST", f"/v1/{CLUSTER}/nodePools/c-np-0:setSize", {"nodeCount": 3}),
        ("POST", f"/v1beta1/{CLUSTER}/nodePools", {"nodePool": {"name": "c-np-0", "initialNodeCount": 16}}),
    ],
)
def test_a_step_is_sent_as_it_stands(
    gke: Gke, fake: FakeServer, method: str, path: str, body: dict[str, Any] | None
) -> None:
    fake.answer(body={"name": "operation-1", "status": "RUNNING", "operationType": 1})
    assert gke.send(method, path, body)["status"] == "RUNNING"
    (request,) = fake.requests
    assert (request.method, request.path) == (method, path)
    assert (request.body or None) == body


@pytest.mark.parametrize("reply", [{"status": 503}, {"status": 500}, {"drop": True}, {"cut": True}])
def test_a_read_is_repeated(gke: Gke, fake: FakeServer, fake_time: FakeTime, reply: dict[str, Any]) -> None:
    fake.answer(**reply)
    fake.answer(**reply)
    fake.answer(body={"name": "c"})
    assert gke.get_cluster(CLUSTER) == {"name": "c"}
    assert len(fake.requests) == 3
    assert len(fake_time.sleeps) == 2


def test_a_read_is_given_up_at_last(gke: Gke, fake: FakeServer) -> None:
    for _ in range(9):
        fake.answer(503, error_body(503, "UNAVAILABLE", "try later"))
    with pytest.raises(UnreachableError, match="503: try later") as caught:
        gke.get_cluster(CLUSTER)
    assert not isinstance(caught.value, Ambiguous)
    assert len(fake.requests) == 5


def test_retry_after_is_obeyed(gke: Gke, fake: FakeServer, fake_time: FakeTime) -> None:
    fake.answer(429, error_body(429, "RESOURCE_EXHAUSTED", "Quota of reads"), headers={"Retry-After": "17"})
    fake.answer(body={"name": "c"})
    gke.get_cluster(CLUSTER)
    assert fake_time.sleeps == [17.0]


@pytest.mark.parametrize(
    "reply",
    [{"status": 503}, {"status": 500}, {"status": 504}, {"drop": True}, {"cut": True}, {"body": b'{"na'}],
)
def test_a_write_without_a_clear_answer_is_ambiguous_and_not_repeated(
    gke: Gke, fake: FakeServer, reply: dict[str, Any]
) -> None:
    fake.answer(**reply)
    with pytest.raises(Ambiguous, match="may have been carried out"):
        gke.send(*CREATE)
    assert len(fake.requests) == 1


def test_a_write_refused_for_its_rate_is_repeated(gke: Gke, fake: FakeServer) -> None:
    fake.answer(
        429, error_body(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Write requests'")
    )
    fake.answer(body={"name": "operation-1"})
    assert gke.send(*CREATE) == {"name": "operation-1"}


def test_a_write_to_nobody_was_not_carried_out(retrier: Retrier, fake_time: FakeTime) -> None:
    gke = Gke(emulated("http://127.0.0.1:9"), anonymous(), retrier=retrier)
    with pytest.raises(UnreachableError, match=r"no connection to 127\.0\.0\.1:9 could") as caught:
        gke.send(*CREATE)
    assert not isinstance(caught.value, Ambiguous)
    assert len(fake_time.sleeps) == 4
    gke.close()


@pytest.mark.parametrize(
    ("status", "reason", "message", "kind"),
    [
        (
            400,
            "FAILED_PRECONDITION",
            "Cluster is running incompatible operation operation-1.",
            OperationInProgress,
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "Operation op-1 is currently upgrading cluster c. Please wait and try again once it is done.",
            OperationInProgress,
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "Cluster is currently being created, deleted, updated or repaired and cannot be updated.",
            OperationInProgress,
        ),
        (400, "FAILED_PRECONDITION", "Workload Identity is not enabled.", StateError),
        (
            400,
            "INVALID_ARGUMENT",
            "Auto_upgrade cannot be false when release_channel REGULAR is set.",
            CloudError,
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            'Too many operations: cluster "c" hits the concurrent operations quota 5, please try again.',
            TooManyOperations,
        ),
        (
            403,
            "PERMISSION_DENIED",
            'Insufficient regional quota to satisfy request: resource "CPUS"',
            QuotaError,
        ),
        (403, "PERMISSION_DENIED", "Required container.clusters.create permission", AccessError),
        (409, "ALREADY_EXISTS", f"Already exists: {CLUSTER}.", AlreadyExists),
        (404, "NOT_FOUND", f"Not found: {CLUSTER}.", NotFound),
        (501, "UNIMPLEMENTED", "no such route", CloudError),
    ],
)
def test_a_refusal_is_told_apart(
    gke: Gke, fake: FakeServer, status: int, reason: str, message: str, kind: type[XpkError]
) -> None:
    fake.answer(status, error_body(status, reason, message))
    with pytest.raises(kind) as caught:
        gke.send(*CREATE)
    assert type(caught.value) is kind
    assert message.rstrip(".")[:40] in caught.value.faults[0].why
    assert caught.value.faults[0].what == f"create cluster c in {LOCATION}"
    assert caught.value.faults[0].fix
    assert len(fake.requests) == 1


def test_rejected_credentials_name_the_login(gke: Gke, fake: FakeServer) -> None:
    fake.answer(401, error_body(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))
    with pytest.raises(AccessError) as caught:
        gke.send(*CREATE)
    assert caught.value.faults[0].fix == "gcloud auth application-default login"


def test_a_stockout_at_request_time(gke: Gke, fake: FakeServer) -> None:
    fake.answer(400, error_body(400, "FAILED_PRECONDITION", "[GCE_STOCKOUT]: no machines"))
    with pytest.raises(StockoutError):
        gke.send(*CREATE)


def test_a_disabled_api_names_the_command(gke: Gke, fake: FakeServer) -> None:
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "metadata": {"service": "container.googleapis.com"},
    }
    fake.answer(403, error_body(403, "PERMISSION_DENIED", "API has not been used", [detail]))
    with pytest.raises(AccessError) as caught:
        gke.get_cluster(CLUSTER)
    assert caught.value.faults[0].fix == "gcloud services enable container.googleapis.com"


def test_a_message_of_the_server_cannot_steer_a_terminal(gke: Gke, fake: FakeServer) -> None:
    fake.answer(400, error_body(400, "INVALID_ARGUMENT", "bad\x1b[2J\u202ename\r\nsecond " + "x" * 5000))
    with pytest.raises(CloudError) as caught:
        gke.send(*CREATE)
    why = caught.value.faults[0].why
    assert why.isprintable()
    assert "bad [2J name second" in why
    assert len(why) <= 700


def test_a_load_balancers_page_is_readable(gke: Gke, fake: FakeServer) -> None:
    page = b"<html><title>403</title><body><b>Access</b> denied</body></html>"
    fake.answer(403, page, headers={"Content-Type": "text/html"})
    with pytest.raises(AccessError, match="403 Access denied"):
        gke.get_cluster(CLUSTER)


def test_a_bad_variable_of_googles_client_is_a_fault(gke: Gke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "sometimes")
    with pytest.raises(UsageError, match="GOOGLE_API_USE_MTLS_ENDPOINT"):
        gke.get_cluster(CLUSTER)


def test_lists(gke: Gke, fake: FakeServer) -> None:
    fake.answer(body={"clusters": [{"name": "a"}, {"name": "b"}], "missingZones": ["us-east5-b"]})
    fake.answer(
        body={"operations": [{"name": "operation-1", "status": 3, "error": {"code": 8, "message": "m"}}]}
    )
    fake.answer(body={"channels": [{"channel": 2, "validVersions": ["1.33.5-gke.1201000"]}]})
    assert gke.list_clusters("projects/p/locations/-") == [{"name": "a"}, {"name": "b"}]
    assert gke.list_operations(LOCATION) == [
        {"name": "operation-1", "status": "DONE", "error": {"code": 8, "message": "m"}}
    ]
    assert gke.server_config(LOCATION) == {
        "channels": [{"channel": "REGULAR", "validVersions": ["1.33.5-gke.1201000"]}]
    }
    assert fake.seen[2] == f"GET /v1/{LOCATION}/serverConfig"
    assert gke.warnings == ["GKE has no answer for us-east5-b now; what is there is not listed"]


def test_of_a_long_list_only_what_is_wanted_is_read(gke: Gke, fake: FakeServer) -> None:
    found = [{"name": f"operation-{number}", "status": "DONE", "unknown": {}} for number in range(3)]
    fake.answer(body={"operations": found, "missingZones": ["us-east5-b"]})
    fake.answer(body={})
    wanted = gke.list_operations(LOCATION, lambda operation: operation["name"] == "operation-1")
    assert wanted == [{"name": "operation-1", "status": "DONE"}]
    assert gke.warnings == ["GKE has no answer for us-east5-b now; what is there is not listed"]
    assert gke.list_operations(LOCATION) == []
    assert fake.seen == [f"GET /v1/{LOCATION}/operations"] * 2


@pytest.mark.parametrize("body", [{"operations": [7]}, {"operations": 7}, {"operations": [{"error": 7}]}])
def test_a_list_of_operations_that_is_none(gke: Gke, fake: FakeServer, body: dict[str, Any]) -> None:
    fake.answer(body=body)
    with pytest.raises(UnreachableError, match="not a list of operations"):
        gke.list_operations(LOCATION, lambda operation: operation.get("status") != "DONE")


def test_an_operation_that_is_gone_is_an_error(gke: Gke, fake: FakeServer) -> None:
    fake.answer(404, error_body(404, "NOT_FOUND", "Not found: operation"))
    with pytest.raises(NotFound):
        gke.get_operation(f"{LOCATION}/operations/operation-1")


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(gke: Gke, fake: FakeServer, status: int) -> None:
    for _ in range(2):
        fake.answer(status, headers={"Location": fake.url + "/elsewhere"})
    with pytest.raises(UnreachableError, match="leads to another address"):
        gke.get_cluster(CLUSTER)
    with pytest.raises(UnreachableError, match="leads to another address"):
        gke.send(*CREATE)
    assert fake.seen == [f"GET /v1/{CLUSTER}", f"POST /v1/{LOCATION}/clusters"]
