"""Which windows are cut from a table in order of time, and in which part of the split does each lie?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.config import DataConfig, WindowsConfig
from search.data.inputs import table_inputs
from search.data.raw import FREE, TEST, TRAIN, UNUSED, VALIDATION, RawData, nearest_column
from search.data.series import encode_rows, learn_columns, series_of, starts_of
from search.data.splits import PART_NAMES, parts_of_column
from search.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

UNEVEN = 2  # times the usual time between two rows


def windowed(raw: RawData, config: DataConfig, *, pooled: bool = False) -> tuple[RawData, DataConfig]:
    """Cut a table into windows.

    Rows are put in order of ``data.time``, each group by itself; parts that are fractions are cut from that order:
    training, validation, test. A window shows ``length`` rows; its target stands ``horizon`` rows behind its last
    one. One that reaches, with its target, from one part into another is left out, so nothing that is tested on has
    been trained on. Missing numbers become the median of the training rows, words a number for each category.

    Args:
        pooled: leave all rows but those of the test part in the training part, as what folds are cut from.

    Returns:
        array: float32 (windows, length, features), labels: (windows,), every window's part; and the configuration
        that is left to do.

    Raises:
        DataError: the table cannot be put in order, or windows do not fit into it or into one of its parts.
    """
    wanted, table = config.windows, raw.table
    assert wanted is not None
    if table is None:
        raise DataError(f"{raw.source}: data.windows are cut from a table, but the source holds arrays; leave it out")
    target = _target(raw, config, table)
    parts, order, series = _in_order(raw, config, table, pooled)
    names = _features(config, wanted, target, table)
    plan, notices = table_inputs(raw, table[names], key="data.windows.columns" if wanted.columns else "")
    learnt = learn_columns(table, plan.columns, parts == TRAIN)
    reach = wanted.length + wanted.horizon
    rows, spanning = _cut(series, parts, wanted)
    if not len(rows) and not spanning:
        most = max(map(len, series))
        told = f"windows.length {wanted.length}" + (f" + horizon {wanted.horizon}" if wanted.horizon else "")
        raise DataError(
            f"{raw.source}: data.{told} must be at most the rows of a series, got {most}; shorten the windows"
        )
    targets = rows[:, -1]
    _refuse_empty_parts(raw, config, parts, parts[targets], reach)
    if spanning:
        notices.append(f"left out {spanning} windows that reach from one part of the split into the next")
    short = sum(len(one) < reach for one in series)
    if short:
        notices.append(f"left out {short} of {len(series)} series with fewer rows than a window takes ({reach})")
    notices += _uneven(config.time, table, order, series)
    recipe: dict[str, Any] = {"length": wanted.length, "step": wanted.step, "time": config.time}
    recipe |= {"groups": config.groups, "columns": [dict(one) for one in learnt]}
    cut = RawData(
        raw.source,
        array=encode_rows(table, learnt)[rows[:, : wanted.length]],
        labels=table[target].iloc[targets].reset_index(drop=True),
        target=target,
        parts=parts[targets],
        layout="sequence",
        reading={"windows": recipe},
        notices=(*raw.notices, *notices),
        # Not the groups: their series run side by side, and folds follow each other in time.
        time=_series(order[targets], config.time or "row"),
    )
    done: dict[str, Any] = {"windows": None, "target": None, "split": None, "drop": (), "groups": None, "time": None}
    return cut, config.model_copy(update=done)


def _series(values: NDArray[Any], name: str) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(values, name=name)


def _target(raw: RawData, config: DataConfig, table: pd.DataFrame) -> str:
    """The target's name; every column that the configuration names must be there."""
    columns = [str(name) for name in table.columns]
    target = config.target or raw.target
    if target is None:
        raise DataError(f"{raw.source}: data.target must name the column to predict; columns: {', '.join(columns)}")
    used = [("target", target), ("split", config.split), ("groups", config.groups), ("time", config.time)]
    used += [("drop", name) for name in config.drop]
    used += [("windows.columns", name) for name in (config.windows.columns if config.windows else None) or ()]
    for key, name in used:
        if name is not None and name not in columns:
            raise DataError(f"{raw.source}: data.{key}: no column '{name}'; {nearest_column(name, columns)}")
    return target


def _features(config: DataConfig, wanted: WindowsConfig, target: str, table: pd.DataFrame) -> list[str]:
    """The columns of a window, in the order of the table."""
    shows_target = wanted.horizon > 0 if wanted.include_target is None else wanted.include_target
    if wanted.columns is not None:
        chosen = {*wanted.columns, *([target] if wanted.include_target else [])} - set(config.drop)
    else:
        left_out = {config.time, config.groups, config.split, *config.drop, *([] if shows_target else [target])}
        chosen = {str(name) for name in table.columns} - left_out
    return [str(name) for name in table.columns if str(name) in chosen]


