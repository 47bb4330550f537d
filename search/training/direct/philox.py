"""Which numbers does TensorFlow draw with a seed?

Its generator Philox (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3) computes every number from its
place alone, so that those of many steps come out at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array

Words = NDArray[np.uint64]  # each of 32 bits, with room for a product

_ROUNDS = 10
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SEED_KEY = np.uint64(0x3EC8F720), np.uint64(0x02461E29)  # with which TensorFlow scrambles a seed
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
WHOLE = 2**23  # a float32 has so many numbers from 1 to 2; less 1, they are those from 0 to 1 that are drawn
_MANTISSA = np.uint64(WHOLE - 1)


def uniform(seed: int, shape: tuple[int, ...], limit: float) -> Array:
    """As ``keras.random.uniform(shape, -limit, limit, seed=seed)`` draws them in float32."""
    least, most = np.float32(-limit), np.float32(limit)
    bits = random_bits(np.array([[seed, 0]], np.uint32), math.prod(shape))
    return (bits.astype(np.float32) * np.float32(1 / WHOLE) * (most - least) + least).reshape(shape)


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
