"""What do all sources look like before they are split and prepared?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.data.npz import stacked
from search.data.shapes import Layout, may_be_padded, to_one_length
from search.errors import DataError
from search.portable import MISSING_WORDS
from spaces.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

    from search.data.shapes import Input

# A row's part: to be split, or given; UNUSED rows are in no part.
FREE, TRAIN, VALIDATION, TEST, UNUSED = -1, 0, 1, 2, 3
SHOWN_COLUMNS = 20
T = TypeVar("T")


@dataclass(frozen=True)
class RawData:
    """Everything that a source holds, untouched.

    Attributes:
        source: how messages call it.
        table: all columns, the target included; None for arrays of more than two dimensions.
        array: (rows, *shape) where there is no table. Sequences are (rows, time, features), NaN behind the last step.
        named: several inputs by name where there is neither: frames, arrays, and Series of texts.
        labels: (rows,) targets that belong to ``array`` or ``named``.
        target: the target's name where the source says it.
        parts: int8 (rows,), the part that the source gives each row (FREE: to be split), or None if it gives
            none.
        keep_constant: whether every column stays an input, because rows come as arrays of that width.
        origins: (name, first row) of the files that the rows come from, in order.
        layout: what the axes of ``array`` mean where the source says it.
        text: the column of ``table`` that holds texts where the source says it.
        reading: how files of new rows become raw inputs, plain JSON: ``time_axis``, of several ``arrays`` and
            ``time_axes`` by input name, and ``windows``; see ``search.reuse.rows``.
        notices: what is worth knowing about the reading, a sentence each.
        groups, time: (rows,) which samples belong together, and their order, where there is no ``table`` to tell it.
    """

    source: str
    table: pd.DataFrame | None = None
    array: NDArray[Any] | None = None
    named: Mapping[str, Input] | None = None
    labels: pd.Series[Any] | None = None
    target: str | None = None
    parts: NDArray[np.int8] | None = None
    keep_constant: bool = False
    origins: tuple[tuple[str, int], ...] = ()
    layout: Layout | None = None
    text: str | None = None
    reading: Mapping[str, Any] | None = None
    notices: tuple[str, ...] = ()
    groups: pd.Series[Any] | None = None
    time: pd.Series[Any] | None = None

    def __len__(self) -> int:
        holder = self.table if self.table is not None else self.labels
        return 0 if holder is None else len(holder)

    def place(self, row: int) -> str:
        """Tell where row ``row`` (0-based, over all files) is found: "row 3", or "row 3 of holdout.csv"."""
        name, first = self.source, 0
        for origin, start in self.origins:
            if start <= row:
                name, first = origin, start
        return f"row {row - first + 1}" + ("" if name == self.source else f" of {name}")


def from_frame(source: str, frame: pd.DataFrame, target: str | None = None) -> RawData:
    """Take a whole table, its column names as text.

    Raises:
        DataError: two columns share a name, or there are no columns or rows.
    """
    names = [str(name) for name in frame.columns]
    refuse_duplicates(source, names)
    if not names or not len(frame):
        raise DataError(f"{source}: must hold rows to learn from, got an empty table {frame.shape}")
    return RawData(source, table=clean(frame.set_axis(names, axis=1)), target=target)


def join(parts: Sequence[tuple[RawData, int]], *, source: str) -> RawData:
    """Put data from several places under each other; every row of a place belongs to the part beside it.

    Sequences of different lengths are filled with NaN up to the longest.

    Raises:
        DataError: a table lacks a column of the first one, or shapes differ.
    """
    import pandas as pd

    first = parts[0][0]
    starts = np.cumsum([0, *(len(raw) for raw, _ in parts)])
    common: dict[str, Any] = {
        "source": source,
        "parts": np.concatenate([np.full(len(raw), part, np.int8) for raw, part in parts]),
        "origins": tuple((raw.source, int(start)) for (raw, _), start in zip(parts, starts[:-1], strict=True)),
        "notices": tuple(dict.fromkeys(notice for raw, _ in parts for notice in raw.notices)),
    }
    for raw, _ in parts[1:]:
        _refuse_mismatch(first, raw)
    if first.table is not None:
        columns = list(first.table.columns)
        tables = [raw.table[columns] for raw, _ in parts if raw.table is not None]
        return replace(first, table=pd.concat(tables, ignore_index=True), **common)
    common["labels"] = pd.concat([raw.labels for raw, _ in parts if raw.labels is not None], ignore_index=True)
    for key in ("groups", "time"):
        told = [series for raw, _ in parts if (series := getattr(raw, key)) is not None]
        if len(told) == len(parts):
            common[key] = pd.concat(told, ignore_index=True)
    if first.named is not None:
        held = [raw.named for raw, _ in parts if raw.named is not None]
        return replace(first, named={name: _stack([one[name] for one in held]) for name in first.named}, **common)
    arrays = [raw.array for raw, _ in parts if raw.array is not None]
    layout = "sequence" if any(raw.layout == "sequence" for raw, _ in parts) else first.layout
    return replace(first, array=_stack(arrays), **(common | {"layout": layout}))


def _stack(pieces: Sequence[Any]) -> Any:
    import pandas as pd

    if isinstance(pieces[0], np.ndarray):
        return stacked(to_one_length(pieces) if pieces[0].ndim > 2 else pieces)
    return pd.concat(pieces, ignore_index=True)


def refuse_duplicates(source: str, names: Sequence[str]) -> None:
    """Raise DataError if two columns share a name."""
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        where = ", ".join(str(i + 1) for i, name in enumerate(names) if name == twice[0])
        raise DataError(f"{source}: column names must differ, got {twice[0]!r} for columns {where}; rename them")


def first_free(wanted: Iterable[T], taken: Sequence[T]) -> T:
    """Return the first of ``wanted`` that is not in ``taken``."""
    return next(name for name in wanted if name not in taken)


def listed(names: Sequence[str], most: int = SHOWN_COLUMNS) -> str:
    """Name columns in a message, the first ones if there are many."""
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """Tell which column was probably meant; of very many columns only the first are shown."""
    if len(columns) <= SHOWN_COLUMNS:
        return nearest(name, columns)
    close = difflib.get_close_matches(name, columns, n=1)
    shown = list(dict.fromkeys([*close, *columns[:SHOWN_COLUMNS]]))
    return f"{nearest(name, shown)}, ... ({len(columns)})"


def clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows from 0, and read the words that stand for a missing value as such, as in CSV files."""
    frame = frame.reset_index(drop=True)
    for name in frame.columns:
        if frame[name].dtype.kind == "O" and frame[name].dtype.name != "category":
            marks = frame[name].isin(MISSING_WORDS)
            if marks.any():
                frame[name] = frame[name].mask(marks)
    return frame


