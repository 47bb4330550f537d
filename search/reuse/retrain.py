"""How is a known config trained again: on the same split, on everything but the test part, or on new data?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.custom.space import current_source
from search.errors import ExperimentError, SearchError
from search.executors.inline import InlineExecutor
from search.messages import EpochReport, ScoreResult, TrialResult, WorkerSetup
from search.reuse.best_config import BestConfig
from search.reuse.bundle import with_threshold, write_bundle
from search.study.arrays import write_arrays
from search.study.imbalance import class_weight_of
from search.study.own_functions import current_loss
from search.study.records import spread_of
from search.study.train_again import KnownConfig, score, train_as_searched, train_on_all
from spaces.errors import SpaceError
from spaces.metrics import check_objective

if TYPE_CHECKING:
    from search.data.config import DataConfig
    from search.data.dataset import Dataset


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
    config = best.data if data is None else best.data.model_copy(update={"source": data})
    dataset = _load(best, config)
    model_config, code, changed = current_source(best.model)
    fingerprints, another_loss = current_loss(best.model, best.fingerprints)
    best = best.model_copy(update={"model": model_config, "fingerprints": fingerprints})
    on_start()
    same_data = dataset.fingerprint == best.fingerprints.get("data")
    with tempfile.TemporaryDirectory(prefix="kerasweep-") as scratch:
        known = KnownConfig(best.trial, best.model, best.seed, Path(scratch) / "model.keras")
        executor = _executor(best, dataset, Path(scratch) / "arrays", full=full)
        result = _train(executor, best, known, full=full, on_epoch=on_epoch)
        scored = score(executor, known, best.threshold if result.threshold is None else result.threshold)
        trained = _trained(best, result, scored, config, dataset.fingerprint)
        preprocessor = with_threshold(dataset.preprocessor, trained.threshold)
        write_bundle(folder, model=known.model, preprocessor=preprocessor, best=trained, code=code)
    return Retrained(
        best=trained,
        value=result.value,
        spread=spread_of(result.values),
        epoch=result.best_epoch,
        recorded=best.value if same_data and not full else None,
        scores=scored.metrics,
        same_data=same_data,
        folder=folder,
        notices=(*dataset.notices, *changed, *another_loss),
    )


def _load(best: BestConfig, config: DataConfig) -> Dataset:
    """The data, which must suit the task and the metrics of the config."""
    from search.data import load_dataset

    pooled = best.validation.folds is not None
    dataset = load_dataset(config, seed=best.split_seed, folder=Path.cwd(), family=best.model.family, pooled=pooled)
    if dataset.spec.task != best.task:
        raise ExperimentError(f"data: is a {dataset.spec.task} task, the config was found for a {best.task} task")
    try:
        if best.model.custom is None:
            check_objective(best.objective, best.training.metrics)
    except SpaceError as error:
        raise ExperimentError(str(error)) from None
    return dataset


def _executor(best: BestConfig, dataset: Dataset, arrays: Path, *, full: bool) -> InlineExecutor:
    """This process, ready to train on the data; with ``full`` the rounds' own parts are not needed."""
    write_arrays(dataset, arrays, None if full else best.validation, seed=best.split_seed)
    target = dataset.preprocessor.target
    setup = WorkerSetup(
        arrays=arrays,
        spec=dataset.spec,
        metrics=best.training.metrics,
        objective=best.objective,
        direction=best.direction,
        target_std=target.std if best.task == "regression" else None,
        target_mean=target.mean,
        threads=best.training.threads,
        class_weight=class_weight_of(best.training.class_weight, target.classes),
        threshold=best.training.threshold,
        rounds=best.validation.rounds,
        resampled=best.validation.folds is not None,
        code=best.model.custom.source if best.model.custom is not None else "",
    )
    executor = InlineExecutor()
    executor.start(setup)
    return executor


def _train(
    executor: InlineExecutor,
    best: BestConfig,
    known: KnownConfig,
    *,
    full: bool,
    on_epoch: Callable[[EpochReport], None],
) -> TrialResult:
    if full:
        result = train_on_all(executor, known, epochs=best.epoch, on_epoch=on_epoch)
    else:
        result = train_as_searched(
            executor,
            known,
            epochs=best.training.epochs,
            early_stopping=best.training.early_stopping,
            rounds=best.validation.rounds,
            on_epoch=on_epoch,
        )
    if result.model is None:
        raise SearchError(f"the config could not be trained on this data: {result.reason}")
    return result


def _trained(
    best: BestConfig, result: TrialResult, scored: ScoreResult, data: DataConfig, fingerprint: str
) -> BestConfig:
    """The config with what came out of this training; what it has no word on stays as it was recorded."""
    return best.model_copy(
        update={
            "test": dict(scored.metrics),
            "value": best.value if result.value is None else result.value,
            "spread": spread_of(result.values) if result.values else best.spread,
            "threshold": best.threshold if result.threshold is None else result.threshold,
            "epoch": result.best_epoch or result.epochs,
            "data": data,
            "fingerprints": {**best.fingerprints, "data": fingerprint},
        }
    )
