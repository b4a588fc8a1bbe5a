from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from xpk.rehearsal.driver.eligible import ACCELERATOR, EXCLUSIVE, POOL_LABEL, eligible
from xpk.render.workload import RAMDISK_DRIVER

Json = dict[str, Any]

GOOD: Json = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": "demo", "annotations": {EXCLUSIVE: POOL_LABEL}},
    "spec": {
        "replicatedJobs": [
            {
                "name": "slice",
                "replicas": 2,
                "template": {
                    "metadata": {},
                    "spec": {
                        "parallelism": 4,
                        "completions": 4,
                        "template": {
                            "spec": {
                                "nodeSelector": {ACCELERATOR: "tpu-v5p-slice"},
                                "containers": [
                                    {
                                        "resources": {"limits": {"google.com/tpu": 4}},
                                        "volumeMounts": [{"name": "checkpoint", "mountPath": "/local"}],
                                    }
                                ],
                                "volumes": [{"name": "checkpoint", "csi": {"driver": RAMDISK_DRIVER}}],
                            }
                        },
                    },
                },
            }
        ]
    },
}


def job(jobset: Json) -> Json:
    found: Json = jobset["spec"]["replicatedJobs"][0]["template"]
    return found


def pod(jobset: Json) -> Json:
    found: Json = job(jobset)["spec"]["template"]["spec"]
    return found


def changed(change: Callable[[Json], object]) -> Json:
    jobset = copy.deepcopy(GOOD)
    change(jobset)
    return jobset


def annotate_below(jobset: Json) -> None:
    job(jobset)["metadata"]["annotations"] = jobset["metadata"].pop("annotations")


def tpu7x(hosts: int, annotations: Json) -> Json:
    jobset = changed(lambda one: one["metadata"].update(annotations=annotations))
    pod(jobset)["nodeSelector"][ACCELERATOR] = "tpu7x"
    job(jobset)["spec"].update(parallelism=hosts, completions=hosts)
    return jobset


def test_the_jobset_of_the_documentation_gets_ranks() -> None:
    assert eligible(GOOD) is None


@pytest.mark.parametrize(
    "jobset",
    [
        pytest.param(changed(lambda one: pod(one).pop("nodeSelector")), id="no accelerator is multislice"),
        pytest.param(changed(lambda one: job(one)["spec"].pop("completions")), id="completions default"),
        pytest.param(
            changed(
                lambda one: pod(one).update(tolerations=[{"key": "google.com/tpu", "operator": "Exists"}])
            ),
            id="tolerated too",
        ),
        pytest.param(tpu7x(32, {}), id="superslice"),
        pytest.param(
            tpu7x(4, {"multitier-checkpoint.gke.io/workload-kind": "emulated-superslice"}),
            id="emulated superslice",
        ),
    ],
)
def test_these_get_ranks(jobset: Json) -> None:
    assert eligible(jobset) is None


@pytest.mark.parametrize(
    ("jobset", "words"),
    [
        (changed(lambda one: one.update(kind="Job")), "not a JobSet"),
        (changed(lambda one: one["spec"]["replicatedJobs"].append({})), "2 replicatedJobs"),
        (changed(lambda one: one["spec"].update(replicatedJobs=[])), "0 replicatedJobs"),
        (changed(lambda one: pod(one).pop("volumes")), "no volume of the CSI driver"),
        (
            changed(lambda one: pod(one)["volumes"][0]["csi"].update(driver="phase1")),
            "no volume of the CSI driver",
        ),
        (changed(lambda one: pod(one)["containers"][0].pop("volumeMounts")), "no container mounts"),
        (changed(lambda one: job(one)["spec"].update(completionMode="NonIndexed")), "not Indexed"),
        (changed(lambda one: job(one)["spec"].update(completions=8)), "completions is 8 and parallelism 4"),
        (changed(lambda one: one["metadata"].pop("annotations")), "is missing"),
        (changed(annotate_below), "not on the JobSet itself"),
        (changed(lambda one: one["metadata"]["annotations"].update({EXCLUSIVE: "zone"})), "is zone"),
        (changed(lambda one: pod(one)["nodeSelector"].update({ACCELERATOR: "nvidia-h100"})), "no TPU"),
        (changed(lambda one: pod(one)["containers"][0].pop("resources")), "neither ask for google.com/tpu"),
        (tpu7x(32, {EXCLUSIVE: POOL_LABEL}), "must not carry"),
        (tpu7x(4, {}), "no multiple of 16"),
        ({}, "not a JobSet"),
    ],
)
def test_these_get_none_and_the_reason_is_told(jobset: Json, words: str) -> None:
    reason = eligible(jobset)
    assert reason is not None
    assert words in reason
