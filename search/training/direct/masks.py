"""Which of a layer's inputs does each step of an epoch drop?

Those that Keras's ``Dropout`` drops with TensorFlow.
"""

from __future__ import annotations

import numpy as np

from search.training.direct.arrays import Array, empty
from search.training.direct.philox import WHOLE, fill_by_bits
from search.training.direct.sketch import Dropped


class Masks:
    """Of one dropout layer, in the order of its steps."""

    def __init__(self, layer: Dropped, units: int) -> None:
        self._units, self._seed, self._steps = units, layer.seed, 0
        self._factor = np.float32(1 / (1 - layer.rate))
        self._least = np.uint32(np.ceil(float(np.float32(layer.rate)) * WHOLE))

    def draw(self, steps: int, rows: slice, *, turned: bool = False) -> Array:
        """What some samples of the next steps are multiplied by: 0 or, what stays, by ``1 / (1 - rate)``.

        Args:
            rows: which samples of each step's batch.
            turned: units come first.

        Returns:
            (steps, rows, units), or (steps, units, rows).
        """
        numbers = self._steps + np.arange(steps)
        seeds = np.stack([np.full(steps, self._seed, np.uint32), numbers.astype(np.uint32)], axis=1)
        self._steps += steps  # as Keras counts its states
        samples, units = rows.stop - rows.start, self._units
        kept = empty((steps, units, samples) if turned else (steps, samples, units))
        flat, width = kept.reshape(steps, samples * units), units if turned else 1
        fill_by_bits(flat, seeds, self._least, self._factor, first=rows.start * units, width=width)
        return kept
