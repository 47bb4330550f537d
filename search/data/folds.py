"""Which rows train and which judge in each round of a cross-validation?"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import Arrangement
from search.data.validation import By, ValidationConfig
from search.errors import DataError

if TYPE_CHECKING:
    from search.data.dataset import Dataset, Samples

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One round: prepared samples to train on, and those that judge it."""

    train: Samples
    validation: Samples


def resample(dataset: Dataset, validation: ValidationConfig, *, seed: int) -> Iterator[Fold]:
    """Prepare each round's parts, one round at a time.

    The pool that is cut is the data set's training part: all rows but the test part. What is learnt from values
    (means, medians, standard deviations, the vocabulary of texts) is learnt from the round's own training rows. The
    categories of a column, the greatest length and the unit of a regression target are those of the pool, as they
    decide the shape of the model and the meaning of its outputs; none of them depends on how inputs and targets go
    together.
    """
    from search.data.refit import prepared, refit

    pool = dataset.indices["train"]
    for train, judge in fold_rows(dataset, validation, seed=seed):
        # One scale of the target for all rounds: a loop that is traced once measures in one unit.
        preprocessor = replace(refit(dataset, pool[train]), target=dataset.preprocessor.target)
        yield Fold(prepared(dataset, preprocessor, pool[train]), prepared(dataset, preprocessor, pool[judge]))


def fold_rows(dataset: Dataset, validation: ValidationConfig, *, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Cut the pool: positions within it that train and that judge, for each round.

    Raises:
        DataError: as `check_folds` does.
    """
    pool, folds = dataset.indices["train"], validation.folds
    assert folds is not None, "only what has folds is cut"
    strata, arrangement = _strata(dataset), dataset.arrangement.take(pool)
    by = choose_by(dataset, validation)
    for repeat in range(validation.repeats):
        own_seed = int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0])
        yield from _cut(by, folds, len(pool), strata, arrangement, own_seed)


def choose_by(dataset: Dataset, validation: ValidationConfig) -> By:
    """How folds are cut, ``auto`` resolved.

    Raises:
        DataError: the data has no classes, groups or times to cut by.
    """
    arrangement, classes = dataset.arrangement, dataset.preprocessor.target.classes
    by = validation.by
    if by == "auto":
        if arrangement.times is not None:
            return "time"
        return "groups" if arrangement.groups is not None else "random" if classes is None else "stratified"
    problem = None
    if by == "stratified" and classes is None:
        problem = "needs classes, but the target is a number; by: random"
    elif by == "groups" and arrangement.groups is None:
        problem = "needs data.groups, the column that says which rows belong together"
    elif by == "time" and arrangement.times is None:
        problem = "needs data.time, the column that puts rows in order"
    elif by in ("stratified", "random") and dataset.arrangement.fingerprint:
        key = "groups" if arrangement.groups is not None else "time"
        problem = f"would tear apart what data.{key} keeps in order; by: {key}, or leave data.{key} out"
    if problem is not None:
        raise DataError(f"validation.by: {by} {problem}")
    return by


def check_folds(dataset: Dataset, validation: ValidationConfig, *, seed: int) -> list[str]:
    """See that every round can be trained and judged, and say which rounds judge without some class.

    Raises:
        DataError: there are more folds than rows, groups, times or rows of the smallest class, or a round would train
            without a class.
    """
    _refuse_too_many(dataset, validation)
    strata = _strata(dataset)
    notices: list[str] = []
    classes = dataset.preprocessor.target.classes or ()
    for number, (train, judge) in enumerate(fold_rows(dataset, validation, seed=seed), 1):
        if len(train) < 2 or not len(judge):
            rule = f"round {number} has {len(train)} rows to train on and {len(judge)} to judge by"
            raise DataError(f"{dataset.source}: validation.folds: {rule}; take fewer folds")
        if strata is None:
            continue
        absent = _absent(strata[train], classes)
        if absent is not None:
            remedy = "take fewer folds" if validation.by != "random" else "by: stratified"
            rule = f"round {number} would train on no row of class {absent!r}"
            raise DataError(f"{dataset.source}: validation.folds: {rule}; {remedy}")
        lacking = _absent(strata[judge], classes)
        if lacking is not None and not notices:
            notices.append(f"round {number} is judged on no row of class {lacking!r}; fewer folds have more rows each")
    return notices


def _refuse_too_many(dataset: Dataset, validation: ValidationConfig) -> None:
    pool, folds = dataset.indices["train"], validation.folds
    assert folds is not None, "only what has folds is cut"
    strata, arrangement = _strata(dataset), dataset.arrangement.take(pool)
    by = choose_by(dataset, validation)
    what, most = "rows (without the test part)", len(pool)
    if by == "groups" and arrangement.groups is not None:
        what, most = "groups", len(np.unique(arrangement.groups))
    elif by == "time" and arrangement.times is not None:
        # The first stretch of time is only ever trained on.
        what, most = "points in time, less one", len(np.unique(arrangement.times)) - 1
    elif by == "stratified" and strata is not None:
        counts = np.bincount(strata)
        least = int(np.argmin(counts))
        what, most = f"rows of the smallest class, {dataset.preprocessor.target.classes[least]!r}", int(counts[least])  # type: ignore[index]
    if folds > most:
        rule = f"must be at most the number of {what} ({most}), got {folds}"
        raise DataError(f"{dataset.source}: validation.folds: {rule}; take fewer folds")


def _cut(
    by: By, folds: int, rows: int, strata: Rows | None, arrangement: Arrangement, seed: int
) -> Iterator[tuple[Rows, Rows]]:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

    everything: Any = np.zeros(rows)
    if by == "time":
        # Rows of the same time stay together: it is points in time that are cut.
        assert arrangement.times is not None, "choose_by has seen to it"
        points, own = np.unique(arrangement.times, return_inverse=True)
        for before, after in TimeSeriesSplit(folds).split(points):
            yield np.flatnonzero(np.isin(own, before)), np.flatnonzero(np.isin(own, after))
        return
    shuffled: dict[str, Any] = {"n_splits": folds, "shuffle": True, "random_state": seed}
    splitter: Any
    if by == "groups":
        splitter = GroupKFold(**shuffled) if strata is None else StratifiedGroupKFold(**shuffled)
    else:
        splitter = StratifiedKFold(**shuffled) if by == "stratified" else KFold(**shuffled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer rows than folds; told by check_folds
        yield from splitter.split(everything, strata, arrangement.groups)


def _strata(dataset: Dataset) -> Rows | None:
    """The class index of each row of the pool; None for a regression."""
    if dataset.preprocessor.target.classes is None:
        return None
    return np.asarray(dataset.train.y, np.int64).reshape(-1)


def _absent(codes: Rows, classes: tuple[Any, ...]) -> Any:
    """The first class without a row; None if all are there."""
    counts = np.bincount(codes, minlength=len(classes))
    return classes[int(np.argmin(counts))] if counts.min() == 0 else None
