"""Which rows belong together, and which come before which?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.columns import profile
from search.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Arrangement:
    """What ``data.groups`` and ``data.time`` say of the rows in use.

    Attributes:
        groups: int64 (rows,), a number for each group.
        times: int64 (rows,), 0 for the earliest, equal for rows of the same time. With groups too, the place of the
            row's group among the groups: they follow each other whole.
    """

    groups: NDArray[np.int64] | None = None
    times: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.int64]) -> Arrangement:
        """That of some of the rows."""
        kept = [None if values is None else values[rows] for values in (self.groups, self.times)]
        return Arrangement(*kept)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all of it; empty where nothing is said."""
        told = (("groups", self.groups), ("times", self.times))
        said = [(name, values) for name, values in told if values is not None]
        digest = hashlib.blake2b(digest_size=8)
        for name, values in said:
            digest.update(name.encode() + values.astype("<i8").tobytes())
        return digest.hexdigest() if said else ""


UNARRANGED = Arrangement()


def arrange(
    groups: pd.Series[Any] | None, times: pd.Series[Any] | None, *, source: str, place: Callable[[int], str]
) -> Arrangement:
    """Read the columns that say so.

    Args:
        groups, times: (rows in use,), their index holds the source's row numbers for ``place``.

    Raises:
        DataError: a value is missing, all rows are of one group, the time is neither numbers nor dates, or groups
            that shall follow each other overlap in time.
    """
    codes = None if groups is None else _read_groups(groups, source, place)
    ranks = None if times is None else _read_times(times, source, place)
    if codes is None or ranks is None:
        return Arrangement(codes, ranks)
    return Arrangement(codes, _order_of_groups(codes, ranks, source))


def _read_groups(column: pd.Series[Any], source: str, place: Callable[[int], str]) -> NDArray[np.int64]:
    import pandas as pd

    _refuse_missing("groups", column, source, place)
    codes, names = pd.factorize(column)
    if len(names) == 1:
        rule = f"column '{column.name}' must name several groups, got {names[0]!r} in all {len(column)} rows"
        raise DataError(f"{source}: data.groups: {rule}; name another column, or leave data.groups out")
    return np.asarray(codes, np.int64)


def _read_times(column: pd.Series[Any], source: str, place: Callable[[int], str]) -> NDArray[np.int64]:
    _, ranks = np.unique(read_times(column, source, place), return_inverse=True)
    if ranks.max() == 0:
        rule = f"column '{column.name}' must differ between rows, got {column.iloc[0]} in all {len(column)}"
        raise DataError(f"{source}: data.time: {rule}; name another column")
    return ranks.astype(np.int64)


def read_times(column: pd.Series[Any], source: str, place: Callable[[int], str]) -> NDArray[np.float64]:
    """Read dates (as seconds) or numbers that rows can be sorted by, (rows,).

    Args:
        column: its index holds the source's row numbers for ``place``.

    Raises:
        DataError: a value is missing, or is neither a number nor a date.
    """
    import pandas as pd

    _refuse_missing("time", column, source, place)
    kind = profile(column).kind
    if kind in ("numeric", "boolean") or (kind == "constant" and column.dtype.kind in "iuf"):
        numbers = pd.to_numeric(column.astype(object) if column.dtype.kind == "O" else column)
        return numbers.to_numpy(np.float64)
    dates = _dates(column, source, place)
    dates = dates.dt.tz_localize(None) if dates.dt.tz is not None else dates
    # Nanoseconds as whole numbers first: as floats they would run together.
    return dates.astype("datetime64[ns]").astype(np.int64).to_numpy() / 1e9


def _dates(column: pd.Series[Any], source: str, place: Callable[[int], str]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype.kind == "M":
        return column
    parsed = pd.to_datetime(column.astype(str), errors="coerce", format="ISO8601", utc=True)
    if parsed.isna().any():
        parsed = pd.to_datetime(column.astype(str), errors="coerce", format="mixed", utc=True)
    wrong = np.asarray(parsed.isna())
    if wrong.any():
        row = int(np.argmax(wrong))
        got = f"got {column.iloc[row]!r} in {place(int(column.index[row]))}"
        rule = f"column '{column.name}' must hold dates (such as 2024-03-31) or numbers"
        raise DataError(f"{source}: data.time: {rule}, {got}; name another column, or correct it")
    return parsed


def _refuse_missing(key: str, column: pd.Series[Any], source: str, place: Callable[[int], str]) -> None:
    missing = np.asarray(column.isna())
    if missing.any():
        where = place(int(column.index[int(np.argmax(missing))]))
        rule = f"column '{column.name}' must have a value in every row, got none in {where}"
        raise DataError(f"{source}: data.{key}: {rule}; fill it in, or leave the row out")


def _order_of_groups(groups: NDArray[np.int64], times: NDArray[np.int64], source: str) -> NDArray[np.int64]:
    """Each row's group by its place in time; groups may touch, not overlap."""
    count = int(groups.max()) + 1
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, groups, times)
    np.maximum.at(last, groups, times)
    order = np.lexsort((last, first))
    if (last[order][:-1] > first[order][1:]).any():
        rule = "groups overlap in time, so rows cannot both stay with their group and follow each other"
        raise DataError(f"{source}: data.groups and data.time: {rule}; name one of the two")
    places = np.empty(count, np.int64)
    places[order] = np.arange(count)
    return places[groups]
