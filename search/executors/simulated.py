"""How can a study be rehearsed without training: what do its sampler, pruner and bookkeeping do and cost?"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    ModelJob,
    ModelResult,
    Outcome,
    PictureResult,
    Reply,
    RoundReport,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerSetup,
)
from search.training.progress import Best
from search.training.seeds import round_seed
from spaces.model_config import ModelConfig

Curve = Callable[[ModelConfig, int, int], float]


@dataclass
class _Trial:
    """How far a simulated trial has come: in its round, and in those before."""

    job: TrialJob
    rounds: int
    best: Best = field(default_factory=Best)
    round: int = 1
    epoch: int = 0
    earlier_epochs: int = 0
    values: list[float] = field(default_factory=list)
    is_between: bool = False

    @property
    def epochs(self) -> int:
        return self.earlier_epochs + self.epoch


class SimulatedExecutor:
    """Answers at once with values of a formula; used by tests and benchmarks of everything but training.

    Args:
        curve: the objective after an epoch (1-based), from config, the round's seed and epoch; a NaN is a diverged
            epoch.
        lose: trial numbers whose worker is lost, as often as the number stands there.
        bug: the trial number at which a worker raises.
    """

    def __init__(self, curve: Curve, *, capacity: int = 1, lose: tuple[int, ...] = (), bug: int | None = None) -> None:
        self._curve, self._capacity = curve, capacity
        self._lose, self._bug = list(lose), bug
        self._events: deque[Event] = deque()
        self._trials: dict[int, _Trial] = {}
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
        elif isinstance(job, ModelJob):
            self._events.append(ModelResult(job.number, _simulated_file(job.save_to)))
        elif not isinstance(job, TrialJob):
            self._events.append(PictureResult(job.number))
        elif job.number in self._lose:
            self._lose.remove(job.number)
            self._events.append(JobLost(job.number, "the worker process ended by itself (SIGKILL)"))
        elif job.number == self._bug:
            self._events.append(
                WorkerBug(job.number, "Traceback (most recent call last):\n  ZeroDivisionError: simulated")
            )
        else:
            self._trials[job.number] = _Trial(job, 1 if job.full else self._setup.rounds)
            self._advance(job.number)

    def answer(self, number: int, reply: Reply) -> None:
        if number not in self._trials:
            return
        assert isinstance(reply, Decision), "nothing else is asked here"
        trial = self._trials[number]
        if reply.stop and not (trial.is_between and trial.round == trial.rounds):
            self._finish(number, "stopped")
        elif trial.is_between:
            self._begin_round(number)
        elif trial.epoch >= trial.job.epochs or trial.best.is_stale(trial.epoch, trial.job.early_stopping):
            self._end_round(number)
        else:
            self._advance(number)

    def cancel(self, number: int, reason: str) -> None:
        if self._trials.pop(number, None) is not None:
            self._events = deque(e for e in self._events if getattr(e, "number", None) != number)
            self._events.append(JobLost(number, reason))

    def events(self, timeout_seconds: float) -> list[Event]:
        return [self._events.popleft()] if self._events else []

    def close(self) -> None:
        self._trials.clear()
        self._events.clear()

    def _advance(self, number: int) -> None:
        trial = self._trials[number]
        epoch = trial.epoch + 1
        value = self._curve(trial.job.config, round_seed(trial.job.seed, trial.round), epoch)
        if math.isnan(value):
            self._finish(number, "diverged")
            return
        trial.best, trial.epoch = trial.best.after(epoch, value, self._setup.direction), epoch
        metrics = {"loss": 1.0, self._setup.objective: value}
        self._events.append(EpochReport(number, epoch, metrics, 0.0, round=trial.round))

    def _end_round(self, number: int) -> None:
        trial = self._trials[number]
        if trial.rounds == 1:
            self._finish(number, "completed")
            return
        assert trial.best.value is not None, "every epoch had a value"
        assert trial.best.epoch is not None, "every epoch had a value"
        trial.values.append(trial.best.value)
        trial.is_between = True
        self._events.append(RoundReport(number, trial.round, trial.best.value, trial.best.epoch, trial.epoch))

    def _begin_round(self, number: int) -> None:
        trial = self._trials[number]
        if trial.round == trial.rounds:
            self._finish(number, "completed")
            return
        trial.earlier_epochs, trial.epoch = trial.epochs, 0
        trial.best, trial.is_between = Best(), False
        trial.round += 1
        self._advance(number)

    def _finish(self, number: int, outcome: Outcome) -> None:
        trial = self._trials.pop(number)
        job, value = trial.job, trial.best.value
        if trial.rounds > 1:
            value = fmean(trial.values) if trial.values else None
        reason = f"diverged at epoch {trial.epoch + 1} (loss nan)" if outcome == "diverged" else ""
        model = None
        if outcome == "completed" and job.save_to is not None:
            model = _simulated_file(job.weights_to or job.save_to)
        values = tuple(trial.values)
        self._events.append(
            TrialResult(number, outcome, value, trial.best.epoch, trial.epochs, 0.0, 1, reason, model, values=values)
        )


def _simulated_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"simulated")
    return path
