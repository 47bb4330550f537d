"""Are these the same data as those that a study was run on?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 4096


def fingerprint(
    inputs: pd.DataFrame | NDArray[Any] | Mapping[str, pd.DataFrame | NDArray[Any]],
    target: pd.Series[Any],
    parts: NDArray[np.int8],
    *,
    task: str,
    reading: str = "",
) -> str:
    """Hash the contents that a trial can see: 16 hex digits.

    Names, values, the order of rows and columns, the target, the task and each row's part count; paths, file
    formats, compression and the width of number types (as far as they hold the same numbers) do not.

    Args:
        inputs: one, or several by name.
        reading: what the values are taken for, where that is not plain: sequences, tokens.
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"kerasweep data 1\0{task}\0{len(target)}\0".encode())
    digest.update(reading.encode("utf-8", "surrogatepass"))
    if isinstance(inputs, Mapping):
        for name, values in inputs.items():
            digest.update(f"\0{name}\0\0".encode())
            _add(digest, values)
    else:
        _add(digest, inputs)
    _add_column(digest, target)
    digest.update(parts.astype(np.int8).tobytes())
    return digest.hexdigest()


def _add(digest: Any, inputs: pd.DataFrame | NDArray[Any]) -> None:
    if isinstance(inputs, np.ndarray):
        _add_array(digest, inputs)
        return
    for name in inputs.columns:
        _add_column(digest, inputs[name])


def _add_column(digest: Any, series: pd.Series[Any]) -> None:
    import pandas as pd

    digest.update(f"\0{series.name}\0".encode())
    if series.dtype.kind in "iuf":
        digest.update(_bytes(series.to_numpy(dtype=np.float64, na_value=np.nan)))
        return
    # Words, booleans: once each, in order of appearance, then the row's index into them (-1: missing).
    codes, distinct = pd.factorize(series)
    digest.update("\0".join(map(str, distinct)).encode("utf-8", "surrogatepass"))
    digest.update(codes.astype("<i8").tobytes())


def _add_array(digest: Any, array: NDArray[Any]) -> None:
    digest.update(repr(array.shape).encode())
    # Whole numbers and decimals are scaled differently, so they may differ here; bytes stay bytes for speed.
    whole = array.dtype.kind in "iu"
    kind: Any = (np.uint8 if array.min() >= 0 and array.max() <= 255 else "<i8") if whole else np.float64
    digest.update(b"whole" if whole else b"decimal")
    # In pieces: a wider copy of an image set is eight times its size.
    for start in range(0, len(array), CHUNK_ROWS):
        piece = np.ascontiguousarray(array[start : start + CHUNK_ROWS], kind)
        digest.update(piece.tobytes() if whole else _bytes(piece))


def _bytes(values: NDArray[np.float64]) -> bytes:
    # + 0.0 turns -0.0 into 0.0; one bit pattern for every NaN.
    values = values + 0.0
    values[np.isnan(values)] = np.nan
    return values.astype("<f8", copy=False).tobytes()
