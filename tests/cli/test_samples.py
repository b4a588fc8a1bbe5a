"""Lines that people really type, from public documents and scripts: planned, or refused for a listed reason.

`commands_sample.json` holds the words of 140 lines, names and numbers changed. Flags that have an
image built are replaced by `--docker-image` first, since no image is built here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Xpk = Callable[..., "subprocess.CompletedProcess[str]"]

LINES: list[list[str]] = json.loads(
    (Path(__file__).parent / "commands_sample.json").read_text(encoding="utf-8")
)
_BUILDING = ("--base-docker-image", "--script-dir")

REASONS: dict[str, str] = {
    "--create-vertex-tensorboard": "this program makes no Vertex AI Tensorboard",
    "--use-vertex-tensorboard": "this program sets up no Vertex AI Tensorboard",
    "--tensorboard-region": "this program makes no Vertex AI Tensorboard",
    "--tensorboard-name": "this program makes no Vertex AI Tensorboard",
    "--experiment-name": "this program sets up no Vertex AI Tensorboard",
    "--debug-dump-gcs": "nothing is uploaded behind the trainer's back",
    "--storage": "the objects of xpk storage attach are not read",
    "--enable-autoprovisioning": "slices are node pools of their own",
    "--autoprovisioning-max-chips": "slices are node pools of their own",
    "--sub-slicing": "a slice is used as a whole here",
    "--enable-tpu-autolock": "xpk 1.16 does not have it either",
    "--restart-on-user-code-failure": "xpk 1.16 does not have it either",
    "--device-type n2-standard": "not a TPU family",
    "--reservation reservation_id": "not the name of a reservation",
    "--reservation new_reservation_id": "not the name of a reservation",
    "--num-slices 0": "a cluster needs at least one slice",
    "--mtc-enabled with --num-slices 1": "recovery copies a lost slice's checkpoint",
    "--workload Mixtral-8x7b-test": "a name has only a-z, 0-9 and -",
    "--workload user1-nap": "a name has only a-z, 0-9 and -",
    "--tpu-type:": "is missing",
    "--command:": "is missing",
    "xpk storage": "storage is attached to each workload",
    "xpk info": "queues are part of the cluster's description",
    "xpk config": "nothing is kept between runs",
    "xpk cluster cacheimage": "images are not preloaded",
    "xpk batch": "removed from xpk in 1.0",
    "xpk run": "removed from xpk in 1.0",
}
"""Why a line is refused: how its `error:` line begins, and what it says."""


def without_image_building(line: list[str]) -> list[str]:
    """The words behind `xpk`, with an image that exists instead of one that would be built."""
    words: list[str] = []
    skip = False
    for word in line[1:]:
        name, equals, _ = word.partition("=")
        if skip:
            skip = False
        elif name in _BUILDING:
            skip = not equals
        else:
            words.append(word)
    if words[:2] == ["workload", "create"] and not any(w.startswith("--docker-image") for w in words):
        words.append("--docker-image=gcr.io/p1/i:1")
    return words


@pytest.mark.parametrize("line", LINES, ids=[f"{n}-{'-'.join(line[1:3])}" for n, line in enumerate(LINES)])
def test_a_real_line(line: list[str], xpk: Xpk, project: Path, reached: type[BaseException]) -> None:
    words = without_image_building(line)
    creates = words[:2] in (["cluster", "create"], ["workload", "create"])
    try:
        done = xpk(*words, *(["--dry-run"] if creates else []))
    except reached:
        assert not creates
        return
    if done.returncode == 0:
        documents = [one for one in yaml.safe_load_all(done.stdout) if one is not None]
        assert documents
        assert all({"apiVersion", "kind", "metadata"} <= set(one) for one in documents)
        return
    assert done.returncode == 2
    assert done.stdout == ""
    faults = [text.removeprefix("error: ") for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert faults
    for fault in faults:
        known = [why for begin, why in REASONS.items() if fault.startswith(begin)]
        assert any(why in fault for why in known), fault


def test_most_lines_work_and_every_reason_is_needed(
    xpk: Xpk, project: Path, reached: type[BaseException]
) -> None:
    refused, said = 0, ""
    for line in LINES:
        try:
            done = xpk(*without_image_building(line), "--dry-run")
        except reached:
            continue
        refused += done.returncode != 0
        said += done.stderr
    assert len(LINES) == 140
    assert refused <= 42
    assert [begin for begin in REASONS if f"error: {begin}" not in said] == []


def test_a_command_arrives_unchanged(xpk: Xpk, project: Path, reached: type[BaseException]) -> None:
    """What the user typed behind `--command` stands in the manifest, whatever it holds."""
    checked = 0
    for line in LINES:
        words = without_image_building(line)
        command = next((w.removeprefix("--command=") for w in words if w.startswith("--command=")), None)
        if words[:2] != ["workload", "create"] or not command or "device-type=n2" in " ".join(words):
            continue
        done = xpk(*words, "--dry-run")
        if done.returncode == 0:
            (jobset,) = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "JobSet"]
            template = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
            container = template["spec"]["containers"][0]
            words_of_container = [*container["command"], *container.get("args", [])]
            assert any(command.replace("$(", "$$(") in one or command in one for one in words_of_container)
            checked += 1
    assert checked > 30