def _in_order(
    raw: RawData, config: DataConfig, table: pd.DataFrame, pooled: bool
) -> tuple[NDArray[np.int8], NDArray[Any], list[NDArray[np.int64]]]:
    """Each row's part and time, and the rows of each series."""
    given = np.full(len(table), FREE, np.int8) if raw.parts is None else raw.parts
    # Parts that come as files are series of their own; those of a column lie within one.
    series, order = series_of(
        table, time=config.time, groups=config.groups, source=raw.source, place=raw.place, apart=given
    )
    if config.time is None and config.groups is not None:
        rule = "must name the column that puts the rows of all groups in one order, where windows are cut in groups"
        raise DataError(f"{raw.source}: data.time: {rule}; for rows that are in order, add a column that counts them")
    if config.split is not None:
        if raw.parts is not None:
            raise DataError(f"{raw.source}: already gives the split; leave data.split out")
        given = parts_of_column(table[config.split], source=raw.source)
        if VALIDATION not in given:
            given = np.where(given == TRAIN, FREE, given).astype(np.int8)
    test = 0.0
    if isinstance(config.test, float) and TEST not in given and config.split is None:
        test = config.test
    drawn = isinstance(config.validation, float) and VALIDATION not in given and not pooled
    validation = float(config.validation) if drawn else 0.0
    parts = parts_in_order(given, order, test=test, validation=validation)
    if config.test is None:
        parts[parts == TEST] = UNUSED
    return parts, order, series


def parts_in_order(given: NDArray[np.int8], order: NDArray[Any], *, test: float, validation: float) -> NDArray[np.int8]:
    """Give every free row a part by its time: the last ones test, those before them validate, the rest trains.

    Shares are of the free rows, rounded, at least one row; rows of one time are never parted.

    >>> parts_in_order(np.full(5, FREE, np.int8), np.array([3, 1, 5, 4, 2]), test=0.2, validation=0.4).tolist()
    [1, 0, 2, 1, 0]
    """
    parts = given.copy()
    free = np.flatnonzero(given == FREE)
    if not len(free):
        return parts
    times = np.sort(order[free])
    counts = [max(1, round(share * len(free))) if share else 0 for share in (test, validation)]
    parts[free] = TRAIN
    for part, behind in ((VALIDATION, sum(counts)), (TEST, counts[0])):
        if behind > (counts[0] if part == VALIDATION else 0):
            parts[free[order[free] >= times[max(0, len(times) - behind)]]] = part
    return parts


def _cut(
    series: list[NDArray[np.int64]], parts: NDArray[np.int8], wanted: WindowsConfig
) -> tuple[NDArray[np.int64], int]:
    """The rows of every window that lies in one part, its target's row last: (windows, length + 1); how many do not."""
    offsets = np.append(np.arange(wanted.length), wanted.length - 1 + wanted.horizon)
    kept, spanning = [np.empty((0, wanted.length + 1), np.int64)], 0
    for rows in series:
        starts = starts_of(len(rows), length=wanted.length, step=wanted.step, horizon=wanted.horizon)
        changes = np.concatenate([[0], np.cumsum(np.diff(parts[rows]) != 0)])
        whole = changes[starts] == changes[starts + offsets[-1]]
        spanning += int((~whole).sum())
        kept.append(rows[starts[whole][:, None] + offsets])
    return np.concatenate(kept), spanning


def _refuse_empty_parts(
    raw: RawData, config: DataConfig, rows: NDArray[np.int8], windows: NDArray[np.int8], reach: int
) -> None:
    for part, name in PART_NAMES.items():
        held = int((rows == part).sum())
        if held and part not in windows:
            rule = f"the {name} part has no window: it has {held} rows in a series at most, a window takes {reach}"
            larger = "data.split" if config.split is not None else f"data.{name}" if part != TRAIN else "the table"
            raise DataError(f"{raw.source}: {rule}; shorten windows.length or enlarge {larger}")


def _uneven(time: str | None, table: pd.DataFrame, order: NDArray[Any], series: list[NDArray[np.int64]]) -> list[str]:
    """Say where rows are missing, as windows count rows and not time."""
    if time is None:
        return []
    worst: tuple[float, int] = (0.0, 0)
    for rows in series:
        between = np.diff(order[rows])
        if len(between) and between.max() > UNEVEN * np.median(between):
            ratio = float(between.max() / max(np.median(between), 1e-12))
            worst = max(worst, (ratio, int(rows[int(np.argmax(between)) + 1])))
    if not worst[0]:
        return []
    gap = f"before {table[time].iloc[worst[1]]} as much as {worst[0]:.0f} times the usual time is missing"
    return [f"rows do not follow each other evenly in '{time}': {gap}; windows count rows"]
