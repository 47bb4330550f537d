"""Which four points can no straight line separate?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
COPIES = 25

Pair = tuple[NDArray[np.float32], NDArray[np.int64]]


def load() -> tuple[Pair, Pair, Pair]:
    """The truth table of exclusive or: 25 times to train on, once to validate and once to test.

    There is nothing to generalise to, as the four points are all that there is: each part holds all of them, and what
    is asked is whether training finds its way there at all.

    Returns:
        (X, y) of training, validation and test. X: float32, (rows, 2), zeros and ones. y: int64, (rows,), 1 where the
        two inputs differ.
    """
    x = np.array(CORNERS, np.float32)
    y = (x[:, 0] != x[:, 1]).astype(np.int64)
    return (np.tile(x, (COPIES, 1)), np.tile(y, COPIES)), (x, y), (x, y)
