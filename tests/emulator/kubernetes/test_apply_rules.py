"""Server-side apply: who owns what, what a conflict says, and when nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

Json = dict[str, Any]


def config_map(**data: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "default"},
        "data": data,
    }


def deployment(*containers: Json, **spec: object) -> Json:
    labels = {"app": "d"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    body = {"selector": {"matchLabels": labels}, "template": template, **spec}
    meta = {"name": "d", "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": body}


def container(name: str, **rest: object) -> Json:
    return {"name": name, "image": "example.test/i:1", **rest}


def owners(obj: Json) -> dict[str, Json]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def test_first_apply_creates_and_the_same_again_writes_nothing(rig: Any) -> None:
    first = rig.apply(config_map(x="1"))
    again = rig.apply(config_map(x="1"))
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert owners(first.body) == {"xpk": {"f:data": {"f:x": {}}}}


def test_what_is_no_longer_applied_goes_unless_another_owns_it(rig: Any) -> None:
    rig.apply(config_map(mine="1", shared="1"))
    rig.apply(config_map(shared="1"), manager="other")
    rig.apply(config_map(new="1"))
    found = rig.get("ConfigMap", "c")
    assert found["data"] == {"new": "1", "shared": "1"}
    assert set(owners(found)) == {"xpk", "other"}


def test_another_managers_value_is_a_conflict_until_forced(rig: Any) -> None:
    rig.apply(config_map(x="1"), manager="other")
    refused = rig.apply(config_map(x="2"))
    assert refused.status == 409
    assert refused.body["reason"] == "Conflict"
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "other": .data.x'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "other"', "field": ".data.x"}
    assert refused.body["details"]["causes"] == [cause]
    assert rig.get("ConfigMap", "c")["data"] == {"x": "1"}
    for word in ("true", "True"):
        assert rig.apply(config_map(x=word), f"&force={word}").status == 200
    assert owners(rig.get("ConfigMap", "c")) == {"xpk": {"f:data": {"f:x": {}}}}


def test_the_same_value_from_another_manager_is_shared(rig: Any) -> None:
    rig.apply(config_map(x="1"), manager="other")
    assert rig.apply(config_map(x="1")).status == 200
    assert set(owners(rig.get("ConfigMap", "c"))) == {"xpk", "other"}


def test_a_plain_write_owns_what_it_changed_and_says_when(rig: Any) -> None:
    rig.apply(config_map(x="1", y="1"))
    patched = rig.call(
        "PATCH",
        "/api/v1/namespaces/default/configmaps/c?fieldManager=kubectl-edit",
        {"data": {"x": "2"}},
        {"content-type": "application/merge-patch+json"},
    )
    assert patched.body["data"] == {"x": "2", "y": "1"}
    refused = rig.apply(config_map(x="1", y="1"))
    assert refused.status == 409
    assert 'conflict with "kubectl-edit" using v1 at 2027-' in refused.body["message"]
    assert refused.body["details"]["causes"][0]["field"] == ".data.x"


def test_several_conflicts_are_listed_by_manager(rig: Any) -> None:
    rig.apply(config_map(x="1", y="1"), manager="other")
    refused = rig.apply(config_map(x="2", y="2"))
    text = 'Apply failed with 2 conflicts: conflicts with "other":\n- .data.x\n- .data.y'
    assert refused.body["message"] == text


def test_containers_merge_by_name_and_their_fields_too(rig: Any) -> None:
    rig.apply(deployment(container("a", env=[{"name": "A", "value": "1"}])))
    other = deployment({"name": "a", "env": [{"name": "B", "value": "2"}]}, container("b"))
    rig.apply(other, manager="other")
    found = rig.get("Deployment", "d")["spec"]["template"]["spec"]["containers"]
    assert [item["name"] for item in found] == ["a", "b"]
    assert found[0]["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert found[0]["image"] == "example.test/i:1"


def test_the_path_of_a_conflict_in_a_list_names_the_item(rig: Any) -> None:
    rig.apply(deployment(container("a")), manager="other")
    changed = container("a") | {"image": "example.test/i:2"}
    refused = rig.apply(deployment(changed))
    field = '.spec.template.spec.containers[name="a"].image'
    assert refused.body["details"]["causes"][0]["field"] == field


def test_an_item_that_is_no_longer_applied_goes(rig: Any) -> None:
    rig.apply(deployment(container("a"), container("b")))
    rig.apply(deployment(container("a")))
    found = rig.get("Deployment", "d")["spec"]["template"]["spec"]["containers"]
    assert [item["name"] for item in found] == ["a"]


def test_an_atomic_list_is_replaced_whole(rig: Any) -> None:
    rig.apply(deployment(container("a", args=["1", "2"])))
    rig.apply(deployment(container("a", args=["3"])))
    assert rig.get("Deployment", "d")["spec"]["template"]["spec"]["containers"][0]["args"] == ["3"]


def test_a_number_for_a_quantity_is_the_same_as_its_text(rig: Any) -> None:
    limits = {"resources": {"limits": {"google.com/tpu": 4}}}
    first = rig.apply(deployment(container("a", **limits)))
    kept = first.body["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert kept == {"google.com/tpu": "4"}
    version = rig.get("Deployment", "d")["metadata"]["resourceVersion"]
    again = rig.apply(deployment(container("a", **limits)))
    assert again.body["metadata"]["resourceVersion"] == version


def test_status_is_not_applied_through_the_main_path(rig: Any) -> None:
    rig.apply(deployment(container("a")) | {"status": {"replicas": 7}})
    assert "replicas" not in owners(rig.get("Deployment", "d"))["xpk"]
    assert rig.get("Deployment", "d").get("status", {}).get("availableReplicas", 0) == 0


def test_a_dry_run_answers_and_stores_nothing(rig: Any) -> None:
    assert rig.apply(config_map(x="1"), "&dryRun=All").status == 201
    assert rig.gone("ConfigMap", "c")
    rig.apply(config_map(x="1"))
    assert rig.apply(config_map(x="2"), "&dryRun=All").body["data"] == {"x": "2"}
    assert rig.get("ConfigMap", "c")["data"] == {"x": "1"}


def test_generation_counts_changes_of_the_spec_only(rig: Any) -> None:
    rig.apply(deployment(container("a")))
    relabelled = deployment(container("a"))
    relabelled["metadata"]["labels"] = {"l": "1"}
    rig.apply(relabelled)
    assert rig.get("Deployment", "d")["metadata"]["generation"] == 1
    rig.apply(deployment(container("a"), replicas=2))
    assert rig.get("Deployment", "d")["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("query", "body", "status", "words"),
    [
        ("", config_map(x="1"), 400, "fieldManager"),
        ("fieldManager=a", config_map(x="1") | {"kind": "Secret"}, 400, "does not match"),
        ("fieldManager=a&force=maybe", config_map(x="1"), 400, "ParseBool"),
        ("fieldManager=a&dryRun=Some", config_map(x="1"), 400, "dryRun"),
    ],
)
def test_requests_that_cannot_be_read(rig: Any, query: str, body: Json, status: int, words: str) -> None:
    headers = {"content-type": "application/apply-patch+yaml"}
    response = rig.call("PATCH", f"/api/v1/namespaces/default/configmaps/c?{query}", body, headers)
    assert response.status == status
    assert words in response.body["message"]
