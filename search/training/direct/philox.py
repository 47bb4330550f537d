"""Which numbers does TensorFlow draw with a seed?

Its generator Philox (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3) computes every number from its
place alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array
from search.training.direct.compiled import compiled, inlined

Bits = NDArray[np.uint32]
Four = tuple[np.uint64, np.uint64, np.uint64, np.uint64]  # words of 32 bits, with room for a product

_ROUNDS = 10
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEPS = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SEED_KEY = np.uint32(0x3EC8F720), np.uint32(0x02461E29)  # with which TensorFlow scrambles a seed
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
WHOLE = 2**23  # a float32 has so many numbers from 1 to 2; less 1, they are those from 0 to 1 that are drawn
_MANTISSA, _ZERO = np.uint32(WHOLE - 1), np.float32(0)


def uniform(seed: int, shape: tuple[int, ...], limit: float) -> Array:
    """As ``keras.random.uniform(shape, -limit, limit, seed=seed)`` draws them in float32."""
    least, most = np.float32(-limit), np.float32(limit)
    bits = random_bits(np.array([[seed, 0]], np.uint32), math.prod(shape))
    return (bits.astype(np.float32) * np.float32(1 / WHOLE) * (most - least) + least).reshape(shape)


def random_bits(seeds: Bits, size: int, *, first: int = 0) -> Bits:
    """The bits of which ``tf.random.stateless_uniform`` makes numbers from 0 to 1, times 2 ** -23.

    Args:
        seeds: (count, 2).
        size: how many numbers are drawn with each; first: from the so-and-so-many-th on.

    Returns:
        Whole numbers below 2 ** 23, (count, size).
    """
    lane, skipped = divmod(first, 4)
    found = np.empty((len(seeds), -(-(skipped + size) // 4) * 4), np.uint32)
    _draw_all(found, _words_of(seeds), lane)
    return found[:, skipped : skipped + size]


def fill_by_bits(
    out: Array, seeds: Bits, least: np.uint32, value: np.float32, *, first: int = 0, width: int = 1
) -> None:
    """Write ``value`` where what `random_bits` draws is at least ``least``, zero elsewhere.

    Args:
        out: a row for each seed, (count, size).
        width: of the matrix that a row's numbers are drawn as; it is written transposed.
    """
    _fill(out, _words_of(seeds), first, out.shape[1] // max(width, 1), width, least, value)


def _words_of(seeds: Bits) -> NDArray[np.uint64]:
    """TensorFlow takes seeds for signed numbers of 64 bits."""
    return seeds.view(np.int32).astype(np.int64).view(np.uint64)


@inlined
def _philox(
    one: np.uint64, two: np.uint64, three: np.uint64, four: np.uint64, key: np.uint32, key_2: np.uint32
) -> Four:
    """Philox4x32-10 of a counter of four words under a key of two."""
    for _ in range(_ROUNDS):
        left, right = one * _FACTORS[0], three * _FACTORS[1]
        one, three = (right >> _HALF) ^ two ^ key, (left >> _HALF) ^ four ^ key_2
        two, four = right & _LOW, left & _LOW
        key, key_2 = np.uint32(key + _KEY_STEPS[0]), np.uint32(key_2 + _KEY_STEPS[1])
    return one, two, three, four


@inlined
def _draw(numbers: Bits, seed: NDArray[np.uint64], lane: int) -> None:
    """With one seed, from the so-and-so-many-th four numbers on."""
    low, high = seed
    key, key_2, third, fourth = _philox(low & _LOW, low >> _HALF, high & _LOW, high >> _HALF, *_SEED_KEY)
    for four in range(numbers.size // 4):
        counter = np.uint64(lane + four)
        drawn = _philox(counter & _LOW, counter >> _HALF, third, fourth, np.uint32(key), np.uint32(key_2))
        numbers[4 * four], numbers[4 * four + 1] = drawn[0] & _MANTISSA, drawn[1] & _MANTISSA
        numbers[4 * four + 2], numbers[4 * four + 3] = drawn[2] & _MANTISSA, drawn[3] & _MANTISSA


@compiled("void(u4[:, ::1], u8[:, ::1], i8)")
def _draw_all(found: Bits, seeds: NDArray[np.uint64], lane: int) -> None:
    for row in range(len(found)):
        _draw(found[row], seeds[row], lane)


@compiled("void(f4[:, ::1], u8[:, ::1], i8, i8, i8, u4, f4)")
def _fill(
    out: Array, seeds: NDArray[np.uint64], first: int, height: int, width: int, least: np.uint32, value: np.float32
) -> None:
    lane, skipped = first // 4, first % 4
    bits = np.empty((skipped + height * width + 3) // 4 * 4, np.uint32)
    for row in range(len(out)):
        _draw(bits, seeds[row], lane)
        drawn, turned = bits[skipped:], out[row]
        for column in range(width):
            for line in range(height):
                turned[column * height + line] = value if drawn[line * width + column] >= least else _ZERO
