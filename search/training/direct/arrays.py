"""What are the arrays of a step made of?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def empty(shape: int | tuple[int, ...]) -> Array:
    """A place for results."""
    return np.empty(shape, np.float32)


def constant(shape: int | tuple[int, ...], value: float) -> Array:
    """A number in the full shape: NumPy takes five times as long to broadcast one over a small array."""
    return np.full(shape, value, np.float32)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Inside, products of matrices stay on this thread, as their numbers depend on how many share them.

    Infinities and NaN are no news there: a trial that diverges is told by its loss.
    """
    with _libraries().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        yield


@cache
def _libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
