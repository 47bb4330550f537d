"""What may a coordinator ask of an executor?"""

from __future__ import annotations

from typing import Protocol

from search.messages import Event, Job, Reply, WorkerSetup


class Executor(Protocol):
    """Runs jobs and reports events.

    Contract (one test suite holds every implementation to it):
    - ``open`` may be called before ``start``; it begins what takes long and needs no data.
    - A submitted job ends with exactly one TrialResult, ModelResult, ScoreResult, PictureResult, JobLost or WorkerBug.
    - ``answer`` brings the reply to each report: a Decision for an EpochReport or a RoundReport, a Suggested for a
      Suggest. A job waits for it, but for reports that are not ``judged``, to which it may come later; for a job that
      has ended it may come too, or not.
    - ``events`` returns as soon as there is one, at the latest after the timeout; it never blocks longer than one
      epoch. Reports that are not ``judged`` may come together, a moment late.
    - ``close`` ends all work at once, may be called twice, and leaves no process behind.
    """

    @property
    def capacity(self) -> int:
        """How many jobs may run side by side."""

    def open(self) -> None: ...

    def start(self, setup: WorkerSetup) -> None: ...

    def submit(self, job: Job) -> None: ...

    def answer(self, number: int, reply: Reply) -> None: ...

    def cancel(self, number: int, reason: str) -> None:
        """Give a job up; it ends with JobLost and this reason, if it has not ended yet."""

    def events(self, timeout_seconds: float) -> list[Event]: ...

    def close(self) -> None: ...
