"""Which of a layer's inputs does each step of an epoch drop?

Those that Keras's ``Dropout`` drops with TensorFlow: its generator Philox (Salmon et al. 2011, Parallel random numbers:
as easy as 1, 2, 3) computes every number from its place alone, so that those of many steps come out at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array, empty
from search.training.direct.sketch import Dropped

Words = NDArray[np.uint64]  # each of 32 bits, with room for a product

_ROUNDS = 10
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SEED_KEY = np.uint64(0x3EC8F720), np.uint64(0x02461E29)  # with which TensorFlow scrambles a seed
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_WHOLE = 2**23  # a float32 has so many numbers from 1 to 2; less 1, they are those from 0 to 1 that are drawn
_NUMBERS_AT_ONCE = 2**16  # so that they stay in the processor's caches
_MANTISSA = np.uint64(_WHOLE - 1)


class Masks:
    """Of one dropout layer, in the order of its steps."""

    def __init__(self, layer: Dropped, units: int) -> None:
        self._units = units
        self._factor = np.float32(1 / (1 - layer.rate))
        self._least = np.uint64(np.ceil(float(np.float32(layer.rate)) * _WHOLE))
        self._state = np.array([layer.seed, 0], np.uint32)

    def draw(self, steps: int, rows: slice) -> Array:
        """What some samples of the next steps are multiplied by: 0 or, what stays, by ``1 / (1 - rate)``.

        Args:
            rows: which samples of each step's batch.

        Returns:
            (steps * rows, units).
        """
        seeds = np.repeat(self._state[None], steps, axis=0)
        seeds[:, 1] += np.arange(steps, dtype=np.uint32)  # as Keras counts its states
        self._state[1] += np.uint32(steps)
        size = (rows.stop - rows.start) * self._units
        at_once = max(1, _NUMBERS_AT_ONCE // max(size, 1))
        kept = empty((steps, size))
        for start in range(0, steps, at_once):
            some = slice(start, start + at_once)
            bits = random_bits(seeds[some], size, first=rows.start * self._units)
            np.multiply(bits >= self._least, self._factor, out=kept[some])
        return kept.reshape(-1, self._units)


def random_bits(seeds: NDArray[np.uint32], size: int, *, first: int = 0) -> Words:
    """The bits of which ``tf.random.stateless_uniform`` makes numbers from 0 to 1, times 2 ** -23.

    Args:
        seeds: (count, 2).
        size: how many numbers are drawn with each; first: from the so-and-so-many-th on.

    Returns:
        Whole numbers below 2 ** 23, (count, size).
    """
    first_lane, skipped = divmod(first, 4)
    lanes = -(-(skipped + size) // 4)
    signed = seeds.view(np.int32).astype(np.int64).view(np.uint64)  # TensorFlow takes them for signed ones
    scrambled = _philox([part for seed in signed.T for part in (seed & _LOW, seed >> _HALF)], _SEED_KEY)
    key, above = [word[:, None] for word in scrambled[:2]], [word[:, None] for word in scrambled[2:]]
    counted = np.arange(first_lane, first_lane + lanes, dtype=np.uint64)[None]
    words = _philox([counted, np.zeros((1, 1), np.uint64), *above], key)
    found = np.empty((len(seeds), lanes, 4), np.uint64)
    for place, word in enumerate(words):
        np.bitwise_and(word, _MANTISSA, out=found[:, :, place])
    return found.reshape(len(seeds), -1)[:, skipped : skipped + size]


def _philox(counter: Sequence[Words], key: Sequence[Any]) -> Sequence[Words]:
    """Philox4x32-10 of counters of four words under keys of two, which broadcast against each other."""
    one, two, three, four = counter
    first, second = key
    for _ in range(_ROUNDS):
        left, right = one * _FACTORS[0], three * _FACTORS[1]
        one = (right >> _HALF) ^ two ^ first
        three = (left >> _HALF) ^ four ^ second
        two, four = right & _LOW, left & _LOW
        first, second = (first + _KEY_STEPS[0]) & _LOW, (second + _KEY_STEPS[1]) & _LOW
    return one, two, three, four
