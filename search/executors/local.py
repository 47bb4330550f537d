"""How do trials run in worker processes on this machine, and what happens when one of them dies?

They are not started by ``multiprocessing``: it imports the caller's main module again, which breaks notebooks and
unguarded scripts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from search.executors.processes import ForkServer, WorkerProcess
from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    Reply,
    Report,
    TrialResult,
    WorkerBug,
    WorkerReady,
    WorkerSetup,
)
from search.units import format_bytes

_STARTS_WITHOUT_A_RESULT = 3


@dataclass
class _Worker:
    process: WorkerProcess
    job: Job | None = None
    jobs_done: int = 0
    memory_bytes: int = 0
    ready: bool = False
    reason: str = ""  # why we ended it; empty if it ended by itself
    too_large: bool = False
    unanswered: list[int] = field(default_factory=list)  # of reports that came together, and are answered together
    reply: Reply | None = None  # to the first of them as far as they are answered, a stop before all else


class LocalExecutor:
    """Worker processes on this machine.

    Args:
        workers: how many run side by side.
        jobs_per_worker: trials after which a worker is replaced (TensorFlow keeps a few MB of each).
        memory_bytes: a worker that holds more is replaced: after its trial, or during it from twice as much.
    """

    def __init__(self, workers: int, *, jobs_per_worker: int, memory_bytes: int) -> None:
        self._count, self._jobs_per_worker, self._memory_bytes = workers, jobs_per_worker, memory_bytes
        self._server: ForkServer | None = None
        self._workers: list[_Worker] = []
        self._setup: WorkerSetup | None = None
        self._failed_starts = 0
        self._waiting: list[Job] = []
        self._cancelled: list[Event] = []  # gave up before a worker had them

    @property
    def capacity(self) -> int:
        return self._count

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes, for those who watch them; waits until there are."""
        return tuple(worker.process.pid for worker in self._workers if worker.process.pid is not None)

    def open(self) -> None:
        while len(self._workers) < self._count:
            self._workers.append(self._spawn())

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self.open()
        for worker in self._workers:
            _send(worker, setup)

    def submit(self, job: Job) -> None:
        self._waiting.append(job)
        self._hand_out()

    def answer(self, number: int, reply: Reply) -> None:
        worker = self._worker_of(number)
        if worker is None or not worker.unanswered:
            return
        if worker.reply != Decision(stop=True):
            worker.reply = reply
        worker.unanswered[0] -= 1
        if not worker.unanswered[0]:
            _send(worker, worker.reply)
            worker.unanswered.pop(0)
            worker.reply = None

    def cancel(self, number: int, reason: str) -> None:
        if any(job.number == number for job in self._waiting):
            self._waiting = [job for job in self._waiting if job.number != number]
            self._cancelled.append(JobLost(number, reason))
        worker = self._worker_of(number)
        if worker is not None:
            _kill(worker, reason)

    def events(self, timeout_seconds: float) -> list[Event]:
        lines = {worker.process.line: worker for worker in self._workers}
        events, self._cancelled = self._cancelled, []
        timeout_seconds = 0.0 if events else timeout_seconds
        for line in wait(list(lines), timeout_seconds):
            assert isinstance(line, Connection)
            events.extend(self._read(lines[line]))
        self._hand_out()
        return events

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for worker in self._workers:
            worker.process.release()
        self._workers.clear()
        self._waiting.clear()

    def _read(self, worker: _Worker) -> Iterator[Event]:
        try:
            said: tuple[Event, ...] = worker.process.line.recv()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        *reports, event = said
        if isinstance(event, Report):
            held = max(report.memory_bytes if isinstance(report, EpochReport) else 0 for report in said)
            if held > 2 * self._memory_bytes:
                worker.too_large = True
                _kill(worker, f"the worker held {format_bytes(held)}, over twice its worker_memory")
                return
            worker.unanswered.append(len(said))
            yield from said
            return
        yield from reports
        for _ in worker.unanswered:  # as the job is over, nobody else need
            _send(worker, Decision())
        worker.unanswered.clear()
        worker.reply = None
        if isinstance(event, WorkerReady):
            worker.ready, self._failed_starts = True, 0
        elif isinstance(event, WorkerBug):
            worker.job = None
        else:
            worker.job = None
            worker.jobs_done += 1
            if isinstance(event, TrialResult):
                worker.memory_bytes = event.memory_bytes
            if worker.jobs_done >= self._jobs_per_worker or worker.memory_bytes > self._memory_bytes:
                self._replace(worker)
        yield event

    def _bury(self, worker: _Worker) -> Iterator[Event]:
        """A worker's line is closed: tell whose job was lost, and put a new process in its place."""
        ended = worker.process.wait()
        reason = worker.reason or f"the worker process ended by itself ({ended})"
        if not worker.ready:
            self._failed_starts += 1
        job = worker.job
        if self._failed_starts >= _STARTS_WITHOUT_A_RESULT:
            self._workers.remove(worker)
            worker.process.release()
            number = self._waiting[0].number if self._waiting else None
            yield WorkerBug(number, f"{self._failed_starts} worker processes in a row ended while starting: {reason}")
            return
        self._replace(worker)
        if job is not None:
            yield JobLost(job.number, reason, may_retry=not worker.too_large)

    def _replace(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.wait()
        worker.process.release()
        fresh = self._spawn()
        self._workers[self._workers.index(worker)] = fresh
        if self._setup is not None:
            _send(fresh, self._setup)

    def _hand_out(self) -> None:
        for worker in self._workers:
            idle = worker.ready and worker.job is None and not worker.reason
            if self._waiting and idle and worker.process.can_take_a_job:
                worker.job = self._waiting.pop(0)
                _send(worker, worker.job)

    def _worker_of(self, number: int) -> _Worker | None:
        return next((w for w in self._workers if w.job is not None and w.job.number == number), None)

    def _spawn(self) -> _Worker:
        if self._server is not None and not self._server.runs:
            self._server.close()
            self._server = None
        self._server = self._server or ForkServer()
        return _Worker(self._server.start())


def _send(worker: _Worker, message: object) -> None:
    # A worker that has died is found by its closed line, in events().
    with contextlib.suppress(OSError):
        worker.process.line.send(message)


def _kill(worker: _Worker, reason: str) -> None:
    worker.reason = worker.reason or reason
    worker.process.kill()
