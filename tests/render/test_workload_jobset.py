"""The JobSet: one golden per decision, and the rules that JobSet, Kueue and MTC have for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xpk.catalog.slices import resolve
from xpk.render.engine import Json
from xpk.render.workload import HASH_ANNOTATION, render_workload, spec_hash
from xpk.spec.capacity import FlexStart, Reservation, Spot
from xpk.spec.environment import EnvVar, parse_env
from xpk.spec.mounts import parse_mount
from xpk.spec.ramdisk import Ramdisk
from xpk.spec.restarts import CodeRange, restart_policy
from xpk.spec.workload import WorkloadSpec

TRAIN = (
    "python3 -m maxtext.trainers.pre_train.train src/maxtext/configs/base.yml run_name=llama "
    "enable_multi_tier_checkpointing=True local_checkpoint_directory=/ramdisk local_checkpoint_period=20 "
    "multi_tier_checkpointing_backup_interval_minutes=30"
)
PLAIN: dict[str, Any] = {
    "name": "llama",
    "cluster": "c1",
    "slice_type": resolve("v5p-128"),
    "num_slices": 2,
    "image": "gcr.io/p1/trainer:1",
    "command": "python3 train.py",
    "restarts": restart_policy(None, None, mtc=False),
}
MTC: dict[str, Any] = {
    **PLAIN,
    "command": TRAIN,
    "ramdisk": Ramdisk("/ramdisk"),
    "restarts": restart_policy(None, None, mtc=True),
    "grace_seconds": 60,
}
CODES = (CodeRange(1, 1), CodeRange(3, 5))
MOUNTS = (parse_mount("gs://my-data/books=/data:ro"), parse_mount("gs://my-out=/out"))


class _Dumper(yaml.SafeDumper):
    """Lists of numbers on one line, text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    flow = bool(items) and all(isinstance(item, int) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def rendered(fuse_host_network: bool = True, **fields: Any) -> Json:
    return render_workload(WorkloadSpec(**fields), fuse_host_network=fuse_host_network)


def pod(jobset: Json) -> Json:
    spec: Json = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    return spec


def container(jobset: Json) -> Json:
    (found,) = pod(jobset)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def leaves(value: Any) -> Iterator[object]:
    if isinstance(value, (dict, list)) and value:
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


GOLDENS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "mtc": MTC,
    "mtc-single-host-slices": {**MTC, "slice_type": resolve("v5p-8")},
    "mtc-exit-codes": {**MTC, "restarts": restart_policy(20, CODES, mtc=True)},
    "restarts": {**PLAIN, "restarts": restart_policy(3, None, mtc=False)},
    "mounts-host-network": {**PLAIN, "mounts": MOUNTS, "service_account": "trainer"},
    "mounts-own-network": {**PLAIN, "mounts": MOUNTS, "service_account": "trainer"},
    "mtc-and-mounts": {**MTC, "mounts": MOUNTS},
    "spot": {**PLAIN, "capacity": Spot()},
    "reservation": {**PLAIN, "capacity": Reservation("my-reservation", None, None, None)},
    "flex-start": {**PLAIN, "capacity": FlexStart()},
    "options": {
        **PLAIN,
        "namespace": "team-a",
        "container": "trainer",
        "priority": "very-high",
        "scheduler": "my-scheduler",
        "service_account": "trainer",
        "pull_secret": "registry-key",
        "ttl_seconds": 600,
        "grace_seconds": 0,
        "privileged": True,
        "debug_logs": True,
        "env": parse_env(["GREETING=two\nlines", "JOBSET_NAME=mine", "TPU_VMODULE=", "REF=$(JOB_INDEX)"]),
    },
}


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    jobset = rendered(name != "mounts-own-network", **GOLDENS[name])
    command = container(jobset)["command"]
    assert command[:3] == ["bash", "-p", "-c"]
    command[3] = "(templates/workload/run.sh)"
    # The hash changes with every byte of the script: it has a test of its own.
    assert re.fullmatch(r"[0-9a-f]{32}", jobset["metadata"]["annotations"][HASH_ANNOTATION])
    jobset["metadata"]["annotations"][HASH_ANNOTATION] = "(hash)"
    golden(
        f"workload/{name}.yaml",
        yaml.dump(jobset, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True),
    )


