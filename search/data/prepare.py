"""How are raw inputs and targets brought to the scale that networks learn from?

Each ``fit_`` function looks at training rows only. What they are given beside these (lengths, categories, the size of
a vocabulary) decides shapes, which have to be the same however the rows are split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.data.targets import TargetFacts
from search.portable import ArrayInput, Column, SequenceInput, TableInput, Target, TokenInput, tidy
from search.portable.sequences import real_steps
from search.portable.table import numbers, words
from search.portable.tokens import FIRST_TOKEN, TokenUnit, most_frequent

if TYPE_CHECKING:
    import pandas as pd

BYTE_MAX = 255
PIECE_ROWS = 65_536
PROBE_ROWS = 4096


def fit_table(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    rows: NDArray[np.int64] | None = None,
    *,
    categories: Sequence[NDArray[Any]] | None = None,
) -> TableInput:
    """Fit the preprocessing of a table on its training rows.

    Numeric columns: missing values become the median, then mean 0 and standard deviation 1. Others: missing
    is a category of its own ("missing"), one column per category, all zeros for a category that training did
    not have.

    Args:
        rows: positions of the training rows; None is all.
        categories: of each column that is not numeric; None takes those of the training rows.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = np.arange(len(frame)) if rows is None else rows
    numeric = [column for column in columns if column.kind == "numeric"]
    other = [column for column in columns if column.kind != "numeric"]
    # keep_empty_features: a column whose few values all lie outside the training part must not change the
    # width.
    scale = Pipeline(
        [("impute", SimpleImputer(strategy="median", keep_empty_features=True)), ("scale", StandardScaler())]
    )
    known = (
        [_categories(frame[column.name].iloc[rows], column.name) for column in other]
        if categories is None
        else list(categories)
    )
    encode = Pipeline(
        [
            ("impute", SimpleImputer(strategy="constant", fill_value="missing")),
            ("encode", OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)),
        ]
    )
    steps = [("numeric", scale, _names(numeric)), ("words", encode, _names(other))]
    pipeline = ColumnTransformer([step for step in steps if step[2]])
    one_row = tidy(frame.iloc[rows[:1]], columns)
    one_row = one_row.fillna(dict.fromkeys(_names(other), "missing"))
    pipeline.fit(one_row)  # decides the shape, as the categories are known
    if numeric:
        _fit_numbers(pipeline.named_transformers_["numeric"], frame, numeric, rows)
    return TableInput(tuple(columns), (pipeline.transform(one_row).shape[1],), pipeline)


def _fit_numbers(scale: Any, frame: pd.DataFrame, columns: Sequence[Column], rows: NDArray[np.int64]) -> None:
    """Fit medians, means and standard deviations by columns and by pieces: millions of rows need no copy of them all.

    scikit-learn's own medians sort a masked copy of the table, which takes thirty times as long.
    """
    import pandas as pd

    medians = {name: [_median(numbers(frame[name].iloc[rows], name))] for name in _names(columns)}
    scale["impute"].fit(pd.DataFrame(medians))  # a column's median is that of its median
    for start in range(0, len(rows), PIECE_ROWS):
        piece = scale["impute"].transform(tidy(frame.iloc[rows[start : start + PIECE_ROWS]], columns))
        (scale["scale"].partial_fit if start else scale["scale"].fit)(piece)


def _median(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else np.nan


def _categories(column: pd.Series[Any], name: str) -> NDArray[np.object_]:
    """The different words of a column in order, as scikit-learn's encoder would find them."""
    import pandas as pd

    distinct = pd.unique(words(column, name))
    return np.array(sorted({"missing" if pd.isna(word) else word for word in distinct}), object)


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns]


def categories_of(table: TableInput) -> list[NDArray[Any]] | None:
    """The categories of a fitted table's columns that are not numeric; None if there are none."""
    fitted = table.pipeline.named_transformers_
    return list(fitted["words"].named_steps["encode"].categories_) if "words" in fitted else None


def fit_array(
    values: NDArray[Any], layout: Literal["numbers", "image"] = "numbers", rows: NDArray[np.int64] | None = None
) -> ArrayInput:
    """Fit the scaling of an array (rows, *shape), at least 3-D.

    Bytes become 0..1, everything else mean 0 and std 1 over all values.

    Args:
        rows: positions of the training rows; None is all.
    """
    shape = tuple(values.shape[1:])
    rows = np.arange(len(values)) if rows is None else rows
    if values.dtype == np.uint8 and _are_bytes(values[rows[:PROBE_ROWS]]):  # which spares a copy of all
        return ArrayInput(shape, 0.0, 1 / BYTE_MAX, layout)
    train = values[rows]
    if _are_bytes(train):
        return ArrayInput(shape, 0.0, 1 / BYTE_MAX, layout)
    mean = float(train.mean(dtype=np.float64))
    # In float64, by pieces: a float64 copy of the whole would double the memory.
    squares = sum(
        float(np.square(train[i : i + PROBE_ROWS].astype(np.float64) - mean).sum())
        for i in range(0, len(train), PROBE_ROWS)
    )
    std = (squares / train.size) ** 0.5
    return ArrayInput(shape, mean, 1 / std if std else 1.0, layout)


def fit_sequence(train: NDArray[Any], *, steps: int, masked: bool) -> SequenceInput:
    """Fit the scaling of sequences (rows, time, features): mean 0 and standard deviation 1 of each feature.

    Steps of padding (NaN behind a sequence's end) do not count, nor do steps behind the first ``steps``.
    """
    real = np.arange(train.shape[1]) < np.minimum(real_steps(train), steps)[:, None]
    held = train[real].astype(np.float64)
    stds = held.std(axis=0)
    means = tuple(map(float, held.mean(axis=0)))
    return SequenceInput((steps, train.shape[2]), means, tuple(float(std) or 1.0 for std in stds), masked)


def fit_tokens(
    train: Sequence[str], column: str, unit: TokenUnit, *, length: int, most: int, size: int | None = None
) -> TokenInput:
    """Learn the vocabulary of the training texts: the ``most - 2`` most frequent tokens.

    Args:
        size: how many numbers the model is to know; None is as many as there are.
    """
    tokens = most_frequent(train, unit, most - FIRST_TOKEN)
    return TokenInput(column, unit, tokens, length, len(tokens) + FIRST_TOKEN if size is None else size)


def _are_bytes(array: NDArray[Any]) -> bool:
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
