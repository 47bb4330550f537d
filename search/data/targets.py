"""Which task does a target pose, and which classes or scale does it have?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError
from spaces.data_spec import Task

if TYPE_CHECKING:
    import pandas as pd

MOST_INTEGER_CLASSES = 20
MOST_CLASSES = 1000
ROWS_PER_CLASS = 5
TARGET_NAMES = ("target", "class", "label", "y", "outcome")
SHOWN = 6


@dataclass(frozen=True)
class TargetFacts:
    """The task, why, and for classification the classes (sorted) with each row's index into them.

    ``values`` holds regression targets as float64; ``codes`` int64 class indices. The other one is None.
    """

    task: Task
    reason: str
    classes: tuple[Any, ...] | None = None
    codes: NDArray[np.int64] | None = None
    values: NDArray[np.float64] | None = None


def infer_target(
    labels: pd.Series[Any], stated: str, *, source: str, place: Callable[[int], str], images: bool = False
) -> TargetFacts:
    """Infer the task from a target without missing values, or hold it to the stated task.

    Words and booleans are classes. Numbers are classes if there are two of them, or if they are at most 20
    whole ones with 5 rows each on average; for images, if they count 0, 1, 2, ... Everything else is
    regression.

    Args:
        labels: (rows,), no value missing; its index holds the source's row numbers for ``place``.
        stated: "auto", or the task.

    Raises:
        DataError: the target is constant, does not fit the stated task, is infinite, or a class has one row
            only.
    """
    import pandas as pd

    name = str(labels.name)
    codes, distinct = pd.factorize(labels)
    values = [value.item() if isinstance(value, np.generic) else value for value in distinct.astype(object)]
    if len(values) == 1:
        raise DataError(f"{source}: target '{name}' must differ between rows, got {values[0]!r} in all {len(labels)}")
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    task = (
        _auto(values, len(labels), numeric, images)
        if stated == "auto"
        else _stated(stated, values, numeric, source, name)
    )
    said = ", as stated" if stated != "auto" else ""
    if task == "regression":
        numbers = labels.to_numpy(dtype=np.float64)
        wrong = np.abs(numbers) > np.finfo(np.float32).max
        if wrong.any():
            row = int(np.argmax(wrong))
            where = place(int(labels.index[row]))
            raise DataError(
                f"{source}: target '{name}' must be finite, got {numbers[row]} in {where}; correct or remove it"
            )
        span = f"numbers from {numbers.min():g} to {numbers.max():g}"
        return TargetFacts(task, f"regression{said}: '{name}' holds {len(values)} different {span}", values=numbers)
    if len(values) > MOST_CLASSES or len(values) > len(labels) / 2:
        raise DataError(
            f"{source}: target '{name}' must have classes that recur, got {len(values)} different "
            f"values in {len(labels)} rows; "
            "name another target, or state data.task: regression for numbers"
        )
    # Numbers by size; anything else within its type, as 1 and "a" have no order.
    order = sorted(range(len(values)), key=lambda i: ("" if numeric else str(type(values[i])), values[i]))
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    codes = rank[codes]
    classes = tuple(values[i] for i in order)
    _refuse_lone_class(labels, codes, classes, source, place)
    shown = " and ".join(map(str, classes)) if len(classes) == 2 else ", ".join(map(str, classes[:SHOWN]))
    more = ", ..." if len(classes) > SHOWN else ""
    count = "the two values" if len(classes) == 2 else f"{len(classes)} classes:"
    return TargetFacts(task, f"{task}{said}: '{name}' holds {count} {shown}{more}", classes, codes)


def _auto(values: list[Any], rows: int, numeric: bool, images: bool) -> Task:
    if len(values) == 2:
        return "binary"
    if not numeric:
        return "multiclass"
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        return "regression"
    few = len(values) <= MOST_INTEGER_CLASSES and rows >= ROWS_PER_CLASS * len(values)
    counted = images and len(values) <= MOST_CLASSES and set(values) == set(range(len(values)))
    return "multiclass" if few or counted else "regression"


def _stated(stated: str, values: list[Any], numeric: bool, source: str, name: str) -> Task:
    if stated == "regression":
        if not numeric:
            odd = next(v for v in values if isinstance(v, bool) or not isinstance(v, int | float))
            raise DataError(
                f"{source}: target '{name}' must hold numbers for data.task: regression, got {odd!r}; "
                "leave data.task out"
            )
        return "regression"
    if stated == "binary":
        if len(values) != 2:
            raise DataError(
                f"{source}: target '{name}' must hold two values for data.task: binary, got "
                f"{len(values)}; leave data.task out"
            )
        return "binary"
    return "multiclass"


def _refuse_lone_class(
    labels: pd.Series[Any],
    codes: NDArray[np.int64],
    classes: tuple[Any, ...],
    source: str,
    place: Callable[[int], str],
) -> None:
    counts = np.bincount(codes, minlength=len(classes))
    if counts.min() >= 2:
        return
    lone = int(np.argmin(counts))
    where = place(int(labels.index[int(np.argmax(codes == lone))]))
    others = f" ({(counts < 2).sum()} classes are like this)" if (counts < 2).sum() > 1 else ""
    raise DataError(
        f"{source}: class {classes[lone]!r} of '{labels.name}' must have at least 2 rows to be split, "
        f"got one ({where}){others}; "
        "merge it with another class, or take the row out"
    )


def guess_target(columns: list[str]) -> str:
    """Guess which column is to be predicted: one with a usual name, else the last."""
    by_name = {name.lower(): name for name in columns}
    return next((by_name[name] for name in TARGET_NAMES if name in by_name), columns[-1])
