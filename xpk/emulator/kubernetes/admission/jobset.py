"""The rules of JobSet's webhooks (sigs.k8s.io/jobset v0.12.0), with their messages.

They work while JobSet's CustomResourceDefinition is there and its controller's Deployment is Available.
"""

from __future__ import annotations

import re
from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.admission import names
from xpk.emulator.kubernetes.admission.review import Review
from xpk.emulator.kubernetes.cluster import Cluster, holds
from xpk.emulator.kubernetes.errors import ApiError, Cause
from xpk.emulator.kubernetes.validation import UNREAD, is_quantity

Json = dict[str, Any]
JOBSETS = "jobsets.jobset.x-k8s.io"
NAMESPACE, DEPLOYMENT = "jobset-system", "jobset-controller-manager"
_REASONS = (
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
    "PodFailurePolicy",
)
_MAX_INT32 = 2**31 - 1
_JOB_TOO_LONG = "JobSet name is too long, job names generated for this JobSet will exceed 63 characters"
_POD_TOO_LONG = "JobSet name is too long, pod names generated for this JobSet will exceed 63 characters"
_MUTABLE_WHILE_SUSPENDED = ("nodeSelector", "tolerations", "schedulingGates")


def active(cluster: Cluster) -> bool:
    """Whether JobSet is installed and its controller runs."""
    deployment = cluster.store.find("deployments.apps", NAMESPACE, DEPLOYMENT)
    return (
        deployment is not None and holds(deployment, "Available") and cluster.kinds.get(JOBSETS) is not None
    )


def mutate(review: Review, obj: Json) -> Json:
    """A JobSet with the webhook's defaults; they are set on creation and on update."""
    if review.kind.resource != JOBSETS:
        return obj
    _read(obj)
    spec = {
        "successPolicy": {"operator": "All"},
        "startupPolicy": {"startupPolicyOrder": "AnyOrder"},
        **(obj.get("spec") or {}),
    }
    spec["network"] = {
        "enableDNSHostnames": True,
        "publishNotReadyAddresses": True,
        **(spec.get("network") or {}),
    }
    if "replicatedJobs" in spec:
        spec["replicatedJobs"] = [_default_job(job) for job in spec["replicatedJobs"]]
    rules = (spec.get("failurePolicy") or {}).get("rules")
    if rules:
        named = [
            {**rule, "name": rule.get("name") or f"failurePolicyRule{i}"} for i, rule in enumerate(rules)
        ]
        spec["failurePolicy"] = {**spec["failurePolicy"], "rules": named}
    return {**obj, "spec": spec}


def _read(obj: Json) -> None:
    """Raises 400 for a quantity that the webhook, being typed, cannot read."""
    for job in (obj.get("spec") or {}).get("replicatedJobs") or ():
        pod = ((job["template"].get("spec") or {}).get("template") or {}).get("spec") or {}
        for container in [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]:
            resources = container.get("resources") or {}
            for part in ("limits", "requests"):
                for value in (resources.get(part) or {}).values():
                    if not is_quantity(str(value)):
                        text = f'admission webhook "mjobset.kb.io" denied the request: {UNREAD}'
                        raise ApiError(400, "", text)


def _default_job(job: Json) -> Json:
    """Missing parts become empty ones, as for a typed webhook; the schema then says what they lack."""
    template = job["template"]
    job_spec = {"completionMode": "Indexed", **(template.get("spec") or {})}
    pod = job_spec.get("template") or {}
    pod_spec = dict(pod.get("spec") or {})
    pod_spec["restartPolicy"] = pod_spec.get("restartPolicy") or "OnFailure"
    job_spec["template"] = {**pod, "spec": pod_spec}
    return {**job, "template": {**template, "spec": job_spec}}


def validate(review: Review, obj: Json) -> None:
    """Raises 422 with all faults of a JobSet: of a new one its rules, of a changed one what must stay."""
    if review.kind.resource != JOBSETS:
        return
    causes = _changes(review.old, obj) if review.old is not None else _faults(obj)
    if causes:
        raise errors.invalid("JobSet", "jobset.x-k8s.io", obj["metadata"]["name"], causes)


