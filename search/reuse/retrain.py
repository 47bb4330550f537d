"""How is a known config trained again: on the same split, on everything but the test part, or on new data?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from search.custom.space import current_source
from search.errors import ExperimentError, SearchError
from search.executors.inline import InlineExecutor
from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    RoundReport,
    ScoreJob,
    ScoreResult,
    Suggest,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerSetup,
)
from search.reuse.best_config import BestConfig
from search.reuse.bundle import with_threshold, write_bundle
from search.study.arrays import write_arrays
from search.study.imbalance import class_weight_of
from search.study.records import spread_of
from search.study.worker_failure import failure_of
from spaces.errors import SpaceError
from spaces.metrics import check_objective

_SUFFIX = ".keras"


@dataclass(frozen=True)
class Retrained:
    """What came out of training a config again.

    Attributes:
        value: the objective on the validation part, or its mean over the rounds; None where everything was trained on.
        spread: its standard deviation over the rounds, where there are several.
        recorded: what the study has recorded for the same config, if the data is the same; None otherwise.
        scores: metrics on the test part.
    """

    best: BestConfig
    value: float | None
    spread: float | None
    epoch: int | None
    recorded: float | None
    scores: Mapping[str, float]
    same_data: bool
    folder: Path
    notices: tuple[str, ...]


def retrain(
    best: BestConfig,
    folder: Path,
    *,
    full: bool = False,
    data: str | None = None,
    on_start: Callable[[], None] = lambda: None,
    on_epoch: Callable[[EpochReport], None] = lambda report: None,
) -> Retrained:
    """Train ``best`` again, in this process, and write the model as a bundle to ``folder``.

    On the same data and split, with the same number of threads, the score is the recorded one, to the last digit.
    With folds or repeats all rounds are trained again; the model that is written is then trained on all rows but the
    test part, for the median of their best epochs.

    Args:
        full: train on the training and validation parts together, for as many epochs as the best one took.
        data: another source with the same columns.
        on_start: called when the data has been read and fits.

    Raises:
        SearchError: if the data cannot be used, or the model diverges on it.
    """
    from search.data import load_dataset

    pooled = best.validation.folds is not None
    config = best.data if data is None else best.data.model_copy(update={"source": data})
    dataset = load_dataset(config, seed=best.split_seed, folder=Path.cwd(), family=best.model.family, pooled=pooled)
    if dataset.spec.task != best.task:
        raise ExperimentError(f"data: is a {dataset.spec.task} task, the config was found for a {best.task} task")
    try:
        if best.model.custom is None:
            check_objective(best.objective, best.training.metrics)
    except SpaceError as error:
        raise ExperimentError(str(error)) from None
    model_config, code, changed = current_source(best.model)
    best = best.model_copy(update={"model": model_config})
    on_start()
    same_data = dataset.fingerprint == best.fingerprints.get("data")
    with tempfile.TemporaryDirectory(prefix="kerasweep-") as scratch:
        arrays, model = Path(scratch) / "arrays", Path(scratch) / f"model{_SUFFIX}"
        write_arrays(dataset, arrays, None if full else best.validation, seed=best.split_seed)
        setup = WorkerSetup(
            arrays=arrays,
            spec=dataset.spec,
            metrics=best.training.metrics,
            objective=best.objective,
            direction=best.direction,
            target_std=dataset.preprocessor.target.std if best.task == "regression" else None,
            target_mean=dataset.preprocessor.target.mean,
            threads=best.training.threads,
            class_weight=class_weight_of(best.training.class_weight, dataset.preprocessor.target.classes),
            threshold=best.training.threshold,
            rounds=best.validation.rounds,
            resampled=pooled,
            code=best.model.custom.source if best.model.custom is not None else "",
        )
        job = TrialJob(
            number=best.trial,
            config=best.model,
            seed=best.seed,
            epochs=best.epoch if full else best.training.epochs,
            early_stopping=0 if full else best.training.early_stopping,
            save_to=model,
            full=full,
        )
        result, score = _train_and_score(job, setup, best.threshold, on_epoch)
        trained = best.model_copy(
            update={
                "test": dict(score.metrics),
                "value": best.value if result.value is None else result.value,
                "spread": spread_of(result.values) if result.values else best.spread,
                "threshold": best.threshold if result.threshold is None else result.threshold,
                "epoch": result.best_epoch or result.epochs,
                "data": config,
                "fingerprints": {**best.fingerprints, "data": dataset.fingerprint},
            }
        )
        preprocessor = with_threshold(dataset.preprocessor, trained.threshold)
        write_bundle(folder, model=model, preprocessor=preprocessor, best=trained, code=code)
    return Retrained(
        best=trained,
        value=result.value,
        spread=spread_of(result.values),
        epoch=result.best_epoch,
        recorded=best.value if same_data and not full else None,
        scores=score.metrics,
        same_data=same_data,
        folder=folder,
        notices=(*dataset.notices, *changed),
    )


def _train_and_score(
    job: TrialJob, setup: WorkerSetup, threshold: float | None, on_epoch: Callable[[EpochReport], None]
) -> tuple[TrialResult, ScoreResult]:
    """Train in all rounds and score the model; ``threshold`` is the recorded one, where none is chosen now."""
    executor, model = InlineExecutor(), job.save_to
    assert model is not None, "a model is what this is for"
    executor.start(setup)
    several = setup.rounds > 1 and not job.full
    result = _done(executor, replace(job, save_to=None) if several else job, on_epoch)
    assert isinstance(result, TrialResult), result
    if several and result.outcome == "completed" and result.best_epoch is not None:
        final = _done(executor, replace(job, epochs=result.best_epoch, early_stopping=0, full=True), on_epoch)
        assert isinstance(final, TrialResult), final
        result = replace(result, model=final.model, reason=final.reason)
    if result.model is None:
        raise SearchError(f"the config could not be trained on this data: {result.reason}")
    chosen = threshold if result.threshold is None else result.threshold
    score = _done(executor, ScoreJob(job.number, model, job.config, chosen), on_epoch)
    assert isinstance(score, ScoreResult), score
    return result, score


def _done(executor: InlineExecutor, job: Job, on_epoch: Callable[[EpochReport], None]) -> Event:
    """Run a job to its end; returns its result."""
    executor.submit(job)
    while True:
        for event in executor.events(0.0):
            match event:
                case EpochReport():
                    on_epoch(event)
                    executor.answer(job.number, Decision())
                case RoundReport():
                    executor.answer(job.number, Decision())
                case TrialResult() | ScoreResult():
                    return event
                case Suggest():
                    raise ExperimentError(
                        f"model.custom.values: the model asks for '{event.name}', which is not among them; add it"
                    )
                case WorkerBug():
                    raise failure_of(event)
                case JobLost():
                    raise SearchError(event.reason)
                case _:
                    raise AssertionError(f"unexpected {event}")
