"""Everything that a rehearsal stands on, put together: directories, agent, driver, log reader, status.

The cluster and the workload are made by others, through the same commands as a real one's; a stage serves
the cluster's hosts. It belongs to one rehearsal and leaves nothing behind.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from xpk.rehearsal.agent.agent import Agent
from xpk.rehearsal.agent.injected import attempt as attempt_of
from xpk.rehearsal.agent.logs import log_path
from xpk.rehearsal.agent.recipe import Given
from xpk.rehearsal.agent.substitution import Once, Substitution
from xpk.rehearsal.agent.surface import KubeApi, Setting
from xpk.rehearsal.agent.volumes import Directories
from xpk.rehearsal.conduct import machine
from xpk.rehearsal.conduct.addresses import Addresses
from xpk.rehearsal.conduct.logs import LogReader
from xpk.rehearsal.conduct.recorder import Recorder
from xpk.rehearsal.conduct.scenario import BACKUP_MINUTE, Scenario
from xpk.rehearsal.conduct.status import StatusWatch
from xpk.rehearsal.driver.driver import Driver
from xpk.rehearsal.driver.eligible import eligible
from xpk.rehearsal.hosts.container import Launcher
from xpk.rehearsal.hosts.isolation import Isolation
from xpk.rehearsal.hosts.space import Space
from xpk.rehearsal.record.events import Event, Host, PodEnded, PodStarted

Json = dict[str, Any]
CONTAINER: Final = "jax-tpu"
NAMESPACE: Final = "default"
_END_SECONDS: Final = 30.0


class Work(Protocol):
    """Something that goes on until it is told to stop."""

    def __call__(self, stop: threading.Event, /) -> None: ...


class Stage:
    """The parts of one rehearsal. `with stage.serving():` runs them."""

    def __init__(
        self,
        scenario: Scenario,
        space: Space,
        isolation: Isolation,
        kube: KubeApi,
        recorder: Recorder,
        tell: Callable[[Substitution], None],
        *,
        workload: str,
        selector: dict[str, str],
        heartbeats: bool = False,
    ) -> None:
        self._scenario, self._space, self._recorder = scenario, space, recorder
        self._addresses = Addresses()
        self._programs = space.scratch("programs")
        machine.lay_programs(scenario.python, self._programs)
        self.driver = self._driver()
        self._reader = LogReader(self._log, recorder.tell, recorder.now)
        once = Once(tell)
        setting = Setting(
            kube=kube,
            launcher=Launcher(isolation),
            volumes=Directories(space, self.driver, self._read(kube), once),
            logs=space.logs,
            on_event=self._hear,
            given=self._given,
            tell=once,
            clock=recorder.now,
        )
        self.agent = Agent(setting, selector, heartbeats=heartbeats)
        self._kube = kube
        path = f"/apis/jobset.x-k8s.io/v1alpha2/namespaces/{NAMESPACE}/jobsets/{workload}"
        self.status = StatusWatch(kube, path, scenario.num_slices, recorder.tell, recorder.now)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the hosts. At the end everything that runs for them is killed and the rest read."""
        stop = threading.Event()
        works: tuple[Work, ...] = (self.agent.run, self.driver.run, self._reader.run, self.status.run)
        threads = [threading.Thread(target=work, args=(stop,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(_END_SECONDS)
            self._reader.close()

    def judge(self) -> None:
        """Hold the JobSet against what the checkpointing driver wants; a driver gives no ranks without it."""
        jobset = self._kube.get(self.status.path)
        reason = None if jobset is None else eligible(jobset)
        if jobset is not None and reason is not None:
            self.driver.refuse(f"{NAMESPACE}/{jobset['metadata']['name']}", reason)

    def last_words(self) -> None:
        """Have the last lines of the pods that run told."""
        self._reader.last_words()

    def failure(self) -> str:
        """What is wrong with the stage itself; empty while nothing is."""
        if self.status.failure is not None:
            return "; ".join(f"{fault.what}: {fault.why}" for fault in self.status.failure.faults)
        return self.agent.failure

    def _driver(self) -> Driver:
        scenario, space = self._scenario, self._space
        return Driver(
            space.ramdisk,
            slices=scenario.num_slices,
            hosts=scenario.hosts,
            bucket=space.bucket(scenario.bucket),
            outputs=(),
            on_event=self._recorder.tell,
            clock=self._recorder.now,
            new_address=self._addresses.of,
            ramdisk_bytes=scenario.ramdisk_bytes,
            minute=BACKUP_MINUTE,
        )

    def _hear(self, event: Event) -> None:
        if isinstance(event, PodStarted | PodEnded):
            self._reader.hear(event)
        self._recorder.tell(event)

    def _log(self, pod: str) -> Path:
        return log_path(self._space.logs, NAMESPACE, pod, CONTAINER)

    def _given(self, pod: Json, host: Host) -> Given:
        home = self._space.home(host)
        return Given(
            image=machine.image(self._scenario, home, self._programs),
            forced=machine.forced(self._scenario, self._addresses.of(attempt_of(pod))),
            cwd=str(home),
            needed=(home, self._programs, *machine.needed(self._scenario, os.environ)),
        )

    @staticmethod
    def _read(kube: KubeApi) -> Callable[[str, str, str], Json | None]:
        return lambda plural, namespace, name: kube.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")
