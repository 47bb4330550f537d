"""What is in a data file, as a draft of an experiment needs to know it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.columns import Kind, looks_like_row_number, profile
from search.data.config import DataConfig
from search.data.layouts import Layout, layout_of, padded
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
        input_shape: shape of one sample of an array, () for tables and several inputs.
        inputs: of several inputs by name what each is; empty for a single one.
        layout: what the axes of an array seem to mean, ``numbers`` for a table.
        time_axis: the axis of time in an array of sequences.
        target: a column with a usual name (target, class, label, y, outcome), else the last usable one.
        task: None where the guessed target cannot be learnt; ``task_reason`` says why.
        split: a column that names train and test rows, if there is one.
        text: the column of words that is read as text where nothing else could be an input, or that the source gives
            as such.
        drop: columns that cannot or should not be inputs: text, dates, empty, mixed, row numbers.
    """

    source: str
    rows: int
    columns: tuple[ColumnSummary, ...]
    input_shape: tuple[int, ...]
    target: str
    task: Task | None
    task_reason: str
    split: str | None = None
    drop: tuple[str, ...] = ()
    text: str | None = None
    layout: Layout = "numbers"
    time_axis: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)


def inspect_source(source: str, folder: Path) -> TableSummary:
    """Read a source once and describe it.

    Relative paths start at ``folder``. Raises DataError if it cannot be read.
    """
    raw, time_axis = _read(source, folder)
    if raw.table is None:
        return _summarise_arrays(source, raw, time_axis)
    frame = raw.table
    columns = tuple(_summarise(frame[name]) for name in frame.columns)
    split = next((c.name for c in columns if c.kind == "categorical" and looks_like_split(frame[c.name])), None)
    usable = [c.name for c in columns if c.kind not in (*UNUSABLE, "constant") and c.name != split]
    target = raw.target or guess_target(usable or [c.name for c in columns])
    task, reason = _task(raw, frame[target])
    drop = tuple(
        c.name for c in columns if c.name != target and (c.kind in UNUSABLE or looks_like_row_number(frame[c.name]))
    )
    text = raw.text
    texts = [c.name for c in columns if c.kind == "text" and c.name != target]
    if text is None and texts and not [c for c in columns if c.name not in (target, split, *drop)]:
        text = texts[0]
    drop = tuple(name for name in drop if name != text)
    return TableSummary(source, len(raw), columns, (), target, task, reason, split, drop, text)


def _read(source: str, folder: Path) -> tuple[RawData, int]:
    """The source, and which axis is time: parts whose last axis differs can only be joined as sequences."""
    try:
        return read_source(source, folder), 1
    except DataError:
        if not source.endswith(".npz"):
            raise
        try:
            raw = read_source(source, folder, DataConfig(source=source, time_axis=2))
        except DataError:
            raw = None
        if raw is None or raw.array is None:
            raise
        return raw, 2


def _summarise_arrays(source: str, raw: RawData, axis: int) -> TableSummary:
    assert raw.labels is not None
    target = raw.target or "target"
    if raw.array is None:
        task, reason = _task(raw, raw.labels)
        inputs = {name: _described(values) for name, values in (raw.named or {}).items()}
        return TableSummary(source, len(raw), (), (), target, task, reason, inputs=inputs)
    array = raw.array
    layout = layout_of(array, stated="auto", hint=raw.layout)
    if layout != "sequence" and padded(array, time_axis=2):
        layout, axis = "sequence", 2
    task, reason = _task(raw, raw.labels, images=layout != "sequence")
    shape = tuple(array.shape[1:])
    return TableSummary(source, len(raw), (), shape, target, task, reason, layout=layout, time_axis=axis)


def _described(values: Any) -> str:
    if hasattr(values, "columns"):
        return f"a table of {values.shape[1]} columns"
    return "texts" if values.dtype.kind not in "biuf" else f"arrays of the shape {tuple(values.shape[1:])}"


def _summarise(series: pd.Series[Any]) -> ColumnSummary:
    facts = profile(series)
    if facts.kind == "other":
        return ColumnSummary(facts.name, facts.kind, facts.missing, 0, ())
    distinct = series.dropna().unique()
    examples = tuple(_show(value) for value in distinct[:EXAMPLES])
    return ColumnSummary(facts.name, facts.kind, facts.missing, len(distinct), examples)


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _task(raw: RawData, labels: pd.Series[Any], *, images: bool = False) -> tuple[Task | None, str]:
    try:
        facts = infer_target(labels.dropna(), "auto", source=raw.source, place=raw.place, images=images)
    except DataError as error:
        return None, str(error)
    return facts.task, facts.reason
