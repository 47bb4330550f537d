"""What are the arrays of a step made of?"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
LINE = 64  # bytes of the processor's cache that come and go together
ALIGNED = LINE // 4  # numbers in one
_POPULATE_READ = 22  # of Linux from 5.14 on; `mmap` has no name for it before Python 3.14


def empty(shape: int | tuple[int, ...]) -> Array:
    """A place for results, which begins where a line of the processor's cache does.

    NumPy takes up to twice as long to write elsewhere, where its operations with long registers touch two lines each.
    """
    return in_memory(np.empty(bytes_of(shape) + LINE, np.uint8).data, shape)


def constant(shape: int | tuple[int, ...], value: float) -> Array:
    """A number in the full shape: NumPy takes five times as long to broadcast one over a small array."""
    array = empty(shape)
    array[...] = value
    return array


def bytes_of(shape: int | tuple[int, ...]) -> int:
    """That many float32 take."""
    return 4 * math.prod((shape,) if isinstance(shape, int) else shape)


def in_memory(memory: Any, shape: int | tuple[int, ...]) -> Array:
    """An array in this memory, of ``bytes_of(shape) + LINE`` bytes."""
    every = np.frombuffer(memory, np.uint8)
    start = -every.ctypes.data % LINE
    return every[start : start + bytes_of(shape)].view(np.float32).reshape(shape)


def look_up_pages(array: Array | None) -> None:
    """Have the system find all pages at once that lie in a mapped file, as a process that was forked knows none.

    One by one, as they are read, that takes several times as long. Systems that cannot do it find them so.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        with suppress(OSError, ValueError):
            base.madvise(_POPULATE_READ)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Inside, products of matrices stay on this thread, as their numbers depend on how many share them.

    Infinities and NaN are no news there: a trial that diverges is told by its loss.
    """
    with libraries().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        yield


@cache
def libraries() -> Any:
    """Those of this process that compute on several threads; to look for them takes as long as a small epoch."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
