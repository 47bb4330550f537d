"""How are raw inputs and targets brought to the scale that networks learn from?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.targets import TargetFacts
from search.portable import Column, Preprocessor, Target, tidy

if TYPE_CHECKING:
    import pandas as pd

BYTE_MAX = 255
PROBE_ROWS = 4096


def fit_table(
    frame: pd.DataFrame, train: NDArray[np.bool_], columns: Sequence[Column], target: Target, task: Any
) -> tuple[Preprocessor, NDArray[np.float32]]:
    """Fit the preprocessing of a table on its training rows; return it and all rows prepared.

    Numeric columns: missing values become the median, then mean 0 and standard deviation 1. Others: missing
    is a category of its own ("missing"), one column per category, all zeros for a category that training did
    not have.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = [column.name for column in columns if column.kind == "numeric"]
    words = [column.name for column in columns if column.kind != "numeric"]
    # keep_empty_features: a column whose few values all lie outside the training part must not change the
    # width.
    scale = Pipeline(
        [("impute", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    encode = Pipeline(
        [
            ("impute", SimpleImputer(strategy="constant", fill_value="missing")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    steps = [("numeric", scale, numeric), ("words", encode, words)]
    pipeline = ColumnTransformer([step for step in steps if step[2]])
    tidied = tidy(frame, columns)
    pipeline.fit(tidied[train])
    x = np.ascontiguousarray(pipeline.transform(tidied), np.float32)
    return Preprocessor("table", task, (x.shape[1],), target, tuple(columns), pipeline=pipeline), x


def fit_array(train: NDArray[Any], target: Target, task: Any) -> Preprocessor:
    """Fit the scaling of an array (rows, *shape), at least 3-D.

    Bytes become 0..1, everything else mean 0 and std 1 over all values.
    """
    shape = tuple(train.shape[1:])
    if _is_bytes(train):
        return Preprocessor("array", task, shape, target, offset=0.0, scale=1 / BYTE_MAX)
    mean = float(train.mean(dtype=np.float64))
    # In float64, by pieces: a float64 copy of the whole would double the memory.
    squares = sum(
        float(np.square(train[i : i + PROBE_ROWS].astype(np.float64) - mean).sum())
        for i in range(0, len(train), PROBE_ROWS)
    )
    std = (squares / train.size) ** 0.5
    return Preprocessor("array", task, shape, target, offset=mean, scale=1 / std if std else 1.0)


def _is_bytes(array: NDArray[Any]) -> bool:
    if array.dtype.kind not in "iu":
        return False
    # Zeros and ones are on the right scale already, whatever type holds them.
    return int(array.min()) >= 0 and 1 < int(array.max()) <= BYTE_MAX


def describe_target(facts: TargetFacts, name: str, train: NDArray[np.bool_]) -> Target:
    """Keep the classes, or the mean and standard deviation of the training rows (1 if they are all alike)."""
    if facts.values is None:
        return Target(name, facts.classes)
    numbers = facts.values[train]
    return Target(name, None, float(numbers.mean()), float(numbers.std()) or 1.0)


def encode(facts: TargetFacts, target: Target) -> NDArray[Any]:
    """Encode all rows' targets as ``Part.y`` describes."""
    if facts.values is not None:
        standardised: NDArray[Any] = ((facts.values - target.mean) / target.std).astype(np.float32)[:, None]
        return standardised
    assert facts.codes is not None
    return facts.codes.astype(np.float32)[:, None] if facts.task == "binary" else facts.codes.astype(np.int32)
