"""Which arrays beside the inputs tell what belongs together, and what comes first?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.raw import RawData
from search.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from search.data.config import DataConfig


def named_beside(config: DataConfig | None) -> dict[str, str]:
    """What ``data.groups`` and ``data.time`` name, by these keys."""
    named = {} if config is None else {"groups": config.groups, "time": config.time}
    return {key: name for key, name in named.items() if name is not None}


def with_beside(raw: RawData, told: Mapping[str, tuple[str, Any]]) -> RawData:
    """Add groups and time to a table as columns, else beside the arrays.

    Args:
        told: ``groups`` or ``time`` to the name of an array and its values, (rows,).

    Raises:
        DataError: there is not one value for each row, or a column of X has the same name.
    """
    added: set[str] = set()  # years may both group rows and order them
    for key, (name, values) in told.items():
        column = _one_a_row(raw, key, name, values)
        if raw.table is None:
            series: dict[str, Any] = {key: column}
            raw = replace(raw, **series)
            continue
        if name in raw.table.columns and name not in added:
            rule = f"'{name}' is both an array and a column of the table"
            raise DataError(f"{raw.source}: data.{key}: {rule}; give the array another name")
        raw = replace(raw, table=raw.table.assign(**{name: column}))
        added.add(name)
    return raw


def _one_a_row(raw: RawData, key: str, name: str, values: Any) -> pd.Series[Any]:
    import pandas as pd

    held = values.reset_index(drop=True) if isinstance(values, pd.Series) else _as_array(values)
    got = "lists of different lengths" if held is None else f"{held.shape}"
    if held is None or held.shape != (len(raw),):
        rule = f"array '{name}' must have one value per row, ({len(raw)},), got {got}"
        raise DataError(f"{raw.source}: data.{key}: {rule}")
    return pd.Series(held, name=name)


def _as_array(values: Any) -> NDArray[Any] | None:
    try:
        return np.asarray(values)
    except ValueError:
        return None
