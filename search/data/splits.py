"""Which rows train, which judge the trials, and which does the search never see?"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import UNARRANGED, Arrangement
from search.data.raw import FREE, TEST, TRAIN, VALIDATION
from search.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PART_NAMES = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
PART_WORDS = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def split_rows(
    fixed: NDArray[np.int8],
    strata: NDArray[np.int64] | None,
    *,
    test: float,
    validation: float,
    seed: int,
    arrangement: Arrangement = UNARRANGED,
) -> NDArray[np.int8]:
    """Give every free row a part: at random but the same for the same seed, whole groups, or by time.

    The shares are of the free rows, rounded, at least one row where a share is above 0; the rest trains.

    With ``strata`` each part has each class in its share of all rows, to within one row, and every class
    with two rows or more keeps one in training, as long as training keeps half the rows. For this the n rows
    of a class, in random order, get the places 1/2n, 3/2n, ...; all rows are sorted by place and cut.

    Rows of a group get one part, as near to the shares as whole groups allow (and with ``strata``, to the classes'
    shares). In order of time, training comes before validation and validation before the test part; rows of the same
    time get one part.

    Args:
        fixed: int8 (rows,), the part of rows that have one, FREE for the others.
        strata: int (rows,) class indices, or None.

    Returns:
        int8 (rows,): TRAIN, VALIDATION or TEST.
    """
    free = np.flatnonzero(fixed == FREE)
    parts = fixed.copy()
    parts[free] = TRAIN
    n_test, n_validation = (max(1, round(share * len(free))) if share else 0 for share in (test, validation))
    if arrangement.times is not None:
        order = free[np.argsort(arrangement.times[free], kind="stable")]
        for part, count in ((TEST, n_test), (VALIDATION, n_validation)):
            order = _cut_last(parts, order, part, count, arrangement.times)
    elif arrangement.groups is not None:
        for part, count in ((TEST, n_test), (VALIDATION, n_validation)):
            left = free[parts[free] == TRAIN]
            if count:
                parts[_take_groups(left, count, strata, arrangement.groups, seed)] = part
    else:
        order = np.random.default_rng(seed).permutation(free)
        if strata is not None:
            order = order[np.argsort(_places(strata[order]), kind="stable")]
        parts[order[:n_test]] = TEST
        parts[order[n_test : n_test + n_validation]] = VALIDATION
    return parts


def _cut_last(
    parts: NDArray[np.int8], order: NDArray[np.int64], part: int, count: int, times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give the last ``count`` rows of an order, and all of the same time as the first of them, a part."""
    if not count or not len(order):
        return order
    is_late = times[order] >= times[order[-min(count, len(order))]]
    parts[order[is_late]] = part
    return order[~is_late]


def _take_groups(
    rows: NDArray[np.int64],
    count: int,
    strata: NDArray[np.int64] | None,
    groups: NDArray[np.int64],
    seed: int,
) -> NDArray[np.int64]:
    """Choose whole groups that come nearest to ``count`` rows: the best fitting fold of a grouped cross-validation."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    several = len(np.unique(groups[rows]))
    if several < 2:
        return rows[:0]  # check_parts says that a part is empty
    few = count > len(rows) / 2  # then it is the rest that is cut out
    wanted = len(rows) - count if few else count
    kind: Any = GroupKFold if strata is None else StratifiedGroupKFold
    splitter = kind(min(several, max(2, round(len(rows) / max(1, wanted)))), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class in fewer rows than folds
        classes = None if strata is None else strata[rows]
        folds = [fold for _, fold in splitter.split(rows, classes, groups[rows]) if len(fold)]
    best = min(folds, key=lambda fold: abs(len(fold) - wanted))
    return rows[np.setdiff1d(np.arange(len(rows)), best)] if few else rows[best]


def _places(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Place of each row among those of its class, evenly between 0 and 1.

    >>> _places(np.array([0, 1, 0])).tolist()
    [0.25, 0.5, 0.75]
    """
    by_class = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(codes), np.int64)
    rank[by_class] = np.arange(len(codes)) - starts[codes[by_class]]
    places: NDArray[np.float64] = (rank + 0.5) / counts[codes]
    return places


def parts_of_column(column: pd.Series[Any], *, source: str) -> NDArray[np.int8]:
    """Read each row's part from a column of names; raises DataError for a missing or unknown one."""
    words = [str(word).strip().lower() for word in column]
    unknown = next((row for row, word in enumerate(words) if word not in PART_WORDS), None)
    if unknown is not None:
        allowed = "train, validation (or valid, val) or test"
        raise DataError(
            f"{source}: split column '{column.name}' must say {allowed}, got {column.iloc[unknown]!r} "
            f"in row {unknown + 1}"
        )
    return np.array([PART_WORDS[word] for word in words], np.int8)


def looks_like_split(column: pd.Series[Any]) -> bool:
    """Tell whether a column names parts of a split: two or more, train among them, and nothing else."""
    words = {str(word).strip().lower() for word in column.unique()}
    parts = {PART_WORDS.get(word, FREE) for word in words} if len(words) <= len(PART_WORDS) else {FREE}
    return FREE not in parts and TRAIN in parts and len(parts) > 1


def check_parts(
    parts: NDArray[np.int8],
    codes: NDArray[np.int64] | None,
    classes: tuple[Any, ...] | None,
    *,
    source: str,
    drawn: bool,
    pooled: bool = False,
) -> list[str]:
    """Make sure that training is possible, and say which parts lack a class.

    Args:
        drawn: whether a part was drawn here, or all of them were given.
        pooled: whether folds are cut from the training part, so that there is no validation part.

    Raises:
        DataError: there is nothing to train or validate on, or a class is missing from the training part.
    """
    for part, least in ((TRAIN, 2), (VALIDATION, 0 if pooled else 1)):
        got = int((parts == part).sum())
        if got < least:
            rule = f"the {PART_NAMES[part]} part must have at least {least} rows, got {got}"
            raise DataError(f"{source}: {rule}; change data.test, data.validation or what gives the split")
    if codes is None or classes is None:
        return []
    notices = []
    for part, name in PART_NAMES.items():
        if not (parts == part).any():
            continue
        counts = np.bincount(codes[parts == part], minlength=len(classes))
        absent = [classes[i] for i in np.flatnonzero(counts == 0)]
        if absent and part == TRAIN:
            raise DataError(
                f"{source}: every class must have rows in the training part, got none of {absent[0]!r}; "
                "add some, or take its rows out of the other parts"
            )
        if absent:
            shown = ", ".join(map(repr, absent[:5])) + (", ..." if len(absent) > 5 else "")
            why = "too few rows to stratify" if drawn else "the split is given"
            notices.append(f"the {name} part has no row of class {shown} ({why})")
    return notices