def _refuse_mismatch(first: RawData, other: RawData) -> None:
    kinds = [(raw.table is None, raw.array is None, raw.named is None) for raw in (first, other)]
    if kinds[0] != kinds[1]:
        raise DataError(f"{other.source}: must hold the same kind of data as {first.source}, a table or an array")
    if first.table is not None and other.table is not None:
        columns = [str(name) for name in other.table.columns]
        lacking = [str(name) for name in first.table.columns if str(name) not in columns]
        if lacking:
            raise DataError(
                f"{other.source}: has no column '{lacking[0]}' as {first.source} has; "
                f"{nearest_column(lacking[0], columns)}"
            )
    elif first.named is not None and other.named is not None:
        if set(first.named) != set(other.named):
            got = f"{', '.join(other.named)}; {first.source} has {', '.join(first.named)}"
            raise DataError(f"{other.source}: must hold the same inputs, got {got}")
        for name, one in first.named.items():
            _refuse_shape(f"{other.source} input '{name}'", one, first, other.named[name], other)
    else:
        _refuse_shape(other.source, first.array, first, other.array, other)


def _refuse_shape(place: str, one: Any, first: RawData, two: Any, other: RawData) -> None:
    if type(one) is not type(two):
        raise DataError(f"{place}: must hold the same kind of data as that of {first.source}")
    if not isinstance(one, np.ndarray) or one.shape[1:] == two.shape[1:]:
        return
    said: Layout | None = "sequence" if "sequence" in (first.layout, other.layout) else None
    if may_be_padded([one, two], said):
        return
    shapes = f"{two.shape[1:]} and {one.shape[1:]}"
    remedy = ""
    if one.ndim == two.ndim == 3 and one.shape[1] == two.shape[1]:
        remedy = "; where the last axis is time, set data.time_axis: 2"
    elif one.ndim == two.ndim and one.shape[2:] == two.shape[2:]:
        remedy = "; where the first axis is time, set data.layout: sequence"
    raise DataError(f"{place}: samples must have the shape of those of {first.source}, got {shapes}{remedy}")
