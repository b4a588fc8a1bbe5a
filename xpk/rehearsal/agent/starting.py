"""Brings a pod's containers to run: volumes first, then environment, then the process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xpk.errors import XpkError
from xpk.rehearsal.agent import injected
from xpk.rehearsal.agent.container import Container
from xpk.rehearsal.agent.environment import NotConfigured, Surroundings
from xpk.rehearsal.agent.happenings import PodReports
from xpk.rehearsal.agent.logs import paths_of
from xpk.rehearsal.agent.names import hosts_lines
from xpk.rehearsal.agent.recipe import Order, recipe
from xpk.rehearsal.agent.substitution import Substitution
from xpk.rehearsal.agent.surface import Process, Setting
from xpk.rehearsal.agent.volumes import NotMounted, Source
from xpk.rehearsal.hosts.launch import StartError
from xpk.rehearsal.record.events import Host

Json = dict[str, Any]
Follow = Callable[[Container, Process], None]


class Start:
    """The starting of one pod. Used by the pod's thread alone."""

    def __init__(
        self, pod: Json, host: Host, allocatable: Json, setting: Setting, containers: list[Container]
    ) -> None:
        self._pod = pod
        self._host = host
        self._setting = setting
        self._containers = containers
        self._mounted: dict[str, Source] | None = None
        self._undone = True
        self._hosts: int | None = None
        self._logs = paths_of(setting.logs, pod)
        self._around = Surroundings(setting.address, setting.address, allocatable, setting.read)
        self.since = (pod.get("status") or {}).get("startTime") or setting.stamp()
        """When the pod came to its node."""

    @property
    def refusal(self) -> str:
        """Why the pod can never run here; empty when it can."""
        if self._pod["spec"].get("initContainers"):
            return "a rehearsal runs no init containers"
        missing = [str(one["name"]) for one in self._pod["spec"]["containers"] if not one.get("command")]
        if missing:
            return f"container {missing[0]} has no command, and there is no image whose own could be run"
        return ""

    def due(self, now: float, reports: PodReports, follow: Follow, killed: threading.Event) -> bool:
        """Start what is due; whether anything changed. What is killed meanwhile is killed at once."""
        again = now + self._setting.times.mount
        due = [one for one in self._containers if one.process is None and not one.over and one.due <= now]
        if not due:
            return False
        if not self._mount(reports):
            for one in due:
                one.due = again
            return False
        for one in due:
            self._one(one, now, again, reports, follow)
        if killed.is_set():
            for one in due:
                if one.process is not None:
                    one.process.kill()
        return True

    def undo(self) -> None:
        """Nothing of the pod runs any more: give its volumes back, once."""
        if not self._undone:
            self._undone, self._mounted = True, None
            self._setting.volumes.unmount(self._pod, self._host)

    def _mount(self, reports: PodReports) -> bool:
        if self._mounted is not None:
            return True
        self._undone = False
        try:
            self._mounted = self._setting.volumes.mount(self._pod, self._host)
        except (NotMounted, XpkError, OSError) as error:
            reports.event("Warning", "FailedMount", str(error))
            return False
        return True

    def _one(self, one: Container, now: float, again: float, reports: PodReports, follow: Follow) -> None:
        try:
            process = self._setting.launcher.start(recipe(self._order(one), self._setting.volumes))
        except StartError as error:
            one.ended(error.code, self._setting.stamp(), error.reason, error.message)
            reports.event("Warning", "Failed", f"Error: {error.message}")
            reports.started()
            if not any(other.process for other in self._containers):
                reports.ended(error.code)
        except (NotConfigured, NotMounted, XpkError, ValueError, OSError) as error:
            one.waits("CreateContainerConfigError", str(error), again)
            reports.event("Warning", "Failed", f"Error: {error}")
        else:
            one.started(process, self._setting.stamp(), now)
            follow(one, process)
            self._told(process)
            reports.started()

    def _order(self, one: Container) -> Order:
        if self._hosts is None:
            self._hosts = self._setting.job_size(self._pod)
        if injected.stand_ins(self._pod, one.spec, self._hosts):
            why = "GKE adds them to pods with TPU chips; computed here from the pod's labels"
            self._setting.tell(Substitution("TPU_WORKER_*, MEGASCALE_*", "by GKE", "stand-ins", why))
        return Order(
            pod=self._pod,
            container=one.spec,
            hosts=self._hosts,
            mounted=self._mounted or {},
            around=self._around,
            given=self._setting.given(self._pod, self._host),
            log=self._logs[one.name],
            names=self._names(self._hosts),
        )

    def _names(self, hosts: int) -> Path | None:
        """The pod's /etc/hosts: the machine's, and the names that it could ask a cluster's DNS for."""
        lines = hosts_lines(self._pod, hosts, self._setting.address)
        if not lines:
            return None
        why = "there is no DNS of a cluster; in the pods' /etc/hosts where mounts are possible"
        self._setting.tell(Substitution("names of pods", "addresses", self._setting.address, why))
        path = self._setting.volumes.own(self._pod, "etc_hosts") / "hosts"
        with contextlib.suppress(FileNotFoundError):
            lines.insert(0, Path("/etc/hosts").read_text(encoding="utf-8", errors="replace"))
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    def _told(self, process: Process) -> None:
        """Tell what a launcher without mounts has replaced."""
        for one in getattr(process, "replaced", ()):
            where = ", ".join(one.where)
            why = f"no mount namespace can be made here; replaced in {where}"
            self._setting.tell(Substitution(f"mount path {one.what}", one.what, one.by, why))
