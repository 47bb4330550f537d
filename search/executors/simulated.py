"""How can a study be rehearsed without training: what do its sampler, pruner and bookkeeping do and cost?"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    Outcome,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerSetup,
)
from search.training.progress import Best
from spaces.model_config import ModelConfig

Curve = Callable[[ModelConfig, int, int], float]


class SimulatedExecutor:
    """Answers at once with values of a formula; used by tests and benchmarks of everything but training.

    Args:
        curve: the objective after an epoch (1-based), from config, seed and epoch; a NaN is a diverged epoch.
        lose: trial numbers whose worker is lost, as often as the number stands there.
        bug: the trial number at which a worker raises.
    """

    def __init__(self, curve: Curve, *, capacity: int = 1, lose: tuple[int, ...] = (), bug: int | None = None) -> None:
        self._curve, self._capacity = curve, capacity
        self._lose, self._bug = list(lose), bug
        self._events: deque[Event] = deque()
        self._jobs: dict[int, tuple[TrialJob, Best]] = {}
        self._epochs: dict[int, int] = {}
        self.submitted: list[Job] = []

    @property
    def capacity(self) -> int:
        return self._capacity

    def open(self) -> None:
        """Nothing takes long here."""

    def start(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def submit(self, job: Job) -> None:
        self.submitted.append(job)
        if isinstance(job, ScoreJob):
            outputs = ((1 / self._setup.spec.outputs,) * self._setup.spec.outputs,)
            self._events.append(ScoreResult(job.number, {"accuracy": 0.5}, outputs))
        elif job.number in self._lose:
            self._lose.remove(job.number)
            self._events.append(JobLost(job.number, "the worker process ended by itself (SIGKILL)"))
        elif job.number == self._bug:
            self._events.append(
                WorkerBug(job.number, "Traceback (most recent call last):\n  ZeroDivisionError: simulated")
            )
        else:
            self._jobs[job.number] = (job, Best())
            self._advance(job.number, 1)

    def answer(self, number: int, decision: Decision) -> None:
        if number not in self._jobs:
            return
        job, best = self._jobs[number]
        epoch = self._epochs[number]
        if decision.stop:
            self._finish(number, "stopped", epoch)
        elif epoch >= job.epochs or best.is_stale(epoch, job.early_stopping):
            self._finish(number, "completed", epoch)
        else:
            self._advance(number, epoch + 1)

    def cancel(self, number: int, reason: str) -> None:
        if self._jobs.pop(number, None) is not None:
            self._events = deque(e for e in self._events if getattr(e, "number", None) != number)
            self._events.append(JobLost(number, reason))

    def events(self, timeout_seconds: float) -> list[Event]:
        return [self._events.popleft()] if self._events else []

    def close(self) -> None:
        self._jobs.clear()
        self._events.clear()

    def _advance(self, number: int, epoch: int) -> None:
        job, best = self._jobs[number]
        value = self._curve(job.config, job.seed, epoch)
        if math.isnan(value):
            self._finish(number, "diverged", epoch - 1)
            return
        self._jobs[number] = (job, best.after(epoch, value, self._setup.direction))
        self._epochs[number] = epoch
        self._events.append(EpochReport(number, epoch, {"loss": 1.0, self._setup.objective: value}, 0.0))

    def _finish(self, number: int, outcome: Outcome, epochs: int) -> None:
        job, best = self._jobs.pop(number)
        reason = f"diverged at epoch {epochs + 1} (loss nan)" if outcome == "diverged" else ""
        model = None
        if outcome == "completed" and job.save_to is not None:
            job.save_to.parent.mkdir(parents=True, exist_ok=True)
            job.save_to.write_bytes(b"simulated")
            model = job.save_to
        self._events.append(TrialResult(number, outcome, best.value, best.epoch, epochs, 0.0, 0.0, 1, reason, model))
