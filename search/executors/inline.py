"""How do trials run in this very process, for notebooks, debugging and retraining?"""

from __future__ import annotations

import traceback
from collections.abc import Generator

from search.errors import mistake_in
from search.messages import (
    Event,
    Job,
    JobLost,
    ModelJob,
    PictureJob,
    Reply,
    Report,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerSetup,
)


class InlineExecutor:
    """One job at a time, an epoch for each call of ``events``."""

    capacity = 1

    def __init__(self) -> None:
        self._setup: WorkerSetup | None = None
        self._job: Job | None = None
        self._running: Generator[Report, Reply, TrialResult] | None = None
        self._reply: Reply | None = None
        self._lost: JobLost | None = None

    def open(self) -> None:
        """Nothing takes long here before there is data."""

    def start(self, setup: WorkerSetup) -> None:
        from search.training.kept import KeptLoops
        from search.training.threads import limit_threads
        from search.training.worker_data import WorkerData

        limit_threads(setup.threads)
        self._setup, self._data, self._kept = setup, WorkerData(setup.arrays), KeptLoops()

    def submit(self, job: Job) -> None:
        assert self._job is None, "one job at a time"
        self._job, self._running, self._reply = job, None, None

    def answer(self, number: int, reply: Reply) -> None:
        if self._job is not None and self._job.number == number:
            self._reply = reply

    def cancel(self, number: int, reason: str) -> None:
        if self._job is not None and self._job.number == number:
            self._lost = JobLost(number, reason)
            self._forget()

    def events(self, timeout_seconds: float) -> list[Event]:
        if self._lost is not None:
            lost, self._lost = self._lost, None
            return [lost]
        if self._job is None:
            return []
        number = self._job.number
        try:
            event = self._advance(self._job)
        except Exception as error:  # noqa: BLE001 - the boundary to what users wrote; shown with its traceback
            event = WorkerBug(number, traceback.format_exc(), mistake_in(error))
        if event is None:
            return []
        if not isinstance(event, Report):
            self._forget()
        return [event]

    def close(self) -> None:
        self._forget()

    def _advance(self, job: Job) -> Event | None:
        from search.training.direct.team import MemberLost
        from search.training.trial import make_model, run_trial, score

        assert self._setup is not None, "start() comes first"
        if isinstance(job, PictureJob):
            from search.training.look import look

            return look(job, self._setup, self._data)
        if isinstance(job, ModelJob):
            return make_model(job, self._setup)
        if not isinstance(job, TrialJob):
            return score(job, self._setup, self._data)
        try:
            if self._running is None:
                self._running = run_trial(job, self._setup, self._data, self._kept)
                return next(self._running)
            if self._reply is None:
                return None
            reply, self._reply = self._reply, None
            return self._running.send(reply)
        except StopIteration as end:
            result: TrialResult = end.value
            return result
        except MemberLost as error:
            return JobLost(job.number, str(error))

    def _forget(self) -> None:
        if self._running is not None:
            self._running.close()
        self._job, self._running, self._reply = None, None, None
