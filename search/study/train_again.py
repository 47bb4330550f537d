"""How is one known config trained by itself, on which rows and for how many epochs, and its model scored?

The end of a search (``search.study.final``, over the study's own workers) and ``kerasweep train``
(``search.reuse.retrain``, in its own process) both ask this, so that both come to the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from search.errors import ExperimentError, SearchError
from search.executors.protocol import Executor
from search.messages import (
    Decision,
    EpochReport,
    JobLost,
    ModelJob,
    ModelResult,
    RoundReport,
    ScoreJob,
    ScoreResult,
    Suggest,
    TrialJob,
    TrialResult,
    WorkerBug,
)
from search.study.worker_failure import failure_of
from spaces.model_config import ModelConfig

OnEpoch = Callable[[EpochReport], None]
_AloneJob = TrialJob | ModelJob | ScoreJob
_AloneResult = TrialResult | ModelResult | ScoreResult

_POLL_SECONDS = 0.2
_ATTEMPTS = 2


@dataclass(frozen=True)
class KnownConfig:
    """A config that a search has tried.

    Attributes:
        number: of its trial; seed: its trial's own.
        model: the file for its model.
    """

    number: int
    config: ModelConfig
    seed: int
    model: Path


def _ignore(report: EpochReport) -> None:
    """Nobody watches."""


def train_as_searched(
    executor: Executor,
    known: KnownConfig,
    *,
    epochs: int,
    early_stopping: int,
    rounds: int,
    on_epoch: OnEpoch = _ignore,
) -> TrialResult:
    """Train a config as its trial was trained, and leave its model.

    Of several rounds none is the config's model, so it is trained on all rows after them, for the median of their best
    epochs; values and epochs of the result are those of the rounds.

    Returns:
        A result whose ``model`` is None, and whose ``reason`` says why, if there is no model.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    job = TrialJob(known.number, known.config, known.seed, epochs, early_stopping)
    if rounds == 1:
        return _train(executor, replace(job, save_to=known.model), on_epoch)
    result = _train(executor, job, on_epoch)
    if result.outcome != "completed" or result.best_epoch is None:
        return result
    final = train_on_all(executor, known, epochs=result.best_epoch, on_epoch=on_epoch)
    return replace(result, model=final.model, reason=final.reason)


def train_on_all(executor: Executor, known: KnownConfig, *, epochs: int, on_epoch: OnEpoch = _ignore) -> TrialResult:
    """Train a config on all rows but the test part, for so many epochs, and leave its model.

    Nothing is left to validate on, so nothing stops it early and the result has no value.

    Returns:
        A result whose ``model`` is None, and whose ``reason`` says why, if there is no model.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    job = TrialJob(known.number, known.config, known.seed, epochs, early_stopping=0, save_to=known.model, full=True)
    return _train(executor, job, on_epoch)


def make_model(executor: Executor, known: KnownConfig, weights: Path) -> bool:
    """Make the model's file of the weights that its trial saved; False if the disk is full.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    result = _finish(executor, ModelJob(known.number, known.config, known.seed, weights, known.model), _ignore)
    assert isinstance(result, ModelResult), result
    return result.model is not None


def score(executor: Executor, known: KnownConfig, threshold: float | None) -> ScoreResult:
    """Score the model on the test part, which nothing else reads.

    Args:
        threshold: the decision threshold kept with a binary model; None is 0.5.

    Raises:
        SearchError: if a worker dies twice over it.
    """
    result = _finish(executor, ScoreJob(known.number, known.model, known.config, threshold), _ignore)
    assert isinstance(result, ScoreResult), result
    return result


def _train(executor: Executor, job: TrialJob, on_epoch: OnEpoch) -> TrialResult:
    result = _finish(executor, job, on_epoch)
    assert isinstance(result, TrialResult), result
    if job.save_to is not None and result.model is None and not result.reason:
        # Only a full disk leaves a training that went well without its model.
        return replace(result, reason="the disk is full")
    return result


def _finish(executor: Executor, job: _AloneJob, on_epoch: OnEpoch) -> _AloneResult:
    """Have one job done, all of its epochs, with nothing else running; once more if its worker is lost.

    Raises:
        SearchError: if its worker dies twice.
        ExperimentError: if a user's own model asks for what its config does not have.
        WorkerFailure: if it meets a bug.
    """
    for _ in range(_ATTEMPTS):
        result = _attempt(executor, job, on_epoch)
        if result is not None:
            return result
    raise SearchError(f"trial {job.number}: its model could not be finished, the worker died twice; run again")


def _attempt(executor: Executor, job: _AloneJob, on_epoch: OnEpoch) -> _AloneResult | None:
    """One job's result; None if its worker was lost."""
    executor.submit(job)
    lost = False
    while not lost:
        for event in executor.events(_POLL_SECONDS):
            match event:
                case EpochReport():
                    on_epoch(event)
                    executor.answer(event.number, Decision())
                case RoundReport():
                    executor.answer(event.number, Decision())
                case TrialResult() | ModelResult() | ScoreResult() if event.number == job.number:
                    return event
                case Suggest():
                    raise ExperimentError(
                        f"model.custom.values: the model asks for '{event.name}', which is not among them; add it"
                    )
                case WorkerBug():
                    raise failure_of(event)
                case JobLost():
                    lost = True
    return None
