"""How do the rows of a table become numbers?"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import PortableError

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = ("", "?")


@dataclass(frozen=True)
class Column:
    """One input column of a table, as it was in training."""

    name: str
    kind: Literal["numeric", "categorical", "boolean"]


@dataclass(frozen=True)
class TableInput:
    """Columns of a table, through a fitted scikit-learn transformer of a tidy frame.

    Attributes:
        columns: the input columns, in order.
        shape: of one prepared sample, (numbers,).
        pipeline: the transformer.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    shape: tuple[int, ...]
    pipeline: Any = None

    def transform(self, rows: Any) -> NDArray[np.float32]:
        """Prepare raw rows: float32, (rows, numbers), C-contiguous.

        Takes a DataFrame (further columns are ignored), a list of dicts, a dict of lists, one row as a dict or
        Series, or an array with the training columns in order (of one column also (rows,)).

        Raises:
            PortableError: a column is missing, or a value is not a number where one is due.
        """
        frame = as_frame(rows, [column.name for column in self.columns])
        if not len(frame):
            return np.empty((0, *self.shape), np.float32)
        return np.ascontiguousarray(self.pipeline.transform(tidy(frame, self.columns)), np.float32)


def tidy(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Bring raw columns into what the pipeline sees: float64 numbers or words (object), NaN where missing.

    Raises:
        PortableError: a numeric column holds a word, a date or infinity.
    """
    import pandas as pd

    tidied = {c.name: (numbers if c.kind == "numeric" else words)(frame[c.name], c.name) for c in columns}
    return pd.DataFrame(tidied)


def as_frame(rows: Any, names: Sequence[str]) -> pd.DataFrame:
    """Read rows of any accepted form as a frame with the columns ``names``.

    Raises PortableError naming those missing.
    """
    import pandas as pd

    if isinstance(rows, Mapping):
        single = all(np.ndim(value) == 0 for value in rows.values())
        rows = pd.DataFrame([rows]) if single else pd.DataFrame(dict(rows))
    elif isinstance(rows, pd.Series):
        rows = rows.to_frame() if len(names) == 1 and rows.name == names[0] else rows.to_frame().T
    elif not isinstance(rows, pd.DataFrame):
        if len(rows) and isinstance(rows[0], Mapping):
            rows = pd.DataFrame(list(rows))
        else:
            rows = _frame_of_array(np.asarray(rows), names)
    frame = rows.set_axis([str(name) for name in rows.columns], axis=1)
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        close = difflib.get_close_matches(lacking[0], list(frame.columns), n=1)
        hint = f" (is '{close[0]}' meant?)" if close else ""
        plural = "s" if len(lacking) > 1 else ""
        raise PortableError(f"the rows lack the column{plural} {', '.join(map(repr, lacking))}{hint}")
    twice = [name for name in names if frame.columns.tolist().count(name) > 1]
    if twice:
        raise PortableError(f"the rows hold the column {twice[0]!r} more than once")
    return frame[list(names)]


def _frame_of_array(values: NDArray[Any], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    if values.ndim == 1 and len(names) == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != len(names):
        raise PortableError(f"the array must have the shape (rows, {len(names)}), got {values.shape}")
    return pd.DataFrame(values, columns=list(names))


def numbers(series: pd.Series[Any], name: str) -> NDArray[np.float64]:
    """Read a column as numbers, NaN where missing. Raises PortableError for a word, a date or infinity."""
    import pandas as pd

    if series.dtype.kind in "mM":
        raise PortableError(f"column '{name}' must hold numbers, got dates ({series.dtype})")
    if series.dtype.kind not in "biuf":
        loose = series.astype(object)
        loose = loose.where(~loose.isin(MISSING_WORDS), None)
        series = pd.to_numeric(loose, errors="coerce")
        wrong = np.asarray(series.isna() & loose.notna())
        if wrong.any():
            value = plain(loose.to_numpy()[wrong][0])
            raise PortableError(f"column '{name}' must hold numbers, got {value!r} in row {first(wrong)}")
    values: NDArray[np.float64] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    # Beyond float32 a value would turn into infinity on its way into the model.
    wrong = np.abs(values) > np.finfo(np.float32).max
    if wrong.any():
        raise PortableError(f"column '{name}' must hold finite numbers, got {values[wrong][0]} in row {first(wrong)}")
    return values


def words(series: pd.Series[Any], name: str) -> NDArray[np.object_]:
    """Read a column as categories: one spelling for each, NaN where missing."""
    import pandas as pd

    codes, distinct = pd.factorize(series)
    # The extra last entry answers the code -1, a missing value.
    spelt = np.empty(len(distinct) + 1, object)
    spelt[:] = [*(_word(value) for value in distinct), np.nan]
    return spelt[codes]


def _word(value: Any) -> Any:
    """One spelling for a category, whatever type its file gave it: 1, 1.0 and '1' are the same."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    word = str(value).strip()
    return np.nan if word in MISSING_WORDS else word


def plain(value: Any) -> Any:
    """A NumPy scalar as Python's own, for messages."""
    return value.item() if isinstance(value, np.generic) else value


def first(mask: NDArray[np.bool_]) -> int:
    """The first row (1-based) that is marked."""
    return int(np.argmax(mask)) + 1
