"""What the API server fills in where a person leaves it out, in pods and in the templates of pods.

Not what admission adds to a new pod (priority, tolerations): that is in `pods.py`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_MODE = 0o644


def pod_spec(spec: Json) -> Json:
    """A pod's spec with its defaults, but for restartPolicy, which depends on what the pod is for."""
    filled = {
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        **spec,
    }
    for part in ("containers", "initContainers"):
        if part in filled:
            filled[part] = [_container(item) for item in filled[part]]
    if "volumes" in filled:
        filled["volumes"] = [_volume(item) for item in filled["volumes"]]
    if filled.get("serviceAccountName"):
        filled["serviceAccount"] = filled["serviceAccountName"]
    return filled


def template(spec: Json, restart_policy: str = "") -> Json:
    """A spec that has a pod template, with the template's defaults."""
    found = spec["template"]
    pod = pod_spec(found.get("spec") or {})
    if restart_policy:
        pod.setdefault("restartPolicy", restart_policy)
    return {**spec, "template": {**found, "spec": pod}}


def qos_class(spec: Json) -> str:
    """The quality of service of a pod, by the processors and memory that its containers ask for."""
    every = [*spec["containers"], *(spec.get("initContainers") or ())]
    whole: list[bool] = []
    asked = False
    for container in every:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in ("cpu", "memory"):
            asked = asked or name in limits or name in requests
            whole.append(name in limits and requests.get(name, limits[name]) == limits[name])
    if not asked:
        return "BestEffort"
    return "Guaranteed" if all(whole) else "Burstable"


def _container(container: Json) -> Json:
    image = container.get("image", "")
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    latest = "@" not in image and tag in ("", "latest")
    filled = {
        "imagePullPolicy": "Always" if latest else "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **container,
    }
    if filled.get("ports"):
        filled["ports"] = [{"protocol": "TCP", **port} for port in filled["ports"]]
    if filled.get("env"):
        filled["env"] = [_variable(item) for item in filled["env"]]
    return filled


def _variable(item: Json) -> Json:
    source = item.get("valueFrom") or {}
    if "fieldRef" not in source:
        return item
    return {**item, "valueFrom": {**source, "fieldRef": {"apiVersion": "v1", **source["fieldRef"]}}}


def _volume(volume: Json) -> Json:
    """Without a source it is an empty directory; files have a mode, a host path a type."""
    if not any(name != "name" for name in volume):
        return {**volume, "emptyDir": {}}
    filled = dict(volume)
    for name in ("configMap", "secret", "projected", "downwardAPI"):
        if name in filled:
            filled[name] = {"defaultMode": _MODE, **filled[name]}
    if "hostPath" in filled:
        filled["hostPath"] = {"type": "", **filled["hostPath"]}
    return filled
