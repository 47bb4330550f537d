"""Which of a layer's inputs does each step of an epoch drop?

Those that Keras's ``Dropout`` drops with TensorFlow.
"""

from __future__ import annotations

import numpy as np

from search.training.direct.arrays import Array, empty
from search.training.direct.philox import WHOLE, random_bits
from search.training.direct.sketch import Dropped

_NUMBERS_AT_ONCE = 2**16  # so that they stay in the processor's caches


class Masks:
    """Of one dropout layer, in the order of its steps."""

    def __init__(self, layer: Dropped, units: int) -> None:
        self._units = units
        self._factor = np.float32(1 / (1 - layer.rate))
        self._least = np.uint32(np.ceil(float(np.float32(layer.rate)) * WHOLE))
        self._state = np.array([layer.seed, 0], np.uint32)
        self._ahead, self._ahead_from, self._rows = empty((0, 0)), 0, slice(0)

    def draw(self, steps: int, rows: slice) -> Array:
        """What some samples of the next steps are multiplied by: 0 or, what stays, by ``1 / (1 - rate)``.

        Where that is few numbers they are drawn for more steps at once, which takes up to half as long a number.

        Args:
            rows: which samples of each step's batch.

        Returns:
            (steps * rows, units).
        """
        first = int(self._state[1]) - self._ahead_from
        is_short = bool(len(self._ahead)) and rows != self._rows  # an epoch's last batch: what is ahead stays
        if is_short:
            kept = self._drawn(steps, rows)
        else:
            if first + steps > len(self._ahead):
                numbers = steps * (rows.stop - rows.start) * self._units
                count = steps * (max(1, _NUMBERS_AT_ONCE // numbers) if numbers else 1)
                self._ahead, self._rows = self._drawn(count, rows), rows
                self._ahead_from, first = int(self._state[1]), 0
            kept = self._ahead[first : first + steps]
        self._state[1] += np.uint32(steps)
        return kept.reshape(-1, self._units)

    def _drawn(self, steps: int, rows: slice) -> Array:
        """Of the steps from the next one on, (steps, rows * units)."""
        seeds = np.repeat(self._state[None], steps, axis=0)
        seeds[:, 1] += np.arange(steps, dtype=np.uint32)  # as Keras counts its states
        size = (rows.stop - rows.start) * self._units
        at_once = max(1, _NUMBERS_AT_ONCE // max(size, 1))
        kept = empty((steps, size))
        for start in range(0, steps, at_once):
            some = slice(start, start + at_once)
            bits = random_bits(seeds[some], size, first=rows.start * self._units)
            np.multiply(bits >= self._least, self._factor, out=kept[some])
        return kept
