"""What do all sources look like before they are split and prepared?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError
from search.portable import MISSING_WORDS
from spaces.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

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
        array: (rows, *shape) where there is no table.
        labels: (rows,) targets that belong to ``array``.
        target: the target's name where the source says it.
        parts: int8 (rows,), the part that the source gives each row (FREE: to be split), or None if it gives
            none.
        keep_constant: whether every column stays an input, because rows come as arrays of that width.
        origins: (name, first row) of the files that the rows come from, in order.
    """

    source: str
    table: pd.DataFrame | None = None
    array: NDArray[Any] | None = None
    labels: pd.Series[Any] | None = None
    target: str | None = None
    parts: NDArray[np.int8] | None = None
    keep_constant: bool = False
    origins: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        holder = self.table if self.table is not None else self.array
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
    return RawData(source, table=_clean(frame.set_axis(names, axis=1)), target=target)


def from_pair(source: str, x: Any, y: Any, *, target: str = "target") -> RawData:
    """Take inputs and targets: a frame or 2-D array becomes a table (x1, x2, ...), other arrays stay arrays.

    Raises:
        DataError: the numbers of rows differ, or the inputs are no numbers.
    """
    import pandas as pd

    labels = _labels(source, y, target)
    given = isinstance(x, pd.DataFrame)
    values = x if given else _numeric_array(source, x)
    if len(values) != len(labels):
        raise DataError(f"{source}: X and y must have the same number of rows, got {len(values)} and {len(labels)}")
    if not len(values):
        raise DataError(f"{source}: must hold rows to learn from, got arrays without any")
    if not given and values.ndim > 2:
        return RawData(source, array=values, labels=labels, target=str(labels.name))
    frame = x if given else pd.DataFrame(values, columns=[f"x{i}" for i in range(1, values.shape[1] + 1)])
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    refuse_duplicates(source, list(frame.columns))
    frame = _clean(frame)
    name = first_free([str(labels.name), "target", "y", "label"], list(frame.columns))
    # Joined, not assigned: hundreds of columns would fragment the frame.
    joined = pd.concat([frame, labels.rename(name)], axis=1)
    return RawData(source, table=joined, target=name, keep_constant=not given)


def join(parts: Sequence[tuple[RawData, int]], *, source: str) -> RawData:
    """Put data from several places under each other; every row of a place belongs to the part beside it.

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
    }
    for raw, _ in parts[1:]:
        _refuse_mismatch(first, raw)
    if first.table is not None:
        columns = list(first.table.columns)
        tables = [raw.table[columns] for raw, _ in parts if raw.table is not None]
        return replace(first, table=pd.concat(tables, ignore_index=True), **common)
    arrays = [raw.array for raw, _ in parts if raw.array is not None]
    labels = pd.concat([raw.labels for raw, _ in parts if raw.labels is not None], ignore_index=True)
    return replace(first, array=np.concatenate(arrays), labels=labels, **common)


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


def _clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows from 0, and read the words that stand for a missing value as such, as in CSV files."""
    frame = frame.reset_index(drop=True)
    for name in frame.columns:
        if frame[name].dtype.kind == "O" and frame[name].dtype.name != "category":
            marks = frame[name].isin(MISSING_WORDS)
            if marks.any():
                frame[name] = frame[name].mask(marks)
    return frame


def _labels(source: str, y: Any, name: str) -> pd.Series[Any]:
    import pandas as pd

    if isinstance(y, pd.Series):
        return y.reset_index(drop=True).rename(str(y.name) if y.name is not None else name)
    if isinstance(y, pd.DataFrame):
        name = str(y.columns[0]) if y.shape[1] == 1 else name
        y = y.to_numpy()
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and _is_one_hot(values):
        values = values.argmax(axis=1)
    if values.ndim != 1:
        raise DataError(
            f"{source}: y must have one target per row, shape (rows,), (rows, 1) or one-hot, got {values.shape}"
        )
    if values.dtype.kind not in "biufUO":
        raise DataError(f"{source}: y must hold numbers, booleans or words, got dtype {values.dtype}")
    return pd.Series(values, name=name)


def _is_one_hot(values: NDArray[Any]) -> bool:
    if values.dtype.kind not in "biuf":
        return False
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())


def _numeric_array(source: str, x: Any) -> NDArray[Any]:
    try:
        values = np.asarray(x)
    except ValueError as error:
        # Ragged lists: NumPy says "inhomogeneous shape".
        raise DataError(f"{source}: X must be one array with equal shapes in every row ({error})") from error
    if values.dtype.kind not in "biuf":
        remedy = "return a DataFrame for tables with words, and pad sequences to one length"
        raise DataError(f"{source}: X must be an array of numbers, got dtype {values.dtype}; {remedy}")
    if values.dtype.kind == "b":
        values = values.astype(np.float32)
    if values.ndim < 2:
        raise DataError(
            f"{source}: X must have the shape (rows, columns) or (rows, height, width, ...), got {values.shape}"
        )
    return values


def _refuse_mismatch(first: RawData, other: RawData) -> None:
    if (first.table is None) != (other.table is None):
        raise DataError(f"{other.source}: must hold the same kind of data as {first.source}, a table or an array")
    if first.table is not None and other.table is not None:
        columns = [str(name) for name in other.table.columns]
        lacking = [str(name) for name in first.table.columns if str(name) not in columns]
        if lacking:
            raise DataError(
                f"{other.source}: has no column '{lacking[0]}' as {first.source} has; "
                f"{nearest_column(lacking[0], columns)}"
            )
    elif first.array is not None and other.array is not None and first.array.shape[1:] != other.array.shape[1:]:
        shapes = f"{other.array.shape[1:]} and {first.array.shape[1:]}"
        raise DataError(f"{other.source}: samples must have the shape of those of {first.source}, got {shapes}")
