"""Jobs: defaults and rules, also for the job templates that the JobSet controller turns into Jobs."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.admission import defaults, names, pods
from xpk.emulator.kubernetes.errors import Cause

Json = dict[str, Any]
_ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"]


def default(job: Json) -> Json:
    """A Job with the API's defaults."""
    spec = {"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False, **job["spec"]}
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    policy = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", policy)
    spec.setdefault("manualSelector", False)
    return {**job, "spec": defaults.template(spec)}


def select(job: Json) -> Json:
    """A new Job that has its uid, with the selector and the pod labels that the server makes of it."""
    meta, spec = job["metadata"], job["spec"]
    if spec.get("manualSelector"):
        return job
    template = spec["template"]
    own = {
        "batch.kubernetes.io/controller-uid": meta["uid"],
        "batch.kubernetes.io/job-name": meta["name"],
        "controller-uid": meta["uid"],
        "job-name": meta["name"],
    }
    labels = {**((template.get("metadata") or {}).get("labels") or {}), **own}
    template = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": meta["uid"]}}
    return {**job, "spec": {**spec, "selector": selector, "template": template}}


def check(job: Json, old: Json | None) -> list[Cause]:
    """Faults of a Job."""
    spec = job["spec"]
    found: list[Cause] = []
    if old is not None:
        found += _changed(spec, old["spec"])
    for name in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"):
        if spec.get(name, 0) < 0:
            found.append(
                errors.invalid_value(f"spec.{name}", spec[name], "must be greater than or equal to 0")
            )
    if spec.get("completionMode") == "Indexed" and "completions" not in spec:
        found.append(errors.required("spec.completions", "when completion mode is Indexed"))
    if spec.get("completionMode") not in ("Indexed", "NonIndexed"):
        found.append(
            errors.unsupported("spec.completionMode", spec["completionMode"], ["Indexed", "NonIndexed"])
        )
    found += _restart_policy(spec)
    found += _failure_policy(spec)
    template = spec["template"]
    found += names.check_metadata(template.get("metadata") or {}, "spec.template.metadata")
    return found


def _changed(spec: Json, old: Json) -> list[Cause]:
    """What of a Job cannot be changed (ValidateJobSpecUpdate); an indexed one may grow and shrink."""
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    fixed = ["selector", "completionMode", "podFailurePolicy"]
    fixed += [] if elastic else ["completions"]
    fixed += [] if old.get("suspend") else ["template"]
    return [
        errors.invalid_value(f"spec.{name}", _shown(spec.get(name)), "field is immutable")
        for name in fixed
        if spec.get(name) != old.get(name)
    ]


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int) else "object"


def _restart_policy(spec: Json) -> list[Cause]:
    path = "spec.template.spec"
    pod = spec["template"].get("spec") or {}
    policy = pod.get("restartPolicy")
    if policy in (None, "", "Always"):
        found = pods.check_spec({**pod, "restartPolicy": "Never"}, path, pods.POLICIES)
        return [*found, errors.required(f"{path}.restartPolicy", 'valid values: "OnFailure", "Never"')]
    found = pods.check_spec(pod, path, pods.POLICIES)
    if policy not in ("OnFailure", "Never"):
        found.append(errors.unsupported(f"{path}.restartPolicy", policy, ["OnFailure", "Never"]))
    return found


def _failure_policy(spec: Json) -> list[Cause]:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return []
    path = "spec.podFailurePolicy"
    found: list[Cause] = []
    restart = (spec["template"].get("spec") or {}).get("restartPolicy")
    if restart != "Never":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        found.append(errors.invalid_value("spec.template.spec.restartPolicy", restart or "", text))
    containers = {
        item["name"]
        for part in ("containers", "initContainers")
        for item in (spec["template"].get("spec") or {}).get(part) or ()
    }
    for index, rule in enumerate(policy.get("rules") or ()):
        where = f"{path}.rules[{index}]"
        if rule["action"] not in _ACTIONS:
            found.append(errors.unsupported(f"{where}.action", rule["action"], _ACTIONS))
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if (codes is None) == (not conditions):
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            found.append(errors.invalid_value(where, "object", text))
        if codes is not None:
            found += _exit_codes(codes, f"{where}.onExitCodes", containers)
    return found


def _exit_codes(codes: Json, path: str, containers: set[str]) -> list[Cause]:
    found: list[Cause] = []
    values = codes.get("values") or []
    if codes["operator"] not in ("In", "NotIn"):
        found.append(errors.unsupported(f"{path}.operator", codes["operator"], ["In", "NotIn"]))
    if not values:
        found.append(errors.invalid_value(f"{path}.values", "[]", "at least one value is required"))
    if len(values) > 255:
        text = f"Too many: {len(values)}: must have at most 255 items"
        found.append(Cause("FieldValueTooMany", f"{path}.values", text))
    if len(set(values)) != len(values):
        found.append(Cause("FieldValueDuplicate", f"{path}.values", "Duplicate value"))
    if values != sorted(values):
        found.append(errors.invalid_value(f"{path}.values", str(values), "must be ordered"))
    if codes["operator"] == "In" and 0 in values:
        index = values.index(0)
        text = "must not be 0 for the In operator"
        found.append(errors.invalid_value(f"{path}.values[{index}]", 0, text))
    if codes.get("containerName") and codes["containerName"] not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        found.append(errors.invalid_value(f"{path}.containerName", codes["containerName"], text))
    return found
