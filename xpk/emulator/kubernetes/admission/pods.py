"""Pods: defaults, what admission adds to each new one, and the rules of a pod's spec."""

from __future__ import annotations

from typing import Any

from xpk.emulator.kubernetes import errors
from xpk.emulator.kubernetes.admission import defaults, names
from xpk.emulator.kubernetes.cluster import Cluster
from xpk.emulator.kubernetes.errors import ApiError, Cause
from xpk.emulator.kubernetes.quantities import number

Json = dict[str, Any]
TPU = "google.com/tpu"
PULLS = ("Always", "IfNotPresent", "Never")
POLICIES = ("Always", "OnFailure", "Never")
_DEFAULT_WAITS = tuple(
    {
        "key": f"node.kubernetes.io/{name}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for name in ("not-ready", "unreachable")
)


def default(pod: Json) -> Json:
    """A pod with its defaults."""
    spec = {
        "restartPolicy": "Always",
        "serviceAccountName": "default",
        "enableServiceLinks": True,
        **pod["spec"],
    }
    spec = defaults.pod_spec(spec)
    spec["containers"] = [_requests(container) for container in spec["containers"]]
    if spec.get("hostNetwork"):
        spec["containers"] = [_host_ports(container) for container in spec["containers"]]
    return {**pod, "spec": spec}


def _requests(container: Json) -> Json:
    """Of what has a limit and no request, so much is asked for."""
    resources = container.get("resources") or {}
    if not resources.get("limits"):
        return container
    requests = {**resources["limits"], **(resources.get("requests") or {})}
    return {**container, "resources": {**resources, "requests": requests}}


def _host_ports(container: Json) -> Json:
    if not container.get("ports"):
        return container
    ports = [{"hostPort": port["containerPort"], **port} for port in container["ports"]]
    return {**container, "ports": ports}


def admit(cluster: Cluster, pod: Json) -> Json:
    """What the admission of a new pod adds: its priority, and GKE's toleration for pods that ask for TPU
    chips.

    Raises 403 when the service account or the priority class does not exist.
    """
    spec = pod["spec"]
    meta = pod["metadata"]
    who = f'pods "{meta["name"]}" is forbidden'
    account = spec.get("serviceAccountName", "default")
    namespace = meta["namespace"]
    if account != "default" and cluster.store.find("serviceaccounts", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise ApiError(403, "Forbidden", f"{who}: {why}")
    wanted = spec.get("priorityClassName")
    priority = 0
    if wanted:
        found = cluster.store.find("priorityclasses.scheduling.k8s.io", "", wanted)
        if found is None:
            raise ApiError(403, "Forbidden", f"{who}: no PriorityClass with name {wanted} was found")
        priority = found.get("value", 0)
    else:
        for item in cluster.store.each("priorityclasses.scheduling.k8s.io"):
            if item.get("globalDefault"):
                priority = item.get("value", 0)
    added: Json = {"priority": priority, "preemptionPolicy": "PreemptLowerPriority"}
    tolerations = spec.get("tolerations") or []
    if wants_tpu(spec) and not any(item.get("key") == TPU for item in tolerations):
        tolerations = [*tolerations, {"key": TPU, "operator": "Exists", "effect": "NoSchedule"}]
    added["tolerations"] = [*tolerations, *_waits(tolerations)]
    return {**pod, "spec": {**spec, **added}}


def _waits(tolerations: list[Json]) -> list[Json]:
    """DefaultTolerationSeconds: a pod stays for five minutes on a host that does not answer."""
    keys = {item.get("key") for item in tolerations if item.get("effect") in (None, "", "NoExecute")}
    if None in keys or "" in keys:
        return []
    return [item for item in _DEFAULT_WAITS if item["key"] not in keys]


def wants_tpu(spec: Json) -> bool:
    """Whether a container asks for TPU chips."""
    return any(
        TPU in (container.get("resources", {}).get(part) or {})
        for container in spec.get("containers") or ()
        for part in ("limits", "requests")
    )


def check_pod(pod: Json, old: Json | None) -> list[Cause]:
    """Faults of a Pod; of a changed one only that the spec stays as it is."""
    if old is None:
        return check_spec(pod["spec"], "spec", POLICIES)
    changeable = ("tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds", "schedulingGates")
    before = {k: v for k, v in old["spec"].items() if k not in changeable}
    after = {k: v for k, v in pod["spec"].items() if k not in changeable}
    images = [c.get("image") for c in after["containers"]]
    if {**before, "containers": _without_images(before)} == {
        **after,
        "containers": _without_images(after),
    } and images:
        return []
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing "
        "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
        "previously negative)"
    )
    return [Cause("FieldValueForbidden", "spec", text)]


def _without_images(spec: Json) -> list[Json]:
    return [{k: v for k, v in container.items() if k != "image"} for container in spec["containers"]]


def check_spec(spec: Json, path: str, policies: tuple[str, ...]) -> list[Cause]:
    """Faults of a pod's spec, wherever it stands. ``policies``: the restart policies that are taken here."""
    found: list[Cause] = []
    volumes, faults = _volumes(spec, path)
    found += faults
    if not spec.get("containers"):
        found.append(errors.required(f"{path}.containers"))
    seen: set[str] = set()
    for part in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(part) or ()):
            where = f"{path}.{part}[{index}]"
            if container["name"] in seen:
                found.append(errors.duplicate(f"{where}.name", container["name"]))
            seen.add(container["name"])
            found += _container(container, where, volumes, bool(spec.get("hostNetwork")))
    policy = spec.get("restartPolicy", policies[0])
    if policy not in POLICIES:
        found.append(errors.unsupported(f"{path}.restartPolicy", policy, list(POLICIES)))
    elif policy not in policies:
        found.append(errors.unsupported(f"{path}.restartPolicy", policy, list(policies)))
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        text = "must be greater than or equal to 0"
        grace = spec["terminationGracePeriodSeconds"]
        found.append(errors.invalid_value(f"{path}.terminationGracePeriodSeconds", grace, text))
    found += names.check_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    found += _tolerations(spec, path)
    return found


