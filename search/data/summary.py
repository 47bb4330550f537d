"""What is in a data file, as a draft of an experiment needs to know it?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.columns import Kind, looks_like_row_number, profile
from search.data.raw import RawData
from search.data.sources import read_source
from search.data.splits import looks_like_split
from search.data.targets import guess_target, infer_target
from search.errors import DataError
from spaces.data_spec import Task

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3
UNUSABLE: tuple[Kind, ...] = ("text", "date", "empty", "mixed", "other")


@dataclass(frozen=True)
class ColumnSummary:
    """One column: its kind, rows without a value, different values, and up to three of these as text."""

    name: str
    kind: Kind
    missing: int
    distinct: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class TableSummary:
    """A source at a glance, with guesses that a person should confirm.

    Attributes:
        columns: all of a table, the target included; empty for arrays.
        input_shape: shape of one sample of an array, () for tables.
        target: a column with a usual name (target, class, label, y, outcome), else the last usable one.
        task: None where the guessed target cannot be learnt; ``task_reason`` says why.
        split: a column that names train and test rows, if there is one.
        drop: columns that cannot or should not be inputs: text, dates, empty, mixed, row numbers.
    """

    source: str
    rows: int
    columns: tuple[ColumnSummary, ...]
    input_shape: tuple[int, ...]
    target: str
    task: Task | None
    task_reason: str
    split: str | None
    drop: tuple[str, ...]


def inspect_source(source: str, folder: Path) -> TableSummary:
    """Read a source once and describe it.

    Relative paths start at ``folder``. Raises DataError if it cannot be read.
    """
    raw = read_source(source, folder)
    if raw.table is None:
        assert raw.array is not None
        assert raw.labels is not None
        task, reason = _task(raw, raw.labels)
        return TableSummary(
            source,
            len(raw),
            (),
            raw.array.shape[1:],
            raw.target or "target",
            task,
            reason,
            split=None,
            drop=(),
        )
    frame = raw.table
    columns = tuple(_summarise(frame[name]) for name in frame.columns)
    split = next((c.name for c in columns if c.kind == "categorical" and looks_like_split(frame[c.name])), None)
    usable = [c.name for c in columns if c.kind not in (*UNUSABLE, "constant") and c.name != split]
    target = raw.target or guess_target(usable or [c.name for c in columns])
    task, reason = _task(raw, frame[target])
    drop = tuple(
        c.name for c in columns if c.name != target and (c.kind in UNUSABLE or looks_like_row_number(frame[c.name]))
    )
    return TableSummary(source, len(raw), columns, (), target, task, reason, split, drop)


def _summarise(series: pd.Series[Any]) -> ColumnSummary:
    facts = profile(series)
    if facts.kind == "other":
        return ColumnSummary(facts.name, facts.kind, facts.missing, 0, ())
    distinct = series.dropna().unique()
    examples = tuple(_show(value) for value in distinct[:EXAMPLES])
    return ColumnSummary(facts.name, facts.kind, facts.missing, len(distinct), examples)


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _task(raw: RawData, labels: pd.Series[Any]) -> tuple[Task | None, str]:
    try:
        facts = infer_target(labels.dropna(), "auto", source=raw.source, place=raw.place, images=raw.array is not None)
    except DataError as error:
        return None, str(error)
    return facts.task, facts.reason
