"""JobSet and Kueue on a cluster: which release, how large, and what of its file is let through.

Pure: the file's bytes come in, checked and sized manifests go out. Reading the file is
`engine/observe.py`'s part, applying it `engine/perform.py`'s.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Literal

from xpk.catalog.versions import JOBSET, KUEUE, Release
from xpk.errors import FaultCollector, StateError
from xpk.plan.compare import differences, quantity
from xpk.plan.kept import AS_ASKED, Kept
from xpk.plan.observed import Observed, ReleaseFile
from xpk.plan.steps import InstallRelease, Json, ObjectRef, PlannedStep, WaitForDeployment
from xpk.spec.cluster import ClusterSpec

RELEASES: dict[Literal["JobSet", "Kueue"], Release] = {"JobSet": JOBSET, "Kueue": KUEUE}

_KINDS = frozenset(
    {
        "APIService", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CustomResourceDefinition",
        "Deployment", "FlowSchema", "MutatingWebhookConfiguration", "Namespace", "Role", "RoleBinding",
        "PriorityLevelConfiguration", "Secret", "Service", "ServiceAccount",
        "ValidatingWebhookConfiguration",
    }
)  # fmt: skip
_FIRST = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role")
_LAST = ("Deployment", "APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def deployment_ref(release: Release) -> ObjectRef:
    """The controller of a release."""
    return ObjectRef("apps/v1", "Deployment", release.deployment, release.namespace)


def read_release_file(release: Release, source: str, data: bytes, sha256: str | None) -> ReleaseFile:
    """Check a release file and return its objects.

    Only the kinds that such a release is made of and only its controller's image are let
    through; the digest is enforced when the user named one. Raises StateError with every fault.
    """
    import yaml  # here and not above: a plan without release files does not need it

    faults = FaultCollector()
    digest = hashlib.sha256(data).hexdigest()
    flag = f"--{release.component.lower()}-manifest"
    if sha256 is not None and sha256.lower() != digest:
        faults.add(
            f"{source}: SHA-256 {digest}",
            f"{flag}-sha256 asks for {sha256.lower()}",
            f"look at what changed in the file, then {flag}-sha256 {digest}",
        )
    try:
        documents = [doc for doc in yaml.load_all(data, Loader=yaml.CSafeLoader) if doc is not None]
    except (yaml.YAMLError, UnicodeDecodeError):
        documents = []
    objects = [doc for doc in documents if isinstance(doc, dict)]
    if not objects or len(objects) != len(documents):
        faults.add(source, f"not the manifests of a {release.component} release", f"{flag} FILE")
    _check_objects(release, source, objects, faults)
    faults.raise_if_any(StateError)
    return ReleaseFile(source=source, sha256=digest, manifests=tuple(objects))


def _check_objects(release: Release, source: str, objects: list[Json], faults: FaultCollector) -> None:
    controllers = 0
    fix = f"use the file of {release.component} {release.version} as published"
    for index, manifest in enumerate(objects):
        kind = str(manifest.get("kind"))
        metadata = manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not isinstance(name, str) or not isinstance(manifest.get("apiVersion"), str):
            faults.add(f"{source}: document {index + 1}", "has no apiVersion or no metadata.name", fix)
            continue
        if kind not in _KINDS:
            faults.add(f"{source}: {kind} {name}", f"a {release.component} release holds no such kind", fix)
        for image in _images(manifest):
            if image.partition("@")[0].rpartition(":")[0] != release.image:
                faults.add(f"{source}: image {image}", f"only {release.image} is let through", fix)
        controllers += ObjectRef.of(manifest) == deployment_ref(release)
    if controllers != 1:
        faults.add(source, f"holds {controllers} Deployments named {release.deployment}, not one", fix)


def _images(node: Any) -> Iterable[str]:
    """Every container image below a manifest, wherever it stands."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "image" and isinstance(value, str):
                yield value
            elif key != "openAPIV3Schema":
                yield from _images(value)
    elif isinstance(node, list):
        for value in node:
            yield from _images(value)


def version_of(deployment: Json) -> tuple[int, int, int] | None:
    """The version in a controller's image tag, None when the tag is not a version."""
    containers = deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    for container in containers:
        match = re.search(r":v?(\d+)\.(\d+)\.(\d+)", str(container.get("image", "")))
        if container.get("name") == "manager" and match:
            return int(match[1]), int(match[2]), int(match[3])
    return None