@pytest.mark.parametrize("name", GOLDENS)
def test_rules_of_jobset_and_mtc(name: str) -> None:
    fields = GOLDENS[name]
    jobset = rendered(**fields)
    slice_type = fields["slice_type"]
    (job,) = jobset["spec"]["replicatedJobs"]
    spec = job["template"]["spec"]
    assert job["name"] == "slice-job"
    assert job["replicas"] == fields["num_slices"]
    assert spec["parallelism"] == spec["completions"] == slice_type.hosts
    assert spec["backoffLimit"] == 0
    assert pod(jobset)["spec"]["restartPolicy"] == "Never"
    annotations = jobset["metadata"]["annotations"]
    assert annotations["alpha.jobset.sigs.k8s.io/exclusive-topology"] == "cloud.google.com/gke-nodepool"
    assert container(jobset)["resources"] == {"limits": {"google.com/tpu": str(slice_type.chips_per_host)}}
    for rule in jobset["spec"]["failurePolicy"].get("rules", []):
        assert re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", rule["name"])
    names = [volume["name"] for volume in pod(jobset)["spec"]["volumes"]]
    mounts = container(jobset)["volumeMounts"]
    assert names == [mount["name"] for mount in mounts]
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    env = [variable["name"] for variable in container(jobset)["env"]]
    assert len(env) == len(set(env))
    assert not [leaf for leaf in leaves(jobset) if leaf in (None, "None", {}) or leaf == []]
    assert ("securityContext" in container(jobset)) is fields.get("privileged", False)


def test_ramdisk_is_the_drivers_inline_volume() -> None:
    volumes = {volume["name"]: volume for volume in pod(rendered(**MTC))["spec"]["volumes"]}
    assert volumes["ramdisk"] == {
        "name": "ramdisk",
        "csi": {"driver": "multitier-checkpoint.csi.storage.gke.io"},
    }


def test_host_network_and_buckets() -> None:
    fields = {**PLAIN, "mounts": MOUNTS}
    new, old = rendered(True, **fields), rendered(False, **fields)
    assert pod(new)["spec"]["hostNetwork"] is True
    assert "hostNetwork" not in pod(old)["spec"]
    assert "dnsPolicy" not in pod(old)["spec"]
    assert "hostNetworkPodKSA" in yaml.dump(new)
    assert "hostNetworkPodKSA" not in yaml.dump(old)
    assert pod(rendered(False, **MTC))["spec"]["hostNetwork"] is True


def test_hash_is_stable_and_sees_every_change() -> None:
    first, again = rendered(**MTC), rendered(**MTC)
    assert first == again
    assert first["metadata"]["annotations"][HASH_ANNOTATION] == spec_hash(first)
    changes: list[dict[str, Any]] = [
        {"command": f"{TRAIN} steps=1"},
        {"image": "gcr.io/p1/trainer:2"},
        {"num_slices": 3},
        {"priority": "high"},
        {"env": (EnvVar("A", "1"),)},
    ]
    hashes = {spec_hash(rendered(**{**MTC, **change})) for change in changes}
    assert len(hashes | {spec_hash(first)}) == len(changes) + 1
    assert spec_hash(rendered(**MTC, ttl_seconds=1)) == spec_hash(first)  # changes in place


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.integers(2, 256),
)
def test_any_command_and_value_stay_in_their_place(text: str, slices: int) -> None:
    plain = rendered(**{**PLAIN, "num_slices": slices})
    odd = rendered(
        **{
            **PLAIN,
            "num_slices": slices,
            "command": f"x{text}",
            "env": (EnvVar("A", text),),
            "command_checks": False,
        }
    )
    assert container(odd)["env"].pop()["name"] == "A"
    container(odd)["command"][-1] = "python3 train.py"
    del odd["metadata"]["annotations"][HASH_ANNOTATION], plain["metadata"]["annotations"][HASH_ANNOTATION]
    assert odd == plain
