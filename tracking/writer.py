"""How is a record written without holding up the ones who make it?"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from tracking.errors import TrackingError

T = TypeVar("T")
Job = Callable[[], object]

STALL_SECONDS = 60.0  # longer than any single job should take, retries included


class LateError(TrackingError):
    """The record is behind: what was waited for is not written yet."""


class Writer:
    """One background thread that runs jobs in the order they were given.

    Memory is bounded: with `limit` jobs waiting, `put` waits until one is done. A job that raises stops the
    thread; what still waits is dropped, and every later call raises that failure.
    """

    def __init__(
        self,
        name: str,
        *,
        setup: Job,
        tick: Callable[[], float | None],
        explain: Callable[[BaseException], BaseException],
        limit: int,
    ) -> None:
        """Start the thread.

        Args:
            setup: the first job.
            tick: called on the thread between jobs; does what is due by the clock, and answers in how many
                seconds it wants to be called again (None: not before the next job).
            explain: turns what a job raised into what callers shall see.
            limit: how many jobs may wait.
        """
        self._setup, self._tick, self._explain, self._limit = setup, tick, explain, limit
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._given = 0
        self._done = 0
        self._stopping = False
        self._failure: BaseException | None = None
        self.busy_seconds = 0.0  # that jobs have taken so far
        self._told = False  # whether someone has seen the failure
        # A daemon: a program that dies of its own bug must not wait for its record.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, job: Job, timeout_seconds: float | None = None) -> int:
        """Queue a job; return its place, for `wait`. Raises the writer's failure, or LateError."""
        with self._changed:
            room = self._changed.wait_for(self._has_room_or_failed, timeout_seconds)
            self._raise_failure()
            if self._stopping:
                raise RuntimeError("this record is closed")
            if not room:
                raise self._late(timeout_seconds)
            self._jobs.append(job)
            self._given += 1
            self._changed.notify_all()
            return self._given

    def wait(self, place: int, timeout_seconds: float | None = None) -> None:
        """Wait until the job at that place is done. Raises the failure, or LateError when not in time."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._done >= place or self._failed(), timeout_seconds)
            if self._done < place:
                self._raise_failure()
            if not done:
                raise self._late(timeout_seconds)

    def call(self, job: Callable[[], T], timeout_seconds: float | None = None) -> T:
        """Run a job on the thread and return its answer; raises as `put` and `wait` do."""
        answers: list[T] = []
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        place = self.put(lambda: answers.append(job()), timeout_seconds)
        self.wait(place, None if deadline is None else max(0.0, deadline - time.monotonic()))
        return answers[0]

    @property
    def failure_told(self) -> bool:
        """Whether the writer has failed and a caller has been given the failure."""
        return self._told

    def check(self) -> None:
        """Raise what stopped the writer, if something did."""
        with self._changed:
            self._raise_failure()

    def stop(self, stall_seconds: float = STALL_SECONDS) -> None:
        """Do the jobs that wait, then end the thread. A second call does nothing.

        Raises:
            LateError: no job came to its end within `stall_seconds`; the thread is left to itself.
            BaseException: what stopped the writer, unless an earlier call has raised it already.
        """
        with self._changed:
            if self._stopping:
                return
            self._stopping = True
            self._changed.notify_all()
        while self._thread.is_alive():
            before = self._done
            self._thread.join(stall_seconds)
            if self._thread.is_alive() and self._done == before:
                raise self._late(stall_seconds)
        if not self._told:
            self.check()

    def _has_room_or_failed(self) -> bool:
        return len(self._jobs) < self._limit or self._failed() or self._stopping

    def _failed(self) -> bool:
        return self._failure is not None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self._told = True
            raise self._failure

    def _late(self, seconds: float | None) -> LateError:
        return LateError(
            f"the record is {self._given - self._done} entries behind after {seconds or 0:.0f} s; "
            "is the tracking server or the disk overloaded?"
        )

    def _run(self) -> None:
        try:
            began = time.perf_counter()
            self._setup()
            self.busy_seconds += time.perf_counter() - began
            pause: float | None = None
            while (job := self._next(pause)) is not _STOP:
                began = time.perf_counter()
                if job is not None:
                    job()
                pause = self._tick()
                self.busy_seconds += time.perf_counter() - began
                if job is not None:
                    self._count()
        except BaseException as error:  # noqa: BLE001 - not swallowed: raised again in the caller's thread
            with self._changed:
                self._failure = self._explain(error)
                self._jobs.clear()
                self._changed.notify_all()

    def _count(self) -> None:
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def _next(self, pause: float | None) -> Job | None:
        """Take the next job; None when `pause` seconds went by without one, `_STOP` when all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._stopping, pause)
            if self._jobs:
                return self._jobs.popleft()
            return _STOP if self._stopping else None


def _STOP() -> None:
    """Mark the end of the jobs; a constant that has a job's type."""
