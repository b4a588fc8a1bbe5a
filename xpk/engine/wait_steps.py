"""Steps that only wait: for a kind to be served, a controller to be up, the driver to be on every host."""

from __future__ import annotations

from xpk.cloud.errors import clean
from xpk.engine.away import ask, ask_all
from xpk.engine.context import Context
from xpk.engine.driver import DAEMON_SETS, NAMESPACE, NotUp, Overlap, Up, driver_state, selector_words
from xpk.engine.object_steps import established
from xpk.engine.tasks import Left, Say, Task, await_ended
from xpk.engine.wire import Json, KubeApi
from xpk.errors import Fault, NotReady, StateError, XpkError
from xpk.plan.steps import WaitForCrd, WaitForDeployment, WaitForDriver

DEADLINE = 1800.0
NOTHING_DEADLINE = 600.0
"""Seconds until "no host matches" is an end and not a beginning: nodes join within minutes of their pool."""
_DRIVER_EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"
_UNMOUNTED = "reason=FailedMount"
_AGAIN = "run the same command again to go on waiting"


def wait_for_crd(context: Context, step: WaitForCrd) -> Task[None]:
    """Until the kind is served: GKE's add-on manager installs it some time after the operation."""
    kube = yield from context.kube()
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{step.crd}"
    since, words = context.timing.now(), ""
    while True:
        crd = yield from ask(context, lambda: kube.get(path))
        if crd is not None and established(crd):
            return
        words = yield from _say(words, "not installed yet" if crd is None else "installed, not served yet")
        if context.timing.now() - since > DEADLINE:
            raise NotReady(Fault(f"kind {step.crd}", f"{words} after {DEADLINE / 60:.0f} minutes", _AGAIN))
        yield from context.pause(since)


def wait_for_deployment(context: Context, step: WaitForDeployment) -> Task[None]:
    """Until the controller is Available with its newest template."""
    kube = yield from context.kube()
    path = f"/apis/apps/v1/namespaces/{step.namespace}/deployments/{step.name}"
    since, words = context.timing.now(), ""
    while True:
        deployment = yield from ask(context, lambda: kube.get(path))
        if deployment is not None and available(deployment):
            return
        words = yield from _say(words, deployment_words(deployment))
        if context.timing.now() - since > DEADLINE:
            fix = f"kubectl describe pods -n {step.namespace} shows why; then run the same command again"
            why = f"{words} after {DEADLINE / 60:.0f} minutes"
            raise NotReady(Fault(f"controller {step.namespace}/{step.name}", why, fix))
        yield from context.pause(since)


def available(deployment: Json) -> bool:
    """Whether the newest generation is rolled out and serves."""
    status = deployment.get("status", {})
    wanted = int(deployment.get("spec", {}).get("replicas", 1))
    current = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    updated = int(status.get("updatedReplicas", wanted)) >= wanted
    return current and updated and _condition(deployment, "Available") == "True"


def deployment_words(deployment: Json | None) -> str:
    """How far a controller is."""
    if deployment is None:
        return "not there yet"
    status = deployment.get("status", {})
    for condition in status.get("conditions", []):
        if condition.get("type") == "Progressing" and condition.get("status") == "False":
            return clean(str(condition.get("message") or "its rollout does not go on"), limit=160)
    wanted = int(deployment.get("spec", {}).get("replicas", 1))
    return f"{int(status.get('readyReplicas') or 0)} of {wanted} ready"


def _condition(found: Json, kind: str) -> str:
    conditions = found.get("status", {}).get("conditions", [])
    return next((str(c.get("status")) for c in conditions if c.get("type") == kind), "")


def wait_for_driver(context: Context, step: WaitForDriver) -> Task[None]:
    """Until the ramdisk is on every host.

    Raises StateError at once when another configuration holds the hosts, NotReady when time is up.
    """
    hosts = step.hosts
    if step.pools:
        pools = yield from await_ended(step.pools, more_than=-1)
        hosts -= step.per_slice * (len(step.pools) - pools.done)
        if step.per_slice and not hosts:
            raise Left
    kube = yield from context.kube()
    since, words, matched = context.timing.now(), "", context.timing.now()
    while True:
        configuration, daemon_sets, events = yield from _look(context, kube, step.configuration)
        state = driver_state(configuration, daemon_sets, events, hosts)
        now = context.timing.now()
        match state:
            case Up():
                return
            case Overlap(message):
                fix = f"kubectl get checkpointconfigurations; delete the other one or {step.configuration}"
                raise StateError(Fault(f"CheckpointConfiguration {step.configuration}", message, fix))
            case NotUp():
                words = yield from _say(words, state.words)
                matched = matched if state.nothing_matches else now
                if now - since > DEADLINE or now - matched > NOTHING_DEADLINE:
                    mounts = yield from ask(
                        context, lambda: kube.list(_DRIVER_EVENTS, field_selector=_UNMOUNTED)
                    )
                    raise _driver_late(step, state, configuration, now - since, mounts)
        yield from context.pause(since)


def _driver_late(
    step: WaitForDriver, state: NotUp, configuration: Json | None, waited: float, mounts: list[Json]
) -> NotReady:
    fix = "kubectl get pods -n gke-managed-checkpointing -o wide shows which; then run the same command again"
    if state.nothing_matches and configuration is not None:
        fix = (
            f"kubectl get nodes --show-labels: no node fits {selector_words(configuration)}; "
            "then run the same command again"
        )
    why = f"{state.words} after {waited / 60:.0f} minutes"
    if mounts:
        last = max(mounts, key=lambda event: str(event.get("lastTimestamp") or ""))
        why += f"; Kubernetes says: {clean(str(last.get('message') or ''))}"
    return NotReady(Fault(f"driver of {step.configuration}", why, fix))


def _look(context: Context, kube: KubeApi, name: str) -> Task[tuple[Json | None, list[Json], list[Json]]]:
    about = f"involvedObject.kind=CheckpointConfiguration,involvedObject.name={name},reason=Conflict"
    configuration = yield from ask(
        context, lambda: kube.get(f"/apis/checkpointing.gke.io/v1/checkpointconfigurations/{name}")
    )
    lists = yield from ask_all(
        context,
        [lambda: kube.list(DAEMON_SETS), lambda: kube.list("/api/v1/events", field_selector=about)],
    )
    daemon_sets, events = (_value(result) for result in lists)
    return configuration, daemon_sets, events


def _value(result: list[Json] | XpkError) -> list[Json]:
    if isinstance(result, XpkError):
        raise result
    return result


def _say(before: str, now: str) -> Task[str]:
    """Tell what changed; the same words are not said twice."""
    if now != before:
        yield Say(now)
    return now
