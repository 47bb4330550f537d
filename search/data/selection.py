"""Which inputs does a configuration ask for, and does the source have them?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.config import DataConfig, InputConfig
from search.data.inputs import Inputs, columns_in_use, finite_array, table_inputs
from search.data.layouts import array_plan, layout_of, padded, sequence_plan
from search.data.plans import ArrayPlan, Plan, SequencePlan, SeveralPlans, TablePlan, TokenPlan
from search.data.raw import RawData, listed, nearest_column
from search.data.texts import token_plan
from search.errors import DataError
from spaces.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

NUMBERS, TEXT = "numbers", "text"


def select_inputs(
    raw: RawData, rows: NDArray[np.int64], config: DataConfig, leave_out: Collection[str], *, family: str | None = None
) -> Inputs:
    """Take the rows in use of what the model learns from, and refuse what cannot be learnt from.

    Args:
        leave_out: columns of a table that are no inputs: the target, the split, and so on.
        family: of the model, as it may tell what an array is.

    Raises:
        DataError: naming the column, input or row that does not fit.
    """
    if raw.named is not None:
        return _named(raw, raw.named, rows, config, family)
    if raw.table is None:
        assert raw.array is not None
        if config.inputs or config.text:
            key = "inputs" if config.inputs else "text"
            raise DataError(f"{raw.source}: data.{key} names columns, but the source holds one array; leave it out")
        array = _rows_of(raw.array, rows)
        plan, notices = _array_plan(raw, array, rows, config, raw.layout, family)
        return Inputs(array, plan, (), tuple(notices))
    frame = raw.table if len(rows) == len(raw.table) else raw.table.loc[rows]
    if config.inputs is not None:
        return _of_columns(raw, frame, config.inputs, leave_out)
    return _table(raw, frame, config, leave_out)


def reading_of_files(raw: RawData, config: DataConfig) -> Mapping[str, Any] | None:
    """How files of new rows are brought to the form of the raw inputs: what the source says, and under which names
    arrays of several inputs lie in an archive, with which axis of time."""
    if raw.named is None or config.inputs is None:
        return raw.reading
    arrays = {name: one.array or one.text for name, one in config.inputs.items()}
    axes = {name: one.time_axis for name, one in config.inputs.items() if one.time_axis != 1}
    return {"arrays": {name: array for name, array in arrays.items() if array}, "time_axes": axes}


def _table(raw: RawData, frame: pd.DataFrame, config: DataConfig, leave_out: Collection[str]) -> Inputs:
    """A table as one input, or as two where one of its columns is read as text."""
    text = config.text or raw.text
    names = columns_in_use(frame, leave_out)
    if text is None:
        plan, notices = table_inputs(raw, frame[list(names)])
        return _inputs(frame, [column.name for column in plan.columns], plan, notices)
    if text not in names:
        known = nearest_column(text, list(names))
        raise DataError(f"{raw.source}: data.text: no column '{text}' beside the target; {known}")
    tokens, notices = token_plan(
        frame[text], tokens=config.tokens, longest=config.longest, source=raw.source, key="data.text"
    )
    others = [name for name in names if name != text]
    if not others:
        return _inputs(frame, [text], tokens, notices)
    table, further = table_inputs(raw, frame[others])
    kept = [*(column.name for column in table.columns), text]
    return _inputs(frame, kept, SeveralPlans({NUMBERS: table, TEXT: tokens}, by_name=False), [*notices, *further])


def _of_columns(
    raw: RawData, frame: pd.DataFrame, inputs: dict[str, InputConfig], leave_out: Collection[str]
) -> Inputs:
    """Several inputs, each of some columns of one table."""
    _refuse_shared(raw, inputs)
    names = columns_in_use(frame, leave_out)
    plans: dict[str, Plan] = {}
    notices: list[str] = []
    for name, wanted in inputs.items():
        key = f"data.inputs.{name}"
        if wanted.array is not None:
            remedy = f"write [{wanted.array}] for a column, {{text: {wanted.array}}} for texts"
            raise DataError(f"{raw.source}: {key}: the source holds a table and no array '{wanted.array}'; {remedy}")
        for column in _columns_of(wanted):
            if column not in names:
                why = "is the target or left out, and no input" if column in frame.columns else "is not there"
                known = nearest_column(column, list(names))
                raise DataError(f"{raw.source}: {key}: column '{column}' {why}; {known}")
        plan, further = _column_plan(raw, frame, wanted, key)
        plans[name] = plan
        notices += further
    kept = [column for wanted in inputs.values() for column in _columns_of(wanted)]
    unused = [name for name in names if name not in kept]
    if unused:
        notices.append(f"left out columns that no input names: {listed(unused)}")
    used = {column.name for plan in plans.values() if isinstance(plan, TablePlan) for column in plan.columns}
    used |= {plan.column for plan in plans.values() if isinstance(plan, TokenPlan)}
    return _inputs(frame, [name for name in kept if name in used], _one_or_several(plans, by_name=False), notices)


def _column_plan(raw: RawData, frame: pd.DataFrame, wanted: InputConfig, key: str) -> tuple[Plan, list[str]]:
    if wanted.text is not None:
        return token_plan(frame[wanted.text], tokens=wanted.tokens, longest=wanted.longest, source=raw.source, key=key)
    return table_inputs(raw, frame[list(wanted.columns or ())], key=key)


def _named(
    raw: RawData, named: Mapping[str, Any], rows: NDArray[np.int64], config: DataConfig, family: str | None
) -> Inputs:
    """Several inputs that the source gives by name."""
    wanted = config.inputs or {name: InputConfig(array=name) for name in named}
    _refuse_shared(raw, wanted)
    plans: dict[str, Plan] = {}
    values: dict[str, Any] = {}
    notices: list[str] = []
    for name, one in wanted.items():
        key = f"data.inputs.{name}"
        value = _rows_of(_find(raw, named, name, one, key), rows)
        if hasattr(value, "columns") or value.ndim < 3:
            values[name], plan, further = _flat(raw, value, rows, one, name, key)
        else:
            values[name] = value
            plan, further = _array_plan(raw, value, rows, one, None, family)
        plans[name] = plan
        notices += further
    counts = {name: len(value) for name, value in values.items()}
    if set(counts.values()) != {len(rows)}:
        shown = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
        rule = f"all inputs must have a row for each of the {len(rows)} targets, got {shown}"
        raise DataError(f"{raw.source}: {rule}")
    return Inputs(values, SeveralPlans(plans, by_name=True), (), tuple(notices))


def _find(raw: RawData, named: Mapping[str, Any], name: str, wanted: InputConfig, key: str) -> Any:
    """The value that an input names: an array by its name, or columns of a frame among the values."""
    word = wanted.array or wanted.text
    if name in named and not wanted.columns:  # the reader has them under the inputs' names
        return named[name]
    if word is not None and word in named:
        return named[word]
    columns = list(_columns_of(wanted))
    for value in named.values():
        if columns and hasattr(value, "columns") and set(columns) <= set(value.columns):
            return value[columns]
    missing = word if word is not None else listed(columns)
    raise DataError(f"{raw.source}: {key}: the source has no '{missing}'; {nearest(missing, list(named))}")


def _flat(
    raw: RawData, value: Any, rows: NDArray[np.int64], wanted: InputConfig, name: str, key: str
) -> tuple[Any, Plan, list[str]]:
    """A named input of one or two axes: its frame, its plan, notices."""
    import pandas as pd

    if hasattr(value, "columns"):
        frame = value.set_axis([str(column) for column in value.columns], axis=1)
    elif value.ndim == 1:
        frame = pd.DataFrame({name: np.asarray(value)})
    else:
        frame = pd.DataFrame(np.asarray(value), columns=[f"x{i}" for i in range(1, value.shape[1] + 1)])
    # Only for the profiles and messages; numbers stay the array that they came as.
    numeric = isinstance(value, np.ndarray) and value.dtype.kind in "iuf"
    values = value if numeric else frame.reset_index(drop=True)
    frame = frame.set_axis(rows, axis=0) if len(frame) == len(rows) else frame
    words = frame.shape[1] == 1 and frame.iloc[:, 0].dtype.kind not in "biufmM"
    if wanted.text is not None or (words and value.ndim == 1):
        text = frame.iloc[:, 0]
        tokens, further = token_plan(text, tokens=wanted.tokens, longest=wanted.longest, source=raw.source, key=key)
        return values, tokens, further
    # All columns stay: rows may come as arrays of that width.
    plan, notices = table_inputs(replace(raw, keep_constant=True), frame, key=key)
    return values, plan, notices


def _array_plan(
    raw: RawData,
    array: NDArray[Any],
    rows: NDArray[np.int64],
    wanted: DataConfig | InputConfig,
    hint: str | None,
    family: str | None,
) -> tuple[SequencePlan | ArrayPlan, list[str]]:
    layout = layout_of(array, stated=wanted.layout, hint=hint, family=family)
    if layout == "sequence":
        if array.ndim != 3:
            got = f"got {array.shape}"
            raise DataError(f"{raw.source}: sequences must have the shape (samples, time, features), {got}")
        return sequence_plan(
            array, longest=wanted.longest, source=raw.source, place=lambda row: raw.place(int(rows[row]))
        )
    if padded(array, time_axis=2):
        shape = f"(samples, {array.shape[1]}, {array.shape[2]})"
        found = f"X has the shape {shape} and NaN behind the ends of its last axis, as sequences have"
        raise DataError(f"{raw.source}: {found}; set data.time_axis: 2 for (samples, features, time)")
    finite_array(raw, array, rows)
    return array_plan(layout), []


def _rows_of(values: Any, rows: NDArray[np.int64]) -> Any:
    # A copy only where rows are left out: image sets are large.
    if len(rows) == len(values):
        return values
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]


def _columns_of(wanted: InputConfig) -> tuple[str, ...]:
    return (wanted.text,) if wanted.text is not None else wanted.columns or ()


def _refuse_shared(raw: RawData, inputs: dict[str, InputConfig]) -> None:
    owners: dict[str, str] = {}
    for name, wanted in inputs.items():
        for column in (*_columns_of(wanted), *filter(None, [wanted.array])):
            if column in owners:
                both = f"data.inputs.{owners[column]} and data.inputs.{name}"
                twice = f"'{column}' twice" if owners[column] == name else f"'{column}' for both"
                raise DataError(f"{raw.source}: {both} must name different columns, got {twice}; keep one of them")
            owners[column] = name


def _one_or_several(plans: dict[str, Plan], *, by_name: bool) -> Plan | SeveralPlans:
    return next(iter(plans.values())) if len(plans) == 1 else SeveralPlans(plans, by_name)


def _inputs(frame: pd.DataFrame, columns: list[str], plan: Plan | SeveralPlans, notices: list[str]) -> Inputs:
    return Inputs(frame[columns].reset_index(drop=True), plan, tuple(columns), tuple(notices))
