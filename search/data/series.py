"""In which order do the rows of a table follow each other, and what does a window show of them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import read_times
from search.errors import DataError
from search.portable import Column, tidy

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"


def series_of(
    table: pd.DataFrame,
    *,
    time: str | None,
    groups: str | None,
    source: str,
    place: Callable[[int], str],
    apart: NDArray[Any] | None = None,
) -> tuple[list[NDArray[np.int64]], NDArray[Any]]:
    """Find the series in a table, each in order of time.

    Args:
        time: the column of times; None takes the rows as they stand.
        groups: a column with a value per series; None for a single series.
        apart: (rows,) numbers; rows of different ones are in different series too.

    Returns:
        The positions of the rows of each series, and the (rows,) times of all rows.

    Raises:
        DataError: a group or a time is missing, or a series has a time twice.
    """
    import pandas as pd

    order = np.arange(len(table)) if time is None else read_times(table[time], source, place)
    codes = np.zeros(len(table), np.int64)
    if groups is not None:
        codes = pd.factorize(table[groups])[0].astype(np.int64)
        if (codes < 0).any():
            where = place(int(np.argmax(codes < 0)))
            raise DataError(
                f"{source}: data.groups: column '{groups}' must name a group in every row, {where} is empty"
            )
    keys = codes if apart is None else codes * (int(apart.max()) - int(apart.min()) + 1) + apart - apart.min()
    sorting = np.lexsort((order, keys))
    bounds = np.flatnonzero(np.diff(keys[sorting])) + 1
    same = (np.diff(keys[sorting]) == 0) & (np.diff(order[sorting]) == 0)
    if same.any():
        first = int(np.argmax(same))
        one, two = sorted((int(sorting[first]), int(sorting[first + 1])))
        value = table[time].iloc[two]
        remedy = "" if groups is not None else "; if there are several series, name their column in data.groups"
        rule = f"must hold each time once{' a group' if groups is not None else ''}"
        raise DataError(
            f"{source}: data.time: column '{time}' {rule}, got {value} in {place(one)} and {place(two)}{remedy}"
        )
    return np.split(sorting, bounds), order


def learn_columns(
    table: pd.DataFrame, columns: Sequence[Column], train: NDArray[np.bool_]
) -> tuple[Mapping[str, Any], ...]:
    """What becomes of each column in a window, by the training rows: plain JSON.

    Numbers keep theirs, a missing one is the median; words become a number for each category, 1 where it holds; a
    missing word is a category of its own, and one that training does not know is 0 in all.
    """
    tidied = tidy(table, columns)[train]
    learnt: list[Mapping[str, Any]] = []
    for column in columns:
        values = tidied[column.name]
        if column.kind == "numeric":
            median = float(np.nanmedian(values)) if values.notna().any() else 0.0
            learnt.append({"name": column.name, "fill": median})
        else:
            words = sorted(set(values.fillna(MISSING)))
            learnt.append({"name": column.name, "kind": column.kind, "categories": words})
    return tuple(learnt)


def encode_rows(table: pd.DataFrame, learnt: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
    """Bring rows to float32 (rows, features) as ``learn_columns`` says; PortableError for a word among numbers."""
    columns = [Column(one["name"], "numeric" if "fill" in one else one["kind"]) for one in learnt]
    tidied = tidy(table, columns)
    features = []
    for one in learnt:
        values = tidied[one["name"]]
        if "fill" in one:
            features.append(values.fillna(one["fill"]).to_numpy(np.float32)[:, None])
        else:
            words = values.fillna(MISSING).to_numpy(object)[:, None]
            features.append((words == np.array(one["categories"], object)[None, :]).astype(np.float32))
    return np.concatenate(features, axis=1)


def starts_of(rows: int, *, length: int, step: int, horizon: int = 0) -> NDArray[np.int64]:
    """Where windows start so that the last of them, with its horizon, ends with the series.

    >>> starts_of(10, length=4, step=3, horizon=1).tolist()
    [2, 5]
    """
    room = rows - length - horizon
    return np.arange(room % step, room + 1, step) if room >= 0 else np.empty(0, np.int64)


def cut_table(table: pd.DataFrame, recipe: Mapping[str, Any], source: str) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Cut new rows into windows for a model that was trained on such ones.

    Args:
        recipe: ``RawData.reading["windows"]``.

    Returns:
        float32 (windows, length, features), and a frame that tells each window's group and last time, or row.

    Raises:
        DataError: a column is missing, or no series is as long as a window. PortableError: a word among numbers.
    """
    import pandas as pd

    time, groups, length = recipe["time"], recipe["groups"], int(recipe["length"])
    table = table.set_axis([str(name) for name in table.columns], axis=1).reset_index(drop=True)
    needed = [*filter(None, (time, groups)), *(one["name"] for one in recipe["columns"])]
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        raise DataError(f"{source}: the rows lack the column {', '.join(map(repr, lacking))} that windows are cut from")
    series, _ = series_of(table, time=time, groups=groups, source=source, place=lambda row: f"row {row + 1}")
    values = encode_rows(table, recipe["columns"])
    cut = [
        rows[starts_of(len(rows), length=length, step=recipe["step"])[:, None] + np.arange(length)] for rows in series
    ]
    windows = np.concatenate(cut) if cut else np.empty((0, length), np.int64)
    if not len(windows):
        most = max(map(len, series), default=0)
        raise DataError(f"{source}: must hold {length} rows in a series for one window, got {most} at most")
    last = windows[:, -1]
    told = table[[*filter(None, (groups, time))]].iloc[last].reset_index(drop=True)
    return values[windows], told if len(told.columns) else pd.DataFrame({"row": last + 1})