def _faults(obj: Json) -> list[Cause]:
    spec, name = obj["spec"], obj["metadata"]["name"]
    policy = spec.get("failurePolicy") or {}
    found: list[Cause] = []
    if policy.get("restartStrategy") == "InPlaceRestart":
        found.append(
            _free(
                "InPlaceRestart restart strategy cannot be set when InPlaceRestart feature gate is disabled"
            )
        )
    jobs = spec.get("replicatedJobs") or []
    if jobs and jobs[0].get("dependsOn"):
        found.append(_free("DependsOn can't be set for the first ReplicatedJob"))
    subdomain = (spec.get("network") or {}).get("subdomain")
    if subdomain:
        faults = [*names.dns_1123_subdomain(subdomain), *names.dns_1035_label(subdomain)]
        found += [errors.invalid_value("spec.network.subdomain", subdomain, fault) for fault in faults]
    known: set[str] = set()
    for index, job in enumerate(jobs):
        known.add(job["name"])
        found += _job_faults(job, f"spec.replicatedJobs[{index}]", name, known)
    for target in (spec.get("successPolicy") or {}).get("targetReplicatedJobs") or ():
        if target not in known:
            found.append(
                _free(f"invalid replicatedJob name '{target}' does not appear in .spec.ReplicatedJobs")
            )
    found += _rule_faults(policy.get("rules") or [], known)
    if spec.get("coordinator"):
        found += _coordinator_faults(spec, jobs)
    return found


def _job_faults(job: Json, path: str, jobset: str, known: set[str]) -> list[Cause]:
    spec = job["template"]["spec"]
    replicas = job.get("replicas", 1)
    found: list[Cause] = []
    if spec.get("parallelism", 1) * replicas > _MAX_INT32:
        text = (
            f"the product of replicas and parallelism must not exceed {_MAX_INT32} for replicatedJob "
            f"'{job['name']}'"
        )
        found.append(_free(text))
    group = job.get("groupName", "default")
    found += [
        errors.invalid_value(f"{path}.groupName", group, fault) for fault in names.dns_1035_label(group)
    ]
    longest = f"{jobset}-{job['name']}-{replicas - 1}"
    found += _generated(longest, longest, f"{path}.name", _JOB_TOO_LONG)
    if spec.get("completionMode") == "Indexed" and "completions" in spec:
        found += _generated(
            f"{longest}-{spec['completions'] - 1}-abcde", longest, f"{path}.name", _POD_TOO_LONG
        )
    for item in job.get("dependsOn") or ():
        if item["name"] not in known:
            found.append(
                _free(f"replicatedJob: {job['name']} cannot depend on replicatedJob: {item['name']}")
            )
    return found


def _generated(name: str, shown: str, path: str, too_long: str) -> list[Cause]:
    texts = [too_long if fault == names.TOO_LONG_63 else fault for fault in names.dns_1035_label(name)]
    return [errors.invalid_value(path, shown, text) for text in texts]


def _rule_faults(rules: list[Json], known: set[str]) -> list[Cause]:
    if any(
        rule["action"].startswith("RestartJob") and not rule["action"].startswith("RestartJobSet")
        for rule in rules
    ):
        return [
            _free(
                "RestartJob and RestartJobAndIgnoreMaxRestarts failure policy actions are not allowed "
                "when RestartJob "
                "feature gate is disabled"
            )
        ]
    found: list[Cause] = []
    for rule in rules:
        found += _rule_name(rule["name"])
        for target in rule.get("targetReplicatedJobs") or ():
            if target not in known:
                where = "in failure policy does not appear in .spec.ReplicatedJobs"
                found.append(_free(f"invalid replicatedJob name '{target}' {where}"))
        for reason in rule.get("onJobFailureReasons") or ():
            if reason not in _REASONS:
                why = "in failure policy is not a recognized job failure reason"
                found.append(_free(f"invalid job failure reason '{reason}' {why}"))
    all_names = [rule["name"] for rule in rules]
    for name in sorted({name for name in all_names if all_names.count(name) > 1}):
        places = " ".join(str(index) for index, other in enumerate(all_names) if other == name)
        text = f"rule names are not unique, rules with indices [{places}] all have the same name '{name}'"
        found.append(_free(text))
    return found


