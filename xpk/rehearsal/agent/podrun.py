"""One pod on one host, from ContainerCreating to its removal: a thread that takes one message at a time.

What should be is compared with what is after each message; nothing is polled. Whoever knows something
new of the pod (the watch, a process that ended, the node's end) puts it into the inbox.
"""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

from xpk.cloud.errors import NotFound
from xpk.errors import StateError, XpkError
from xpk.rehearsal.agent import status
from xpk.rehearsal.agent.container import Container
from xpk.rehearsal.agent.happenings import PodReports
from xpk.rehearsal.agent.messages import Back, Changed, Exited, Gone, Lost, Message
from xpk.rehearsal.agent.starting import Start
from xpk.rehearsal.agent.surface import Process, Setting
from xpk.rehearsal.record.events import Host

Json = dict[str, Any]
_KILLED = 137
_UNKNOWN = "ContainerStatusUnknown"
_UNKNOWN_WORDS = "The container could not be located when the pod was terminated"


class PodRun:
    """Runs one pod. `start` it once; the other methods may be called from any thread."""

    def __init__(self, pod: Json, host: Host, allocatable: Json, setting: Setting) -> None:
        self.host = host
        self.node = str(pod["spec"]["nodeName"])
        self.dead = threading.Event()
        """Set when nothing of the pod runs any more: its machine was lost, or this thread is over."""
        self._pod = pod
        self._setting = setting
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._containers = [Container(one, setting.times) for one in pod["spec"]["containers"]]
        self._start = Start(pod, host, allocatable, setting, self._containers)
        self._reports = PodReports(pod, host, setting)
        self._killed = threading.Event()
        self._lost = self._gone = self._signalled = self._released = False
        self._kill_at: float | None = None
        self._write_at: float | None = None
        self._retry_at: float | None = None
        self._sent: Json = {}
        self._thread = threading.Thread(target=self._live, name=f"pod {self.name}", daemon=True)

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self._pod["metadata"]["name"])

    @property
    def pod(self) -> Json:
        """The pod as seen last."""
        return self._pod

    @property
    def processes(self) -> tuple[Process, ...]:
        """What of it runs."""
        return tuple(process for one in self._containers if (process := one.process) is not None)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, message: Message) -> None:
        """Tell it something. A lost or removed pod's processes are killed before this returns."""
        if isinstance(message, Lost | Gone):
            self._killed.set()
            self._kill()
        self._inbox.put(message)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of its thread; whether that came."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _live(self) -> None:
        try:
            self._follow_messages()
        except Exception as error:
            self._setting.failures.append(f"pod {self.name}: {error!r}")
            self._kill()
        finally:
            # The removal of a lost machine's pod may be heard before the loss: nobody takes that any more.
            self.dead.set()

    def _follow_messages(self) -> None:
        self._adopt()
        while not (self._gone and not self.processes):
            self._act()
            if self._gone and not self.processes:
                break
            try:
                self._take(self._inbox.get(timeout=self._patience()))
            except Empty:
                continue
        self._start.undo()

    def _adopt(self) -> None:
        """A pod that somebody ran before: its processes are not there, which a kubelet finds out, too."""
        before = self._pod.get("status") or {}
        self._sent = before
        if before.get("phase") == "Running":
            self._cut_off()

    def _cut_off(self) -> None:
        """No process of the pod is there, whatever its status says."""
        for one in self._containers:
            if one.over is None:
                one.ended(_KILLED, self._setting.stamp(), _UNKNOWN, _UNKNOWN_WORDS)
            self._after(one)
        self._write()

    def _take(self, message: Message) -> None:
        match message:
            case Exited(container=container, process=process, code=code):
                self._exited(container, process, code)
            case Changed(pod=pod):
                self._pod = pod
            case Gone():
                self._gone = True
            case Lost():
                self._lost = True
            case Back():
                self._lost = False
                self._killed.clear()
                self.dead.clear()
                self._cut_off()

    def _exited(self, container: Container, process: Process, code: int) -> None:
        if container.process is not process:
            return
        container.ended(code, self._setting.stamp())
        if not self.processes:
            codes = [one.over.code for one in self._containers if one.over]
            self._reports.ended(next((one for one in codes if one), 0))
        if not (self._lost or self._gone or self._killed.is_set()):
            self._after(container)
            self._write()

    def _after(self, container: Container) -> None:
        """Have a container that has ended start again, where the pod wants that."""
        over, policy = container.over, self._policy
        if over is None or self._deleting or self._start.refusal:
            return
        if policy == "Always" or (policy == "OnFailure" and over.code != 0):
            container.again(time.monotonic(), self._reports.full_name)

    @property
    def _policy(self) -> str:
        return str(self._pod["spec"].get("restartPolicy", "Always"))

    @property
    def _deleting(self) -> bool:
        return "deletionTimestamp" in self._pod["metadata"]

    @property
    def _terminal(self) -> bool:
        return self._sent.get("phase") in status.TERMINAL

    def _patience(self) -> float | None:
        """Seconds until there is something to do without a message."""
        due = [one for one in (self._kill_at, self._write_at, self._retry_at) if one is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _act(self) -> None:
        now = time.monotonic()
        self._retry_at = None
        if self._gone or self._lost:
            self._kill_at = self._write_at = None
            self._kill()
            if self._lost and not self.processes:
                self._start.undo()
                self.dead.set()
            return
        if self._killed.is_set():
            return  # lost or gone, which the inbox is about to say: nothing is written any more
        if self._write_at is not None and now >= self._write_at:
            self._write()
        if self._terminal and not self.processes:
            self._start.undo()
        if self._deleting:
            self._end(now)
        elif not self._terminal and not self._refused():
            self._begin(now)

    def _refused(self) -> bool:
        """A pod that cannot be run here fails at once, as one that a kubelet does not admit."""
        why = self._start.refusal
        if not why:
            return False
        for one in self._containers:
            one.ended(1, self._setting.stamp(), "NotRehearsed", why)
        self._reports.event("Warning", "NotRehearsed", why)
        self._write()
        return True

    def _begin(self, now: float) -> None:
        """Start what is due."""
        if not self._sent.get("containerStatuses"):
            self._write()
        if self._start.due(now, self._reports, self._await, self._killed):
            for one in self._containers:
                self._after(one)
            self._write()
        waiting = [one.due for one in self._containers if one.process is None and one.over is None]
        self._retry_at = min(waiting) if waiting else None

    def _await(self, container: Container, process: Process) -> None:
        """Wait for the end of a process in a thread of its own: there is no other way to be told."""

        def wait() -> None:
            code = process.wait()
            self._inbox.put(Exited(container, process, 0 if code is None else code))

        threading.Thread(target=wait, name=f"wait {self.name}", daemon=True).start()

    def _end(self, now: float) -> None:
        """Bring a pod that is being deleted to its end: SIGTERM, SIGKILL, the last status, the deletion."""
        running = self.processes
        grace = float(self._pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if running:
            if not self._signalled:
                self._signalled = True
                self._kill_at = now + grace
                for process in running:
                    process.terminate()
            if self._kill_at is not None and (now >= self._kill_at or grace == 0):
                self._kill_at = None
                self._kill()
            return
        self._kill_at = None
        if not self._terminal:
            self._cut_off()
            self._start.undo()
        if self._terminal and not self._released:
            self._release()

    def _release(self) -> None:
        """Say that nothing of the pod runs any more."""
        try:
            self._setting.kube.delete(
                self._reports.path, propagation="Background", grace_seconds=0, uid=self._reports.uid
            )
            self._released = True
        except StateError:
            self._released = True  # a successor of the same name: ours is gone
        except XpkError:
            self._retry_at = time.monotonic() + self._setting.times.again

    def _kill(self) -> None:
        for process in self.processes:
            process.kill()

    def _write(self) -> None:
        """Send the status; a refused write is tried again, one to a pod that is gone is not."""
        facts = status.Facts(
            started=self._start.since,
            host_ip=self._setting.address,
            pod_ip=self._setting.address,
            policy="Never" if self._start.refusal else self._policy,
            deleting=self._deleting,
        )
        seen = [one.seen for one in self._containers]
        wanted = status.status(seen, facts, self._setting.stamp(), self._sent)
        self._write_at = None
        try:
            self._setting.kube.patch_status(self._reports.path, wanted, uid=self._reports.uid)
        except NotFound:
            self._gone = True
        except XpkError:
            self._write_at = time.monotonic() + self._setting.times.again
            return
        self._sent = wanted
