"""What a dry run prints, read by Kubernetes' own YAML reader, as `kubectl apply -f -` reads it.

The printed text goes to the API server as it is. That our reader and Kubernetes' agree is not given:
they are two programs, and YAML has many corners.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.jobs import jobs_of
from tests.controlplane.manifests import collection
from xpk.catalog.slices import resolve
from xpk.cli.main import root
from xpk.plan.document import manifests_of, yaml_stream
from xpk.plan.observed import Observed
from xpk.plan.workload import plan_workload
from xpk.spec.cluster import parse_place
from xpk.spec.environment import EnvVar
from xpk.spec.restarts import restart_policy
from xpk.spec.workload import WorkloadSpec

pytestmark = [pytest.mark.xdist_group("controlplane"), pytest.mark.slow]

Json = dict[str, Any]
LINES: list[list[str]] = json.loads(
    (Path(__file__).parent.parent / "cli" / "commands_sample.json").read_text(encoding="utf-8")
)
CREATES = [line[1:] for line in LINES if line[1:3] in (["cluster", "create"], ["workload", "create"])]
_IMAGE_BUILT = ("--base-docker-image", "--script-dir")
_HARMLESS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)


def documents(text: str) -> Iterator[str]:
    """The YAML documents of a stream, comments left out as far as they stand between documents."""
    for block in re.split(r"^---$", text, flags=re.MULTILINE)[1:]:
        yield block.strip("\n") + "\n"


def apply_text(plane: ControlPlane, text: str) -> Json:
    """The object as the server reads it from a text, checked strictly and not stored."""
    kind, name = (_field(text, field) for field in ("kind", "name"))
    namespace = _field(text, "namespace") if re.search(r"^  namespace: ", text, re.MULTILINE) else ""
    head = {"apiVersion": _field(text, "apiVersion"), "kind": kind, "metadata": {"namespace": namespace}}
    if namespace:
        plane.has_namespace(namespace)
    query = {"fieldManager": "kubectl", "fieldValidation": "Strict", "dryRun": "All", "force": "true"}
    path = f"{collection(head)}/{name}"
    return plane.api.request("PATCH", path, text, query=query, content_type="application/apply-patch+yaml")


def check_jobs(plane: ControlPlane, jobset: Json) -> None:
    """Have the server check the Jobs that this JobSet would get."""
    for job in jobs_of(jobset):
        plane.api.request("POST", collection(job), job, query={"dryRun": "All"})


def container(jobset: Json) -> Json:
    """The one container of a JobSet's pods."""
    pod = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    found: Json = pod["containers"][0]
    return found


LOOKALIKES = (
    *(
        "y",
        "Y",
        "n",
        "N",
        "yes",
        "No",
        "on",
        "OFF",
        "true",
        "~",
        "null",
        "NULL",
        "",
        " ",
        "=",
        "<<",
        "-",
        "---",
    ),
    *(
        "0",
        "-1",
        "+1",
        "007",
        "08",
        "0o17",
        "0b11",
        "0x1F",
        "1_000",
        "1e3",
        "1E3",
        "1.",
        ".5",
        "1e",
        "12:30:00",
    ),
    *(
        "2001-01-01",
        "2001-01-01T00:00:00Z",
        ".inf",
        "-.Inf",
        ".nan",
        "1,2",
        "{}",
        "[]",
        "!x",
        "&x",
        "*x",
        "%x",
    ),
    *("a: b", "a #b", "# a", "'a'", '"a"', "a\nb", "a\n", "\ta", "a ", "\ufeffa", "\u2028", "\U0001f600"),
)
"""Texts that a reader of YAML takes for something else when they are not quoted."""


@pytest.mark.parametrize("value", LOOKALIKES, ids=[ascii(value) for value in LOOKALIKES])
def test_a_value_is_text(value: str, control_plane: ControlPlane) -> None:
    """PyYAML and Kubernetes' reader differ in what they take for a number or a boolean."""
    check_arrival(control_plane, "true", value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=_HARMLESS.filter(str.strip), value=_HARMLESS)
def test_any_text_arrives_as_typed(command: str, value: str, control_plane: ControlPlane) -> None:
    check_arrival(control_plane, command, value)


def check_arrival(plane: ControlPlane, command: str, value: str) -> None:
    """The server reads from the printed plan what the plan holds: Kubernetes' `$$` as planned."""
    spec = WorkloadSpec(
        name="w1",
        cluster="c1",
        slice_type=resolve("v6e-16"),
        num_slices=2,
        image="gcr.io/p1/i:1",
        command=command,
        env=(EnvVar("A", value),),
        restarts=restart_policy(None, None, mtc=False),
        command_checks=False,
    )
    plan = plan_workload(spec, parse_place("p1", "us-east5-b"), Observed.nothing())
    (planned,) = [manifest for entry in plan.steps for manifest in manifests_of(entry.step)]
    (text,) = documents(yaml_stream(plan))
    stored = container(apply_text(plane, text))
    assert stored["command"] == container(planned)["command"]
    (arrived,) = [entry.get("value", "") for entry in stored["env"] if entry["name"] == "A"]
    assert arrived == next(e["value"] for e in container(planned)["env"] if e["name"] == "A")


@pytest.mark.parametrize("line", CREATES, ids=[f"{n}-{line[0]}" for n, line in enumerate(CREATES)])
def test_a_line_that_people_type(
    line: list[str],
    control_plane: ControlPlane,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    text = _dry_run(line, capsys, monkeypatch, tmp_path)
    if text is None:
        return  # refused, which tests/cli explains line by line
    found = list(documents(text))
    assert found
    for document in found:
        stored = apply_text(control_plane, document)
        if stored["kind"] == "JobSet":
            check_jobs(control_plane, stored)


def test_most_lines_print_something(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    printed = [line for line in CREATES if _dry_run(line, capsys, monkeypatch, tmp_path) is not None]
    assert len(printed) > 60


def _dry_run(
    line: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> str | None:
    """What the command prints, or None where it refuses the line."""
    monkeypatch.setattr(gc, "disable", lambda: None)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "my-project")
    monkeypatch.setenv("CLOUDSDK_COMPUTE_ZONE", "us-east5-b")
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        root.main([*_with_image(line), "--dry-run"])
    out = capsys.readouterr().out
    assert ended.value.code in (0, 2)
    return out if ended.value.code == 0 else None


def _with_image(line: list[str]) -> list[str]:
    """No image is built here: flags that have one built are replaced by an image."""
    words: list[str] = []
    skip = False
    for word in line:
        name, equals, _ = word.partition("=")
        if skip or name in _IMAGE_BUILT:
            skip = not skip and not equals
        else:
            words.append(word)
    if line[0] == "workload" and not any(w.startswith("--docker-image") for w in words):
        words.append("--docker-image=gcr.io/p1/i:1")
    return words


def _field(text: str, name: str) -> str:
    """The first value of a field in a text that the printer wrote: plain, at most one level deep."""
    match = re.search(rf"^(?:  )?{name}: (.*)$", text, re.MULTILINE)
    assert match is not None, f"no {name} in {text[:200]}"
    return match[1].strip("'\"")
