"""Texts of any kind arrive as typed: as printed by a dry run, and through xpk's own client."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given

from tests.controlplane import texts
from tests.controlplane.api import Json, Refused
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.manifests import collection
from tests.controlplane.specs import workload
from tests.controlplane.taker import APPLY, Taker, documents, path_of
from xpk.cloud.kube import Kube
from xpk.errors import UsageError
from xpk.plan.document import manifests_of, yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.steps import Plan
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.environment import parse_env
from xpk.spec.names import check_workload_name, longest_workload_name

pytestmark = [pytest.mark.xdist_group("controlplane-program"), pytest.mark.slow]


@pytest.fixture(scope="module")
def namespace(control_plane: ControlPlane) -> str:
    """A namespace without a queue: what is stored in it never starts."""
    return control_plane.new_namespace("texts")


def planned(namespace: str, command: str, env: dict[str, str]) -> tuple[Plan, Json]:
    """A workload's plan and its JobSet; before it may come the namespace's entrance to the queue."""
    spec = workload(
        "v6e-16",
        name=texts.new_name(),
        namespace=namespace,
        command=command,
        env=parse_env([f"{name}={value}" for name, value in env.items()]),
    )
    plan = plan_workload(spec, parse_place("p1", "us-east5-b"), Observed.nothing())
    *_, jobset = [manifest for entry in plan.steps for manifest in manifests_of(entry.step)]
    return plan, jobset


@texts.SAME_EACH_TIME
@example(command="true", env=texts.EVERYTHING)
@given(command=texts.COMMANDS, env=texts.ENVIRONMENTS)
def test_any_printed_text_is_stored_as_typed(
    command: str, env: dict[str, str], control_plane: ControlPlane, namespace: str
) -> None:
    plan, jobset = planned(namespace, command, env)
    *_, text = documents(yaml_stream(plan))
    Taker(control_plane).take("text", text)
    path = path_of(control_plane, text)
    query = {"fieldManager": "kubectl", "fieldValidation": "Strict"}
    control_plane.api.request("PATCH", path, text, query=query, content_type=APPLY)
    texts.check_stored(control_plane, path, jobset, command, env)


@texts.SAME_EACH_TIME
@example(command="true", env=texts.EVERYTHING)
@given(command=texts.COMMANDS, env=texts.ENVIRONMENTS)
def test_any_text_that_the_client_sends_is_stored_as_typed(
    command: str, env: dict[str, str], control_plane: ControlPlane, kube: Kube, namespace: str
) -> None:
    _, jobset = planned(namespace, command, env)
    kube.apply(jobset)
    texts.check_stored(control_plane, kube.path_of(jobset), jobset, command, env)


@pytest.mark.parametrize("piece", texts.PIECES, ids=[ascii(piece) for piece in texts.PIECES])
def test_a_command_around_any_piece_is_stored_as_typed(
    piece: str, control_plane: ControlPlane, kube: Kube, namespace: str
) -> None:
    command = f"echo a{piece}b {piece}{piece} {piece}"
    _, jobset = planned(namespace, command, {})
    kube.apply(jobset)
    texts.check_stored(control_plane, kube.path_of(jobset), jobset, command, {})


@texts.SAME_EACH_TIME
@example(name="w" * longest_workload_name(2, 4))
@example(name="w" * (longest_workload_name(2, 4) + 1))
@given(name=texts.NAMES)
def test_a_name_is_refused_by_us_exactly_where_jobset_refuses_it(
    name: str, control_plane: ControlPlane, namespace: str
) -> None:
    _, jobset = planned(namespace, "true", {})
    known = jobset["metadata"]["name"]
    renamed = json.loads(json.dumps(jobset).replace(json.dumps(known), json.dumps(name)))
    try:
        check_workload_name(name, 2, 4)
    except UsageError:
        with pytest.raises(Refused) as caught:
            send(control_plane, renamed)
        assert "too long" in str(caught.value)
    else:
        assert send(control_plane, renamed)["metadata"]["name"] == name


def send(plane: ControlPlane, manifest: Json) -> Json:
    """Have it checked."""
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    return plane.api.request("POST", collection(manifest), manifest, query=query)