def _rule_name(name: str) -> list[Cause]:
    found: list[Cause] = []
    if len(name) > 128:
        found.append(
            _free(
                f"invalid failure policy rule name of length {len(name)}, the rule name must be at "
                "least 1 characters "
                "long and at most 128 characters long"
            )
        )
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", name):
        found.append(
            _free(
                f"invalid failure policy rule name '{name}', a failure policy rule name must start "
                "with an alphabetic "
                "character, optionally followed by a string of alphanumeric characters or '_,:', "
                "and must end with an "
                "alphanumeric character or '_'"
            )
        )
    return found


def _coordinator_faults(spec: Json, jobs: list[Json]) -> list[Cause]:
    wanted = spec["coordinator"]
    job = next((job for job in jobs if job["name"] == wanted["replicatedJob"]), None)
    if job is None:
        return [_free(f"coordinator replicatedJob {wanted['replicatedJob']} does not exist")]
    if not 0 <= wanted.get("jobIndex", 0) < job.get("replicas", 1):
        return [
            _free(f"coordinator job index {wanted['jobIndex']} is invalid for replicatedJob {job['name']}")
        ]
    completions = job["template"]["spec"].get("completions")
    if completions is None or job["template"]["spec"].get("completionMode") != "Indexed":
        text = "job for coordinator pod must be indexed completion mode, and completions number must be set"
        return [_free(text)]
    if not 0 <= wanted.get("podIndex", 0) < completions:
        where = f"replicatedJob {job['name']} job index {wanted.get('jobIndex', 0)}"
        return [_free(f"coordinator pod index {wanted['podIndex']} is invalid for {where}")]
    return []


def _changes(old: Json, new: Json) -> list[Cause]:
    before = old["spec"].get("replicatedJobs") or []
    after = new["spec"].get("replicatedJobs") or []
    if old["spec"].get("suspend") or new["spec"].get("suspend"):
        known = {job["name"]: job for job in before}
        after = [_masked(job, known[job["name"]]) if job["name"] in known else job for job in after]
    found: list[Cause] = []
    if before != after:
        found.append(errors.invalid_value("spec.replicatedJobs", "array", "field is immutable"))
    if old["spec"].get("managedBy") != new["spec"].get("managedBy"):
        found.append(
            errors.invalid_value("spec.managedBy", new["spec"].get("managedBy") or "", "field is immutable")
        )
    return found


def _masked(new: Json, old: Json) -> Json:
    """The new job with the old one's values where a suspended JobSet may change."""
    before = old["template"]["spec"]["template"]
    after = new["template"]["spec"]["template"]
    spec = {k: v for k, v in (after.get("spec") or {}).items() if k not in _MUTABLE_WHILE_SUSPENDED}
    spec |= {k: before["spec"][k] for k in _MUTABLE_WHILE_SUSPENDED if k in before.get("spec", {})}
    meta = {k: v for k, v in (after.get("metadata") or {}).items() if k not in ("labels", "annotations")}
    meta |= {k: v for k, v in (before.get("metadata") or {}).items() if k in ("labels", "annotations")}
    pod = {k: v for k, v in after.items() if k not in ("spec", "metadata")}
    pod |= {"spec": spec} | ({"metadata": meta} if "metadata" in before or meta else {})
    return {**new, "template": {**new["template"], "spec": {**new["template"]["spec"], "template": pod}}}


def _free(text: str) -> Cause:
    """A fault without a field."""
    return Cause("FieldValueInvalid", "<nil>", f"Invalid value: null: {text}")


def follower_refusal(pod: Json, leader: Json | None, topology: str) -> ApiError | None:
    """The pod webhook's refusal of a follower whose leader is not placed yet; None when it may be created."""
    if leader is None or not leader["spec"].get("nodeName"):
        if topology in (pod["spec"].get("nodeSelector") or {}):
            text = (
                "leader pod not yet scheduled, not creating follower pod. this is an expected, "
                "transient error"
            )
        else:
            text = f"follower pod node selector for topology domain not found. missing selector: {topology}"
        return errors.denied("vpod.kb.io", text)
    return None
