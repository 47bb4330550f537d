"""What kind of values does a column hold, and can a model learn from it?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["numeric", "categorical", "boolean", "text", "date", "constant", "empty", "mixed", "other"]

MOST_CATEGORIES = 1000
FEW_CATEGORIES = 20
OFTEN = 5
LONG_WORDS = 50
_DAY = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
_TIME = r"\d{1,2}:\d{2}(:\d{2})?"
_DATE = re.compile(rf"{_DAY}([T ]{_TIME}.*)?|{_TIME}")
_ID_NAME = re.compile(r"(.*_)?(id|idx|index|uuid|guid|rownum|row_number)|unnamed: \d+", re.IGNORECASE)


@dataclass(frozen=True)
class Profile:
    """One column's kind and what shows it.

    Attributes:
        missing: rows without a value.
        distinct: different values, the missing one not counted; 0 for numeric columns, where nobody counts.
        row: 0-based row of the value that breaks the rule, for mixed columns.
        value: that value, or a typical one.
        numbers_and_words: a column of few categories, some of them numbers.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int = 0
    row: int | None = None
    value: Any = None
    numbers_and_words: bool = False


def profile(series: pd.Series[Any]) -> Profile:
    """Tell a column's kind from its values.

    Numbers stay numbers however few there are. Words are categories, unless nearly every row has its own
    (text), they are long, or there are more than 1000 of them. Numbers beside words are an error in the
    data, unless the column has at most 20 values and each word occurs at least 5 times (as in 0, 1, 2, 3+).
    """
    name, rows = str(series.name), len(series)
    dtype: Any = series.dtype
    if dtype.kind in "mM" or getattr(dtype, "name", "").startswith("period"):
        missing = int(series.isna().sum())
        kind: Kind = "empty" if missing == rows else "date"
        return Profile(name, kind, missing, value=None if kind == "empty" else series.dropna().iloc[0])
    if dtype.kind in "biuf":
        return _profile_numbers(name, series)
    if dtype.kind == "c":
        return Profile(name, "other", int(series.isna().sum()), value=str(dtype))
    return _profile_words(name, series, categories=dtype.name == "category")


def _profile_numbers(name: str, series: pd.Series[Any]) -> Profile:
    missing = int(series.isna().sum())
    if missing == len(series):
        return Profile(name, "empty", missing)
    kind: Kind = "boolean" if series.dtype.kind == "b" else "numeric"
    low = series.min()
    if low == series.max() and not (kind == "boolean" and missing):
        return Profile(name, "constant", missing, 1, value=low)
    return Profile(name, kind, missing)


def _profile_words(name: str, series: pd.Series[Any], *, categories: bool) -> Profile:
    import pandas as pd

    try:
        codes, distinct = pd.factorize(series)
    except TypeError:  # lists, dicts and arrays cannot be hashed
        odd = series.dropna().iloc[0]
        return Profile(name, "other", int(series.isna().sum()), value=type(odd).__name__)
    missing = int((codes < 0).sum())
    values = distinct.astype(object)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    if not len(values):
        return Profile(name, "empty", missing)
    if len(values) == 1 and not missing:
        return Profile(name, "constant", missing, 1, value=values[0])
    facts: dict[str, Any] = {"missing": missing, "distinct": len(values)}
    if all(isinstance(value, bool | np.bool_) for value in values):
        return Profile(name, "boolean", **facts)
    if categories:
        return Profile(name, "categorical" if len(values) <= MOST_CATEGORIES else "text", value=values[0], **facts)
    if all(hasattr(value, "year") for value in values):
        return Profile(name, "date", value=values[0], **facts)
    numeric = np.asarray(pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").notna())
    if numeric.all():
        return Profile(name, "numeric", **facts)
    if numeric.any() and counts[numeric].sum() * 2 >= counts.sum():
        recurring = len(values) <= FEW_CATEGORIES and counts[~numeric].min() >= OFTEN
        if not recurring:
            row = int(np.argmax(np.isin(codes, np.flatnonzero(~numeric))))
            return Profile(name, "mixed", row=row, value=series.iloc[row], **facts)
        return Profile(name, "categorical", value=values[0], numbers_and_words=True, **facts)
    return Profile(name, _words_kind([str(value) for value in values], counts), value=values[0], **facts)


def _words_kind(words: Sequence[str], counts: NDArray[np.int64]) -> Kind:
    if all(_DATE.fullmatch(word.strip()) for word in words):
        return "date"
    if len(words) <= FEW_CATEGORIES:
        return "categorical"
    own_value = len(words) > counts.sum() / 2
    long = sum(map(len, words)) / len(words) > LONG_WORDS
    return "text" if own_value or long or len(words) > MOST_CATEGORIES else "categorical"


def refusal(column: Profile, rows: int) -> str | None:
    """Say why a column cannot be an input, without place and remedy; None if it can."""
    name = f"column '{column.name}'"
    match column.kind:
        case "empty":
            return f"{name} has no value at all (all {rows} are missing)"
        case "text":
            example = repr(str(column.value)[:40])
            return f"{name} is text ({column.distinct} different values in {rows} rows, such as {example})"
        case "date":
            return f"{name} holds dates or times (such as '{column.value}')"
        case "other":
            return f"{name} holds neither numbers nor words ({column.value})"
    return None


def looks_like_row_number(series: pd.Series[Any]) -> bool:
    """Tell whether a column counts rows: whole numbers, all different, in steps of one or called an id."""
    import pandas as pd

    if series.dtype.kind not in "iu" or len(series) < FEW_CATEGORIES:
        return False
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    steps = np.diff(values)
    return bool((steps == 1).all() or (_ID_NAME.fullmatch(str(series.name)) and pd.Index(values).is_unique))


def first_infinite(series: pd.Series[Any]) -> int | None:
    """Return the first row (0-based) whose number is infinite or too large for 32 bits, or None."""
    import pandas as pd

    numbers = series if series.dtype.kind in "biuf" else pd.to_numeric(series.astype(object), errors="coerce")
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.abs(values) > np.finfo(np.float32).max
    return int(np.argmax(wrong)) if wrong.any() else None


def flow_list(names: Sequence[str]) -> str:
    """Write names as a YAML list that can be pasted: ``[id, 'first name']``."""
    plain = re.compile(r"[A-Za-z_][\w.-]*")
    reserved = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    words = [
        name if plain.fullmatch(name) and name.lower() not in reserved else "'" + name.replace("'", "''") + "'"
        for name in names
    ]
    return f"[{', '.join(words)}]"
