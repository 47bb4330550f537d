"""Which numbers does TensorFlow draw with a seed?

Its generator Philox (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3) computes every number from its
place alone. Few numbers of each of many seeds are computed side by side in NumPy, many of one seed by randomgen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import randomgen
from numpy.typing import NDArray

from search.training.direct.arrays import Array

Words = NDArray[np.uint64]  # each of 32 bits, with room for a product

_ROUNDS = 10
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SEED_KEY = np.uint64(0x3EC8F720), np.uint64(0x02461E29)  # with which TensorFlow scrambles a seed
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
WHOLE = 2**23  # a float32 has so many numbers from 1 to 2; less 1, they are those from 0 to 1 that are drawn
_MANTISSA = np.uint32(WHOLE - 1)
_FEWEST_OF_A_STREAM = 2048  # to begin a stream takes as long as NumPy takes for so many
_GENERATOR = randomgen.Philox(key=0, number=4, width=32)
_BEGUN = _GENERATOR.state  # which holds no number that was drawn and not given yet


def uniform(seed: int, shape: tuple[int, ...], limit: float) -> Array:
    """As ``keras.random.uniform(shape, -limit, limit, seed=seed)`` draws them in float32."""
    least, most = np.float32(-limit), np.float32(limit)
    bits = random_bits(np.array([[seed, 0]], np.uint32), math.prod(shape))
    return (bits.astype(np.float32) * np.float32(1 / WHOLE) * (most - least) + least).reshape(shape)


def random_bits(seeds: NDArray[np.uint32], size: int, *, first: int = 0) -> NDArray[np.uint32]:
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
    found = np.empty((len(seeds), lanes, 4), np.uint32)
    if size < _FEWEST_OF_A_STREAM:
        scrambled = _philox([part for seed in signed.T for part in (seed & _LOW, seed >> _HALF)], _SEED_KEY)
        key, above = [word[:, None] for word in scrambled[:2]], [word[:, None] for word in scrambled[2:]]
        counted = np.arange(first_lane, first_lane + lanes, dtype=np.uint64)[None]
        for place, word in enumerate(_philox([counted, np.zeros((1, 1), np.uint64), *above], key)):
            found[:, :, place] = word
    else:
        for numbers, (low, high) in zip(found, signed.tolist(), strict=True):
            *key, third, fourth = _stream(high << 64 | low, _SEED_KEY, 4).tolist()
            drawn = _stream(fourth << 96 | third << 64 | first_lane, key, 4 * lanes)
            numbers[...] = drawn.reshape(lanes, 4)
    np.bitwise_and(found, _MANTISSA, out=found)
    return found.reshape(len(seeds), -1)[:, skipped : skipped + size]


def _stream(counter: int, key: Sequence[Any], size: int) -> Words:
    """What randomgen draws from a counter of 128 bits on; it counts on before it draws."""
    before = ((counter - 1) % 2**128).to_bytes(16, "little")
    words = {"counter": np.frombuffer(before, "<u4").astype(np.uint32), "key": np.array(key, np.uint32)}
    _GENERATOR.state = {**_BEGUN, "state": words}
    drawn: Words = _GENERATOR.random_raw(size)
    return drawn


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
