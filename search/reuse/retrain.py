"""How is a known config trained again: on the same split, on everything but the test part, or on new data?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.errors import ExperimentError, SearchError
from search.executors.inline import InlineExecutor
from search.messages import (
    Decision,
    EpochReport,
    JobLost,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerSetup,
)
from search.reuse.best_config import BestConfig
from search.reuse.bundle import write_bundle
from search.study.plan import write_arrays
from search.study.worker_failure import WorkerFailure
from spaces.errors import SpaceError
from spaces.metrics import check_objective

_SUFFIX = ".keras"


@dataclass(frozen=True)
class Retrained:
    """What came out of training a config again.

    Attributes:
        value: the objective on the validation part; None where everything was trained on.
        recorded: what the study has recorded for the same config, if the data is the same; None otherwise.
        scores: metrics on the test part.
    """

    best: BestConfig
    value: float | None
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

    Args:
        full: train on the training and validation parts together, for as many epochs as the best one took.
        data: another source with the same columns.
        on_start: called when the data has been read and fits.

    Raises:
        SearchError: if the data cannot be used, or the model diverges on it.
    """
    from search.data import load_dataset

    config = best.data if data is None else best.data.model_copy(update={"source": data})
    dataset = load_dataset(config, seed=best.split_seed, folder=Path.cwd())
    if dataset.spec.task != best.task:
        raise ExperimentError(f"data: is a {dataset.spec.task} task, the config was found for a {best.task} task")
    try:
        check_objective(best.objective, best.training.metrics)
    except SpaceError as error:
        raise ExperimentError(str(error)) from None
    on_start()
    same_data = dataset.fingerprint == best.fingerprints.get("data")
    with tempfile.TemporaryDirectory(prefix="kerasweep-") as scratch:
        arrays, model = Path(scratch) / "arrays", Path(scratch) / f"model{_SUFFIX}"
        write_arrays(dataset, arrays)
        setup = WorkerSetup(
            arrays=arrays,
            spec=dataset.spec,
            metrics=best.training.metrics,
            objective=best.objective,
            direction=best.direction,
            target_std=dataset.preprocessor.target.std if best.task == "regression" else None,
            threads=best.training.threads,
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
        result, score = _train_and_score(job, setup, model, on_epoch)
        trained = best.model_copy(
            update={
                "test": dict(score.metrics),
                "value": best.value if result.value is None else result.value,
                "epoch": result.best_epoch or result.epochs,
                "data": config,
                "fingerprints": {**best.fingerprints, "data": dataset.fingerprint},
            }
        )
        write_bundle(folder, model=model, preprocessor=dataset.preprocessor, best=trained)
    return Retrained(
        best=trained,
        value=result.value,
        epoch=result.best_epoch,
        recorded=best.value if same_data and not full else None,
        scores=score.metrics,
        same_data=same_data,
        folder=folder,
        notices=dataset.notices,
    )


def _train_and_score(
    job: TrialJob, setup: WorkerSetup, model: Path, on_epoch: Callable[[EpochReport], None]
) -> tuple[TrialResult, ScoreResult]:
    executor = InlineExecutor()
    executor.start(setup)
    executor.submit(job)
    result: TrialResult | None = None
    while True:
        for event in executor.events(0.0):
            match event:
                case EpochReport():
                    on_epoch(event)
                    executor.answer(job.number, Decision())
                case TrialResult():
                    if event.model is None:
                        raise SearchError(f"the config could not be trained on this data: {event.reason}")
                    result = event
                    executor.submit(ScoreJob(job.number, model))
                case ScoreResult():
                    assert result is not None, "scored before it was trained"
                    return result, event
                case WorkerBug():
                    raise WorkerFailure(event.traceback)
                case JobLost():
                    raise SearchError(event.reason)
                case _:
                    raise AssertionError(f"unexpected {event}")