def controller_resources(component: Literal["JobSet", "Kueue"], hosts: int) -> Json:
    """What the controller needs to manage pods on `hosts` hosts.

    JobSet: 1.2 MiB of memory a host and at least 4 GiB, a whole CPU: below that it was seen to fail
    from about 1,000 hosts (AI-Hypercomputer/xpk pull requests 425 and 475). Kueue: 4 CPU and
    32 GiB for each 1,000 hosts (pull request 1140), never less than its own release asks for.
    """
    if component == "JobSet":
        limit = max(4096, -(-hosts * 12 // 10))
        return {"limits": {"memory": f"{limit}Mi"}, "requests": {"cpu": "1", "memory": "1Gi"}}
    thousands = max(1, -(-hosts // 1000)) if hosts > 100 else 0
    cpu, memory = (4 * thousands, f"{32 * thousands}Gi") if thousands else (2, "2Gi")
    return {"limits": {"cpu": str(cpu), "memory": memory}, "requests": {"cpu": "500m", "memory": "512Mi"}}


def sized(
    file: ReleaseFile, release: Release, resources: Json, there: Json | None = None
) -> tuple[Json, ...]:
    """The file's objects in the order to apply them, the controller with `resources`.

    `there` is the controller that is installed already, if one is.
    """
    manifests = sorted(file.manifests, key=lambda m: _rank(str(m["kind"])))
    return tuple(
        _with_selector(_with_resources(m, resources), there or {})
        if ObjectRef.of(m) == deployment_ref(release)
        else m
        for m in manifests
    )


def _rank(kind: str) -> int:
    if kind in _FIRST:
        return _FIRST.index(kind)
    return len(_FIRST) + 1 + _LAST.index(kind) if kind in _LAST else len(_FIRST)


def _with_resources(deployment: Json, resources: Json) -> Json:
    changed = copy.deepcopy(deployment)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        if container["name"] == "manager":
            container["resources"] = resources
    return changed


def _with_selector(deployment: Json, there: Json) -> Json:
    """The Deployment with the selector that it has: Kubernetes refuses another one.

    JobSet's got more labels between v0.10 and v0.12 (`commonLabels` in its config/default), so that the
    newer file cannot be applied over the older one as it is.
    """
    selector = there.get("spec", {}).get("selector")
    if not selector:
        return deployment
    spec = deployment["spec"]
    metadata = spec["template"].get("metadata", {})
    labels = {**metadata.get("labels", {}), **selector.get("matchLabels", {})}
    template = {**spec["template"], "metadata": {**metadata, "labels": labels}}
    return {**deployment, "spec": {**spec, "selector": selector, "template": template}}


def _raised(wanted: Json, actual: Json) -> Json:
    """`wanted`, but never below what is there: somebody may have raised it for a reason."""
    raised: Json = {}
    for part, values in wanted.items():
        raised[part] = dict(values)
        for name, value in values.items():
            there = quantity(str(actual.get(part, {}).get(name, "0")))
            if there is not None and there > (quantity(value) or 0):
                raised[part][name] = str(actual[part][name])
    return raised


def plan_release(
    component: Literal["JobSet", "Kueue"], spec: ClusterSpec, observed: Observed, needs: tuple[str, ...]
) -> list[PlannedStep]:
    """The steps that bring one release onto the cluster; none when it is there, large enough.

    An installed newer version is kept, and a larger controller stays as large as it is.
    """
    release = RELEASES[component]
    deployment = observed.objects.get(deployment_ref(release))
    resources = controller_resources(component, spec.hosts)
    why = ""
    if deployment is not None:
        installed = version_of(deployment)
        resources = _raised(resources, _resources_of(deployment))
        why = _reason(release, installed, resources, deployment)
        if not why:
            return _wait(release, deployment, needs=())
    file = observed.releases.get(component)
    path = spec.controllers.jobset_manifest if component == "JobSet" else spec.controllers.kueue_manifest
    digest = spec.controllers.jobset_sha256 if component == "JobSet" else spec.controllers.kueue_sha256
    step = InstallRelease(
        component=component,
        version=release.version,
        source=file.source if file else path or release.path,
        sha256=file.sha256 if file else digest,
        manifests=sized(file, release, resources, deployment) if file else (),
        resources=resources,
        hosts=spec.hosts,
        why=why,
    )
    install = PlannedStep(f"install/{component.lower()}", step, needs)
    return [install, *_wait(release, None, needs=(install.id,))]


def kept_release(component: Literal["JobSet", "Kueue"], observed: Observed) -> Kept:
    """A controller that is there and stays. Never down, and a foreign build is not ours to touch."""
    release = RELEASES[component]
    installed = version_of(observed.objects.get(deployment_ref(release), {}))
    why = AS_ASKED
    if installed is None:
        why = "a build without a version: not touched"
    elif installed > _numbers(release):
        why = f"newer than ours, {release.version[1:]}"
    name = f"{component} {'.'.join(map(str, installed or ()))}".rstrip()
    return Kept(f"install/{component.lower()}", "install", name, why)


def wants_file(component: Literal["JobSet", "Kueue"], spec: ClusterSpec, observed: Observed) -> bool:
    """True when a plan made now would install the release, so that its file must be read first."""
    return any(isinstance(p.step, InstallRelease) for p in plan_release(component, spec, observed, ()))


def _resources_of(deployment: Json) -> Json:
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        if container.get("name") == "manager":
            return dict(container.get("resources", {}))
    return {}


def _reason(release: Release, installed: tuple[int, int, int] | None, resources: Json, there: Json) -> str:
    ours = _numbers(release)
    if installed is not None and installed < ours:
        return f"{'.'.join(map(str, installed))} -> {release.version[1:]}"
    if installed is None or installed > ours:
        return ""  # a newer or a foreign build: not ours to touch
    changed = list(differences(resources, _resources_of(there)))
    return "; ".join(f"{path} {old or 'unset'} -> {new}" for path, old, new in changed)


def _numbers(release: Release) -> tuple[int, ...]:
    return tuple(int(part) for part in release.version.removeprefix("v").split("."))


def _wait(release: Release, deployment: Json | None, needs: tuple[str, ...]) -> list[PlannedStep]:
    conditions = (deployment or {}).get("status", {}).get("conditions", [])
    if any(c.get("type") == "Available" and c.get("status") == "True" for c in conditions):
        return []
    step = WaitForDeployment(release.namespace, release.deployment)
    return [PlannedStep(f"wait/{release.component.lower()}", step, needs)]