def _volumes(spec: Json, path: str) -> tuple[set[str], list[Cause]]:
    found: list[Cause] = []
    known: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{index}]"
        found += [
            errors.invalid_value(f"{where}.name", volume["name"], f)
            for f in names.dns_1123_label(volume["name"])
        ]
        if volume["name"] in known:
            found.append(errors.duplicate(f"{where}.name", volume["name"]))
        known.add(volume["name"])
        sources = [name for name in volume if name != "name"]
        for extra in sources[1:]:
            text = "Forbidden: may not specify more than 1 volume type"
            found.append(Cause("FieldValueForbidden", f"{where}.{extra}", text))
        if "csi" in volume and not volume["csi"].get("driver"):
            found.append(errors.required(f"{where}.csi.driver"))
    return known, found


def _container(container: Json, path: str, volumes: set[str], host_network: bool) -> list[Cause]:
    name = container["name"]
    found = [errors.invalid_value(f"{path}.name", name, fault) for fault in names.dns_1123_label(name)]
    if not container.get("image"):
        found.append(errors.required(f"{path}.image"))
    pull = container.get("imagePullPolicy", PULLS[0])
    if pull not in PULLS:
        found.append(errors.unsupported(f"{path}.imagePullPolicy", pull, list(PULLS)))
    mounted: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        if mount["name"] not in volumes:
            found.append(
                Cause("FieldValueNotFound", f"{where}.name", f"Not found: {errors.quoted(mount['name'])}")
            )
        if mount["mountPath"] in mounted:
            text = "must be unique"
            found.append(errors.invalid_value(f"{where}.mountPath", mount["mountPath"], text))
        mounted.add(mount["mountPath"])
    for index, variable in enumerate(container.get("env") or ()):
        where = f"{path}.env[{index}]"
        if not variable["name"]:
            found.append(errors.required(f"{where}.name"))
        elif "=" in variable["name"]:
            found.append(
                errors.invalid_value(f"{where}.name", variable["name"], "a valid environment variable name")
            )
        if variable.get("value") and variable.get("valueFrom"):
            text = "may not be specified when `value` is not empty"
            found.append(errors.invalid_value(f"{where}.valueFrom", "", text))
    return found + _ports(container, path, host_network) + _resources(container, path)


def _ports(container: Json, path: str, host_network: bool) -> list[Cause]:
    found: list[Cause] = []
    for index, port in enumerate(container.get("ports") or ()):
        where = f"{path}.ports[{index}]"
        number_ = port["containerPort"]
        if not 0 < number_ < 65536:
            found.append(
                errors.invalid_value(
                    f"{where}.containerPort", number_, "must be between 1 and 65535, inclusive"
                )
            )
        if host_network and port.get("hostPort", number_) != number_:
            text = "must match `hostPort` when `hostNetwork` is true"
            found.append(errors.invalid_value(f"{where}.containerPort", number_, text))
    return found


def _resources(container: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, value in requests.items():
        where = f"{path}.resources.requests"
        if name in limits and number(value) > number(limits[name]):
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            found.append(errors.invalid_value(where, str(value), text))
        elif _extended(name) and number(value) != number(limits.get(name, -1)):
            text = f"must be equal to {name} limit"
            found.append(errors.invalid_value(where, str(value), text))
    for part, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            if _extended(name) and number(value) != int(number(value)):
                found.append(
                    errors.invalid_value(f"{path}.resources.{part}[{name}]", str(value), "must be an integer")
                )
    return found


def _extended(name: str) -> bool:
    return "/" in name and not name.startswith("kubernetes.io/")


def _tolerations(spec: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, item in enumerate(spec.get("tolerations") or ()):
        where = f"{path}.tolerations[{index}]"
        operator = item.get("operator", "Equal")
        if operator not in ("Equal", "Exists"):
            found.append(errors.unsupported(f"{where}.operator", operator, ["Equal", "Exists"]))
        if operator == "Exists" and item.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            found.append(errors.invalid_value(f"{where}.operator", str(item), text))
        if not item.get("key") and operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            found.append(errors.invalid_value(f"{where}.operator", operator, text))
        effect = item.get("effect")
        if effect and effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            choices = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
            found.append(errors.unsupported(f"{where}.effect", effect, choices))
    return found
