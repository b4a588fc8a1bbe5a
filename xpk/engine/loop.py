"""The one loop that carries out a plan's steps: starts them, answers what they wait for, reads operations.

Single-threaded: only API calls run on threads. It sleeps until the next answer or the next
poll, never longer. What a step does is in `perform.py`.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, assert_never

from xpk.cloud.errors import NotFound, OperationInProgress, TooManyOperations
from xpk.engine.ended import Followers
from xpk.engine.events import Event, StepDone, StepFailed, StepProgress, StepSkipped, StepStarted
from xpk.engine.graph import Graph
from xpk.engine.operations import Awaited, OperationBoard, SendGate, Sending
from xpk.engine.report import Failure
from xpk.engine.running import Key, Running
from xpk.engine.tasks import (
    AwaitEnded,
    AwaitOperation,
    Call,
    CallAll,
    Expired,
    Left,
    Pause,
    Request,
    Say,
    SendOperation,
    Task,
)
from xpk.engine.timing import Timing, poll_interval
from xpk.engine.wire import Json
from xpk.engine.workers import Finished, Workers
from xpk.errors import AccessError, XpkError
from xpk.plan.steps import PlannedStep, RevokeBucketRole

_LOOK_FOR_STOP = 0.25  # seconds between looks at `stop` while calls are under way
_LAST_ANSWERS = 2.0  # seconds that an interrupted run waits to learn whether its requests were taken
_LIST_FAILURES = 3  # unreadable operation lists in a row, each already retried by the wire


class Loop:
    """Runs a graph of steps to its end, or until `stop`. `failures` are in the order of their time."""

    def __init__(
        self,
        graph: Graph,
        perform: Callable[[PlannedStep], Task[None]],
        read_operations: Callable[[frozenset[str]], list[Json]],
        read_operation: Callable[[str], Json],
        workers: Workers,
        timing: Timing,
        on_event: Callable[[Event], None],
        stop: threading.Event,
    ) -> None:
        self.graph = graph
        self.failures: list[Failure] = []
        self.gate = SendGate()
        self.board = OperationBoard()
        self._followers = Followers(graph)
        self._perform = perform
        self._read_operations = read_operations
        self._read_operation = read_operation
        self._workers = workers
        self._timing = timing
        self._on_event = on_event
        self._stop = stop
        self._running: dict[str, Running] = {}
        self._resume: deque[tuple[str, Any, BaseException | None]] = deque()
        self._timers: list[tuple[float, int, str]] = []
        self._count = 0
        self._give_up = False

    def run(self) -> None:
        """Carry out everything that can be. Returns also when steps failed or `stop` was set."""
        while not self._stop.is_set():
            if not self._give_up:
                for step_id in self.graph.start():
                    self._begin(step_id)
            if self._resume:
                self._step(*self._resume.popleft())
                continue
            if not self._running:
                return
            self._send_and_poll()
            if not self._resume:
                self._wait()
        self._abandon()

    # starting and ending steps

    def _begin(self, step_id: str) -> None:
        planned = self.graph.steps[step_id]
        self._running[step_id] = Running(step_id, self._perform(planned), self._timing.now())
        self._on_event(StepStarted(step_id))
        self._resume.append((step_id, None, None))

    def _step(self, step_id: str, value: Any, error: BaseException | None) -> None:
        """Let a step run on until its next request, with the answer to its last one."""
        running = self._running.get(step_id)
        if running is None:
            return
        try:
            request = running.task.throw(error) if error is not None else running.task.send(value)
        except StopIteration:
            self._done(running)
        except Left:
            self._lost(running, "left")
        except XpkError as failure:
            self._failed(running, failure)
        else:
            self._answer(running, request)

    def _done(self, running: Running) -> None:
        del self._running[running.step_id]
        self.graph.finish(running.step_id)
        self._on_event(StepDone(running.step_id, self._timing.now() - running.started))

    def _failed(self, running: Running, error: XpkError) -> None:
        self.failures.append(Failure(running.step_id, error))
        self._on_event(StepFailed(running.step_id, error))
        self._lost(running, "failed")
        revoking = isinstance(self.graph.steps[running.step_id].step, RevokeBucketRole)
        if isinstance(error, AccessError) is not revoking:
            # Without rights each further step would fail in the same way: say it once. A grant is the
            # other way round: it is taken back while the cluster's record tells of it, so that the cluster
            # waits for a bucket that does not answer, but not for rights that a person may never get.
            self._give_up = True
            self._skip(self.graph.leave_waiting())

    def _lost(self, running: Running, state: Any) -> None:
        del self._running[running.step_id]
        left = self.graph.fail(running.step_id, state)
        if state == "left":
            self._on_event(StepSkipped(running.step_id))
        self._skip(left)

    def _skip(self, step_ids: list[str]) -> None:
        for step_id in step_ids:
            self._on_event(StepSkipped(step_id))

    # answering requests

    def _answer(self, running: Running, request: Request) -> None:
        step_id, now = running.step_id, self._timing.now()
        match request:
            case Call(lane, function):
                self._workers.submit(lane, Key(step_id), function)
            case CallAll(lane, functions):
                running.gathered, running.missing = [None] * len(functions), len(functions)
                for index, function in enumerate(functions):
                    self._workers.submit(lane, Key(step_id, index=index), function)
                if not functions:
                    self._resume.append((step_id, [], None))
            case SendOperation(function):
                self.gate.add(Sending(step_id, function))
            case AwaitOperation(operation, deadline):
                running.in_cloud = True
                self.board.add(Awaited(step_id, str(operation.get("name")), now, deadline))
            case AwaitEnded():
                self._followers.add(step_id, request, now)
            case Pause(since):
                self._count += 1
                heapq.heappush(self._timers, (now + poll_interval(now - since), self._count, step_id))
            case Say(words):
                self._on_event(StepProgress(step_id, words))
                self._resume.append((step_id, None, None))
            case _:
                assert_never(request)

    # threads, timers, operations

    def _send_and_poll(self) -> None:
        now = self._timing.now()
        while (sending := self.gate.next(now, len(self.board))) is not None:
            self._workers.submit("gke", Key(sending.step_id, sending=sending), sending.function)
        for step_id, ended in self._followers.ready(now):
            self._resume.append((step_id, ended, None))
        while self._timers and self._timers[0][0] <= now:
            self._resume.append((heapq.heappop(self._timers)[2], None, None))
        for awaited in self.board.expired(now):
            self._resume.append((awaited.step_id, None, Expired()))
        due = self.board.due()
        if due is not None and due <= now:
            self.board.reading = True
            names, read = self.board.names, self._read_operations
            self._workers.submit("operations", Key("", listing=True), lambda: read(names))

    def _wait(self) -> None:
        """Sleep until a call ends or something is due, whichever is first."""
        now = self._timing.now()
        dues = (self.board.due(), self.gate.due(), self._followers.due())
        moments = [due for due in dues if due is not None]
        if self._timers:
            moments.append(self._timers[0][0])
        timeout = max(0.0, min(moments) - now) if moments else _LOOK_FOR_STOP
        if not self._workers.outstanding:
            if not moments:
                raise RuntimeError(f"steps wait for each other: {', '.join(self._running)}")
            self._timing.sleep(timeout)
            return
        finished = self._workers.take(min(timeout, _LOOK_FOR_STOP))
        while finished is not None:
            self._finished(finished)
            finished = self._workers.take(0)

    def _finished(self, finished: Finished) -> None:
        key, error = finished.key, finished.error
        assert isinstance(key, Key)
        if error is not None and not isinstance(error, XpkError):
            raise error
        if key.listing:
            self._listed(finished.value, error)
        elif key.sending is not None:
            self._sent(key.sending, finished.value, error)
        elif key.operation is not None:
            self._found(key.operation, finished.value, error)
        elif key.index is not None:
            running = self._running[key.step_id]
            running.gathered[key.index] = finished.value if error is None else error
            running.missing -= 1
            if not running.missing:
                self._resume.append((key.step_id, running.gathered, None))
        else:
            self._resume.append((key.step_id, finished.value, error))

    def _sent(self, sending: Sending, operation: Json, error: XpkError | None) -> None:
        if isinstance(error, OperationInProgress | TooManyOperations):
            if self.gate.refused(sending, error, self._timing.now(), len(self.board)):
                self._on_event(StepProgress(sending.step_id, "waiting for another operation of GKE"))
                return
        elif error is None:
            self.gate.accepted(self._timing.now())
            self._running[sending.step_id].in_cloud = True
        else:
            self.gate.failed()
        self._resume.append((sending.step_id, operation, error))

    def _listed(self, operations: list[Json], error: XpkError | None) -> None:
        now = self._timing.now()
        self.board.reading = False
        if error is not None:
            if self.board.failed(now) >= _LIST_FAILURES or isinstance(error, AccessError):
                for awaited in self.board.take_all():
                    self._resume.append((awaited.step_id, None, error))
            return
        done, changed = self.board.read(operations, now)
        for awaited in changed:
            self._on_event(StepProgress(awaited.step_id, awaited.words))
        for awaited, operation in done:
            self._found(awaited, operation, None)
        for awaited in self.board.missing():
            function = _reader(self._read_operation, awaited.name)
            self._workers.submit("operations", Key(awaited.step_id, operation=awaited), function)

    def _found(self, awaited: Awaited, operation: Json, error: XpkError | None) -> None:
        """An operation was read: resume its step when it is over, or lost for good."""
        if error is None and operation.get("status") != "DONE":
            return
        if error is not None and not isinstance(error, NotFound):
            return  # the next list may hold it
        self.board.forget(awaited.name)
        self.gate.release()
        if awaited.step_id in self._running:
            self._running[awaited.step_id].in_cloud = False
            self._resume.append((awaited.step_id, operation, error))

    # interruption

    def _abandon(self) -> None:
        """Stop waiting. Requests under way get a moment, so that what they started is known."""
        end = self._timing.now() + _LAST_ANSWERS
        while self.gate.in_flight and self._timing.now() < end and self._workers.outstanding:
            finished = self._workers.take(max(0.0, end - self._timing.now()))
            if finished is None:
                break
            key = finished.key
            if isinstance(key, Key) and key.sending is not None:
                self.gate.in_flight -= 1
                self._running[key.step_id].in_cloud = finished.error is None
        for step_id, running in list(self._running.items()):
            del self._running[step_id]
            self._skip(self.graph.fail(step_id, "abandoned" if running.in_cloud else "left"))
            running.task.close()
        self._skip(self.graph.leave_waiting())


def _reader(read: Callable[[str], Json], name: str) -> Callable[[], Json]:
    return lambda: read(name)
