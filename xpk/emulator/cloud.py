"""The emulated cloud as one value behind one lock: services, time, faults and the log of requests.

Not the server: it takes a `Request` and gives a `Response`, so a test needs no socket.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from xpk.emulator import control
from xpk.emulator.clock import Clock
from xpk.emulator.errors import ApiError, google_error, invalid, unknown_route
from xpk.emulator.faults import Faults, RequestFault
from xpk.emulator.gke import effects
from xpk.emulator.gke.operations import DEFAULT_QUOTA
from xpk.emulator.gke.proxy import Proxy
from xpk.emulator.gke.resizes import Resizes
from xpk.emulator.gke.routes import Routes as GkeRoutes
from xpk.emulator.gke.store import Store
from xpk.emulator.http import Json, NotJson, Request, Response
from xpk.emulator.iam import Iam
from xpk.emulator.projects import routes as projects
from xpk.emulator.releases import routes as releases
from xpk.emulator.setbacks import OperationFaults
from xpk.emulator.storage.buckets import Buckets
from xpk.emulator.storage.routes import Routes as StorageRoutes
from xpk.emulator.world import World, WorldFactory

# An instant clock must not jump for ever when a controller always has work due: so many times at most
# between two requests that change something.
MAX_JUMPS = 2_000
# Nor to what is further than this from the last change, in emulated seconds: neither to the removal of a
# finished workload, which no one could look at, nor along retries that change nothing.
LONGEST_JUMP = 3_600.0
JUMP_SLACK = 0.001


def kubernetes_world(clock: Clock, name: str, wake: Callable[[], None]) -> World:
    """The Kubernetes half; loaded with the first cluster, so that the server starts at once."""
    from xpk.emulator.kubernetes.world import KubernetesWorld

    return KubernetesWorld(clock, name, wake)


class Cloud:
    """Everything that is emulated. Safe to use from many threads."""

    def __init__(
        self, clock: Clock, world_factory: WorldFactory = kubernetes_world, quota: int = DEFAULT_QUOTA
    ) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.woken = threading.Event()
        self.faults = Faults()
        self.operation_faults = OperationFaults()
        self.resizes = Resizes()
        self.iam = Iam(clock)
        self.buckets = Buckets(clock, self.iam)
        self.store = Store(
            clock,
            world_factory,
            self.wake,
            self.faults.condition,
            quota,
            self.operation_faults.take,
            self.iam,
            self.buckets.denied,
        )
        self.requests: list[Json] = []
        self.changes = 0
        # what went wrong between requests: every later one answers with it
        self.failure = ""
        self._due: float | None = None
        self._stale = False
        # for an instant clock: when something last changed, by which count, and the jumps since a request
        self._moved = (clock.now(), 0)
        self._jumps = 0
        self._services: dict[str, Callable[[Request], Response]] = {
            "v1": GkeRoutes(self.store).handle,
            "v1beta1": GkeRoutes(self.store).handle,
            "storage": StorageRoutes(self.buckets).handle,
            "v3": projects.handle,
            "releases": releases.handle,
            "kubernetes": Proxy(self.store).handle,
        }

    def wake(self) -> None:
        """Something changed from which more may follow."""
        self._stale = True
        self.changes += 1
        self.woken.set()

    def settle(self) -> float | None:
        """Do all that is due; emulated seconds until more is, None when nothing is pending.

        With an instant clock time jumps until all is done, but not further than `LONGEST_JUMP` from the last
        change: what is tried again and again in vain rests until a request changes something.
        """
        with self.lock:
            while True:
                if self._stale or (self._due is not None and self._due <= self.clock.now()):
                    self._tick()
                if self._due is None:
                    return None
                if not self.clock.instant:
                    return max(self._due - self.clock.now(), 0.0)
                if self._due - self._moved[0] > LONGEST_JUMP or self._jumps >= MAX_JUMPS:
                    return None
                self._jumps += 1
                self.clock.jump(self._due - self.clock.now() + JUMP_SLACK)

    def _tick(self) -> None:
        self._stale = False
        try:
            self._work()
        except Exception:
            self.failure = traceback.format_exc()
            raise

    def _work(self) -> None:
        if effects.finish_due(self.store, self.resizes):
            self.changes += 1
        waits = [self.store.operations.next_due(), *(world.tick() for world in self.store.worlds.values())]
        pending = [wait for wait in waits if wait is not None]
        self._due = self.clock.now() + min(pending) if pending else None
        count = self.changes + sum(world.changes for world in self.store.worlds.values())
        if count != self._moved[1]:
            self._moved = (self.clock.now(), count)

    def handle(self, request: Request) -> Response | None:
        """The answer to a request, rendered; None means: close the connection without one."""
        if request.path.startswith("/_emulator/"):
            with self.lock:
                return self._guarded(request, self._control)
        with self.lock:
            fault = self.faults.take(request)
        response = self._real(request) if fault is None else self._with(fault, request)
        self._log(request, 0 if response is None else response.status)
        return response

    def _with(self, fault: RequestFault, request: Request) -> Response | None:
        """The answer under a fault."""
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        instead = fault.response()
        replaces = instead is not None or fault.drop
        if instead is not None and fault.cut is not None:
            instead = replace(instead, cut=fault.cut)
        if fault.when == "before" and replaces:
            return instead
        response = self._real(request)
        if not replaces:
            return response if fault.cut is None else replace(response, cut=fault.cut)
        close = getattr(response.stream, "close", None)
        if close is not None:
            close()
        return instead

    def _control(self, request: Request) -> Response:
        self.settle()
        if request.method != "GET":
            self._jumps = 0
        return control.handle(self, request)

    def _real(self, request: Request) -> Response:
        def answer(asked: Request) -> Response:
            if self.failure:
                raise RuntimeError(self.failure)
            self.settle()
            service = self._services.get((asked.parts() or [""])[0])
            if service is None:
                raise unknown_route(asked.method, asked.path)
            return service(asked)

        with self.lock:
            response = self._guarded(request, answer)
            if request.method != "GET":
                self._jumps = 0
                self.wake()
            return response

    def _guarded(self, request: Request, service: Callable[[Request], Response]) -> Response:
        try:
            return service(request).rendered()
        except ApiError as error:
            return error.response().rendered()
        except NotJson as error:
            return invalid(f"Invalid JSON payload received. {error}").response().rendered()
        except Exception:
            message = f"The emulator failed:\n{traceback.format_exc()}"
            return Response(500, google_error(500, "INTERNAL", message)).rendered()

    def _log(self, request: Request, status: int) -> None:
        body: object = request.body.decode("utf-8", "replace") or None
        if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
            with suppress(ValueError):
                body = json.loads(body)
        entry = {"method": request.method, "path": request.path, "body": body, "status": status}
        with self.lock:
            self.requests.append(entry)

    def close(self) -> None:
        """End all watches."""
        with self.lock:
            for world in self.store.worlds.values():
                world.close()

    def dump(self) -> Json:
        """Everything that outlives the process, as JSON."""
        with self.lock:
            return {
                "format": 1,
                "now": self.clock.now(),
                "gke": self.store.dump(),
                "buckets": self.buckets.dump(),
            }

    def load(self, state: Json) -> None:
        """The inverse of `dump`. Operations that ran go on by the clock. Raises ValueError."""
        if state.get("format") != 1:
            raise ValueError("not a state of this version of the emulator")
        with self.lock:
            self.clock.not_before(state["now"])
            self.buckets.load(state["buckets"])
            self.store.load(state["gke"])
            self.wake()
