"""How do the arrays, lists and texts that people hand over become inputs of one shape?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    Input = pd.DataFrame | pd.Series[Any] | NDArray[Any]

Layout = Literal["auto", "numbers", "image", "sequence"]


def as_input(source: str, x: Any, *, layout: Layout = "auto", time_axis: int = 1) -> Input:
    """Read one input.

    Returns:
        A DataFrame as it is; a Series of words for texts; a numeric array (rows, columns) or (rows, *shape), with
        time as axis 1 of sequences; sequences of different lengths as float32 (rows, longest, features), filled with
        NaN behind their last step.

    Raises:
        DataError: it is none of them, or its axes do not fit ``layout`` and ``time_axis``.
    """
    import pandas as pd

    if isinstance(x, pd.DataFrame):
        return x
    values = x.to_numpy() if isinstance(x, pd.Series) else _as_array(x)
    if values is None or _holds_sequences(values):
        return pad_ragged(source, list(x), time_axis=time_axis)
    if values.ndim == 1 and values.dtype.kind in "UTO" and _holds_words(values):
        return x.reset_index(drop=True) if isinstance(x, pd.Series) else pd.Series(values.astype(object))
    return _oriented(source, _numeric(source, values), layout, time_axis)


def pad_ragged(source: str, items: Sequence[Any], *, time_axis: int = 1) -> NDArray[np.float32]:
    """Put sequences of shape (steps,) or (steps, features) under each other, NaN behind the last step of each.

    Raises:
        DataError: one of them is empty, has another number of features, or holds no finite numbers.
    """
    sequences: list[NDArray[np.float32]] = []
    for row, item in enumerate(items, start=1):
        try:
            steps = np.asarray(item, np.float32)
        except (TypeError, ValueError):
            raise DataError(f"{source}: X must hold sequences of numbers, got {_short(item)} in row {row}") from None
        steps = steps.T if time_axis == 2 and steps.ndim == 2 else steps
        steps = steps[:, None] if steps.ndim == 1 else steps
        if steps.ndim != 2 or not steps.size:
            rule = "must be an array (steps,) or (steps, features) with a step at least"
            raise DataError(f"{source}: each sequence {rule}, got the shape {steps.shape} in row {row}")
        if sequences and steps.shape[1] != sequences[0].shape[1]:
            widths = f"{sequences[0].shape[1]} in row 1 and {steps.shape[1]} in row {row}"
            remedy = "; if time is the last axis, set data.time_axis: 2" if time_axis == 1 else ""
            raise DataError(f"{source}: all sequences must have as many features a step, got {widths}{remedy}")
        if not np.isfinite(steps).all():
            raise DataError(f"{source}: sequences must hold finite numbers, got NaN or infinity in row {row}")
        sequences.append(steps)
    longest = max(map(len, sequences))
    padded = np.full((len(sequences), longest, sequences[0].shape[1]), np.nan, np.float32)
    for row, steps in enumerate(sequences):
        padded[row, : len(steps)] = steps
    return padded


def to_one_length(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Fill arrays (rows, time, ...) with NaN behind their last step, up to the longest of them."""
    longest = max(array.shape[1] for array in arrays)
    return [_longer(array, longest) for array in arrays]


def may_be_padded(arrays: Sequence[NDArray[Any]], layout: Layout | None) -> bool:
    """Whether arrays that differ in time only may be padded: they are sequences, or hold NaN as sequences do."""
    alike = {(array.ndim, array.shape[2:]) for array in arrays}
    if len(alike) > 1 or arrays[0].ndim < 3 or layout in ("image", "numbers"):
        return False
    return layout == "sequence" or any(array.dtype.kind == "f" and np.isnan(array).any() for array in arrays)


def is_ragged(x: Any) -> bool:
    """Whether ``x`` holds sequences one by one, and not one array of all."""
    if hasattr(x, "columns"):
        return False
    values = x.to_numpy() if hasattr(x, "to_numpy") else _as_array(x)
    return values is None or _holds_sequences(values)


def is_columns(x: Mapping[str, Any]) -> bool:
    """Whether a mapping holds the columns of one table, and not several inputs."""
    import pandas as pd

    def flat(value: Any) -> bool:
        if isinstance(value, pd.DataFrame):
            return False
        values = value.to_numpy() if isinstance(value, pd.Series) else _as_array(value)
        return values is not None and values.ndim == 1 and not _holds_sequences(values)

    return all(flat(value) for value in x.values())


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    if array.shape[1] == length:
        return array
    kind = array.dtype if array.dtype.kind == "f" else np.float32
    longer = np.full((len(array), length, *array.shape[2:]), np.nan, kind)
    longer[:, : array.shape[1]] = array
    return longer


def _as_array(x: Any) -> NDArray[Any] | None:
    """``x`` as NumPy reads it; None for nested lists of different lengths."""
    try:
        return np.asarray(x)
    except ValueError:
        return None


def _holds_sequences(values: NDArray[Any]) -> bool:
    return (
        values.dtype == object
        and values.ndim == 1
        and any(isinstance(value, list | tuple | np.ndarray) for value in values)
    )


def _holds_words(values: NDArray[Any]) -> bool:
    import pandas as pd

    held = [value for value in values if not (value is None or value is pd.NA or value != value)]
    return bool(held) and all(isinstance(value, str) for value in held)


def _numeric(source: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        remedy = "return a DataFrame for tables with words, and a list of texts or of sequences as it is"
        raise DataError(f"{source}: X must be an array of numbers, got dtype {values.dtype}; {remedy}")
    if values.dtype.kind == "b":
        values = values.astype(np.float32)
    if values.ndim < 2:
        raise DataError(
            f"{source}: X must have the shape (rows, columns) or (rows, height, width, ...), got {values.shape}"
        )
    return values


def _oriented(source: str, values: NDArray[Any], layout: Layout, time_axis: int) -> NDArray[Any]:
    if layout == "sequence" and values.ndim == 2:
        values = values[:, :, None]
    if time_axis == 2:
        if values.ndim != 3:
            got = f"got {values.shape}"
            raise DataError(f"{source}: data.time_axis: 2 is for arrays of (samples, features, time), {got}")
        values = np.ascontiguousarray(values.swapaxes(1, 2))
    if layout == "sequence" and values.ndim != 3:
        raise DataError(f"{source}: a sequence must have the shape (samples, time, features), got {values.shape}")
    colours = values.ndim == 4 and values.shape[3] in (1, 2, 3, 4)
    if layout == "image" and values.ndim != 3 and not colours:
        shape = "(samples, height, width) or (samples, height, width, 1 to 4 colours)"
        got = f"got {values.shape}; reshape it with data.prepare"
        raise DataError(f"{source}: an image must have the shape {shape}, {got}")
    return values


def _short(item: Any) -> str:
    text = repr(item)
    return text if len(text) <= 40 else f"{text[:36]} ..."
