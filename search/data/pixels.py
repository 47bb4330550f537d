"""How do images lie on disk while trials train?

As the bytes that they came as, which take a quarter of the room; they become numbers batch by batch, where a model is
given them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from search.data.prepare import BYTE_MAX
from search.portable import ArrayInput, Inputs, SeveralInputs

SCALE = np.float32(1 / BYTE_MAX)


def stored(inputs: Inputs, rows: Any) -> Any:
    """Raw rows as they are stored: as a model is given them, but images of bytes as these bytes, not scaled yet.

    Args:
        rows: what ``inputs.transform`` takes, of the data that it was fitted to.
    """
    if isinstance(inputs, SeveralInputs) and inputs.by_name:
        return {name: stored(part, rows[name]) for name, part in inputs.parts.items()}
    if isinstance(inputs, ArrayInput) and rows.dtype == np.uint8 and (inputs.offset, inputs.scale) == (0, 1 / BYTE_MAX):
        return np.ascontiguousarray(rows)
    return inputs.transform(rows)


def numbers_of(x: Any) -> Any:
    """Stored samples as a model is given them: bytes as ``ArrayInput.transform`` scales them, all else as it is.

    Args:
        x: an array, or a dict of them by the names of inputs.
    """
    if isinstance(x, Mapping):
        return {name: numbers_of(array) for name, array in x.items()}
    return x.astype(np.float32) * SCALE if x.dtype == np.uint8 else np.asarray(x)
