"""What do inputs and targets that come beside each other, as arrays or lists, hold?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.beside import named_beside, with_beside
from search.data.raw import RawData, clean, first_free, refuse_duplicates
from search.data.shapes import Layout, as_input, is_columns, is_ragged
from search.errors import DataError
from spaces.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

    from search.data.config import DataConfig, InputConfig
    from search.data.shapes import Input


def from_pair(source: str, x: Any, y: Any, *, target: str = "target", config: DataConfig | None = None) -> RawData:
    """Take inputs and targets.

    A frame or a 2-D array becomes a table (x1, x2, ...), texts a table with one column, other arrays stay arrays,
    lists of sequences become one, and a mapping becomes several inputs.

    Args:
        config: its ``layout``, ``time_axis`` and ``inputs`` say how arrays are meant.

    Raises:
        DataError: the numbers of rows differ, or the inputs are no numbers.
    """
    import pandas as pd

    labels = _labels(source, y, target)
    layout: Layout = "auto" if config is None else config.layout
    time_axis = 1 if config is None else config.time_axis
    if isinstance(x, Mapping):
        if not x:
            raise DataError(f"{source}: X must hold an input at least, got an empty mapping")
        arrays = [entry.array for entry in ((config.inputs if config is not None else None) or {}).values()]
        if not is_columns(x) or any(arrays):
            return from_named(source, x, y, target=target, config=config)
        x = _columns(source, x)
    values = as_input(source, x, layout=layout, time_axis=time_axis)
    _refuse_other_length(source, len(values), len(labels))
    if isinstance(values, np.ndarray) and values.ndim > 2:
        ragged = is_ragged(x)
        sequences = time_axis == 2 or layout == "sequence" or ragged
        meant: Layout | None = "sequence" if sequences else None
        return RawData(
            source,
            array=values,
            labels=labels,
            target=str(labels.name),
            layout=meant,
            reading={"time_axis": 2} if time_axis == 2 else None,
            # A table in which a value was forgotten is a list of unequal rows too.
            notices=(f"read as sequences of up to {values.shape[1]} steps, as X has no common length",)
            if ragged
            else (),
        )
    text = None
    if isinstance(values, pd.Series):
        called = "text" if values.name is None else str(values.name)
        text = first_free([called, "text", "words"], [str(labels.name)])
        frame = values.to_frame(text)
    elif isinstance(values, pd.DataFrame):
        frame = values
    else:
        frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(1, values.shape[1] + 1)])
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    refuse_duplicates(source, list(frame.columns))
    frame = clean(frame)
    name = first_free([str(labels.name), "target", "y", "label"], list(frame.columns))
    # Joined, not assigned: hundreds of columns would fragment the frame.
    joined = pd.concat([frame, labels.rename(name)], axis=1)
    return RawData(source, table=joined, target=name, keep_constant=isinstance(values, np.ndarray), text=text)


def from_named(
    source: str, x: Mapping[str, Any], y: Any, *, target: str = "target", config: DataConfig | None = None
) -> RawData:
    """Take several inputs by name; ``config.inputs`` says which of them, under which names, and what their axes mean.

    What ``config.groups`` and ``config.time`` name is no input unless ``config.inputs`` says so.

    Raises:
        DataError: there is no such input, the numbers of rows differ, or an input is neither numbers nor texts.
    """
    labels = _labels(source, y, target)
    asked = config.inputs if config is not None else None
    beside = {key: (name, x[name]) for key, name in named_beside(config).items() if name in x}
    told = [name for name, _ in beside.values()]
    wanted: Mapping[str, InputConfig | None] = asked or {str(name): None for name in x if name not in told}
    named: dict[str, Input] = {}
    arrays: dict[str, str] = {}
    axes: dict[str, int] = {}
    for name, entry in wanted.items():
        key = name if entry is None else entry.array or entry.text or name
        if key not in x:
            raise DataError(f"{source}: data.inputs.{name}: there is no input '{key}'; {nearest(key, map(str, x))}")
        given, place = x[key], f"{source} input '{name}'"
        if is_columns({key: given}) and np.asarray(given).dtype.kind in "biuf":
            given = np.asarray(given)[:, None]  # a number each
        layout: Layout = "auto" if entry is None else entry.layout
        arrays[name], axes[name] = key, 1 if entry is None else entry.time_axis
        values = as_input(place, given, layout=layout, time_axis=axes[name])
        _refuse_other_length(place, len(values), len(labels))
        named[name] = values if isinstance(values, np.ndarray) else values.reset_index(drop=True)
    reading = {"arrays": arrays, "time_axes": axes}
    raw = RawData(source, named=named, labels=labels, target=str(labels.name), reading=reading)
    return with_beside(raw, beside)


def _columns(source: str, x: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    lengths = {name: len(values) for name, values in x.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"{source}: all columns of X must have as many rows, got {told}")
    return pd.DataFrame({name: np.asarray(values) for name, values in x.items()})


def _refuse_other_length(source: str, rows: int, labels: int) -> None:
    if rows != labels:
        raise DataError(f"{source}: X and y must have the same number of rows, got {rows} and {labels}")
    if not rows:
        raise DataError(f"{source}: must hold rows to learn from, got arrays without any")


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
