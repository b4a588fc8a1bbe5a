"""The Jobs that JobSet's controller makes of a JobSet, so that the API server can be asked about them.

Neither JobSet's nor Kueue's webhooks look at the pod template: a wrong restartPolicy or a mount
without a volume is admitted, reserves its quota and fails later, without a word in the status.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_PREFIX = "jobset.sigs.k8s.io/"


def jobs_of(jobset: Json) -> Iterator[Json]:
    """The first and the last Job of each replicated job, as kubernetes-sigs/jobset builds them
    (pkg/controllers/jobset_controller.go, constructJob); defaults of its webhook included."""
    metadata = jobset["metadata"]
    namespace = metadata.get("namespace", "default")
    for replicated in jobset["spec"]["replicatedJobs"]:
        replicas = replicated.get("replicas", 1)
        for index in sorted({0, replicas - 1}):
            name = f"{metadata['name']}-{replicated['name']}-{index}"
            template = copy.deepcopy(replicated["template"])
            labels = {
                f"{_PREFIX}jobset-name": metadata["name"],
                f"{_PREFIX}replicatedjob-name": replicated["name"],
                f"{_PREFIX}replicatedjob-replicas": str(replicas),
                f"{_PREFIX}job-index": str(index),
                f"{_PREFIX}job-key": hashlib.sha1(f"{namespace}/{name}".encode()).hexdigest(),
                f"{_PREFIX}restart-attempt": "0",
            }
            pod = template["spec"]["template"]
            _add(pod, labels)
            pod["spec"].setdefault("subdomain", metadata["name"])
            pod["spec"].setdefault("restartPolicy", "OnFailure")
            job: Json = {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "namespace": namespace, **template.get("metadata", {})},
                "spec": {"completionMode": "Indexed", **template["spec"]},
            }
            _add(job, labels)
            yield job


def _add(target: Json, labels: dict[str, str]) -> None:
    metadata = target.setdefault("metadata", {})
    for field in ("labels", "annotations"):
        metadata[field] = {**metadata.get(field, {}), **labels}
