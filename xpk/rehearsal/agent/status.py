"""A pod's status as a kubelet writes it, from what is known of its containers. Pure.

Shapes and words are those of the kubelet (k8s.io/kubernetes pkg/kubelet: status/generate.go,
kubelet_pods.go). Conditions that others write (PodScheduled, DisruptionTarget) are never in it: the
status is sent as a strategic merge, which leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Phase = Literal["Pending", "Running", "Succeeded", "Failed"]
TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that does not run now and may run later."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """A container that runs since a time."""

    since: str


@dataclass(frozen=True, slots=True)
class Over:
    """A container that has ended. `code` as Kubernetes says it."""

    code: int
    since: str
    until: str
    reason: str = ""
    message: str = ""


State = Waiting | Runs | Over


@dataclass(frozen=True, slots=True)
class Seen:
    """What a kubelet knows of one container."""

    name: str
    image: str
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Over | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pod's status is made of beside its containers."""

    started: str
    host_ip: str
    pod_ip: str
    policy: str = "Always"
    deleting: bool = False
    reason: str = ""
    message: str = ""


def phase(containers: Sequence[Seen], policy: str, deleting: bool) -> Phase:
    """The pod's phase; a pod that is being deleted restarts nothing."""
    states = [one.state for one in containers]
    over = [state for state in states if isinstance(state, Over)]
    if len(over) == len(states):
        failed = any(state.code for state in over)
        if deleting or policy == "Never" or (policy == "OnFailure" and not failed):
            return "Failed" if failed else "Succeeded"
        return "Running"
    began = over or any(isinstance(state, Runs) for state in states) or any(one.last for one in containers)
    return "Running" if began else "Pending"


def status(containers: Sequence[Seen], facts: Facts, stamp: str, before: Mapping[str, Any]) -> Json:
    """The status to send. `before`: the status as sent last, for the times of its conditions."""
    found = phase(containers, facts.policy, facts.deleting)
    status: Json = {
        "phase": found,
        "conditions": _conditions(containers, found, stamp, before),
        "containerStatuses": [_container(one) for one in containers],
        "startTime": facts.started,
        "hostIP": facts.host_ip,
        "hostIPs": [{"ip": facts.host_ip}],
    }
    if found != "Pending":
        status |= {"podIP": facts.pod_ip, "podIPs": [{"ip": facts.pod_ip}]}
    if facts.reason:
        status |= {"reason": facts.reason, "message": facts.message}
    return status


def ready_node(stamp: str) -> Json:
    """The condition of a node whose kubelet is well."""
    return {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }


def _conditions(
    containers: Sequence[Seen], found: Phase, stamp: str, before: Mapping[str, Any]
) -> list[Json]:
    idle = [one.name for one in containers if not isinstance(one.state, Runs)]
    done = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(found)
    reason = done or ("ContainersNotReady" if idle else None)
    message = f"containers with unready status: [{' '.join(idle)}]" if idle and not done else None
    wanted = {
        "PodReadyToStartContainers": ("True" if found == "Running" else "False", None, None),
        "Initialized": ("True", "PodCompleted" if found == "Succeeded" else None, None),
        "Ready": ("False" if reason else "True", reason, message),
        "ContainersReady": ("False" if reason else "True", reason, message),
    }
    known = {one["type"]: one for one in before.get("conditions") or ()}
    made = []
    for kind, (value, why, text) in wanted.items():
        old = known.get(kind, {})
        since = old.get("lastTransitionTime") if old.get("status") == value else stamp
        made.append(
            {
                "type": kind,
                "status": value,
                "reason": why,
                "message": text,
                "lastProbeTime": None,
                "lastTransitionTime": since or stamp,
            }
        )
    return made


def _container(one: Seen) -> Json:
    runs = isinstance(one.state, Runs)
    return {
        "name": one.name,
        "image": one.image,
        "imageID": "",
        "ready": runs,
        "started": runs,
        "restartCount": one.restarts,
        "state": _state(one.state),
        "lastState": {} if one.last is None else _state(one.last),
    }


def _state(state: State) -> Json:
    match state:
        case Waiting(reason=reason, message=message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Runs(since=since):
            return {"running": {"startedAt": since}}
        case Over():
            ended: Json = {
                "exitCode": state.code,
                "reason": state.reason or ("Error" if state.code else "Completed"),
                "startedAt": state.since,
                "finishedAt": state.until,
            }
            return {"terminated": ended | ({"message": state.message} if state.message else {})}
