"""How do the optimizers change the weights, in place? By Keras's formulas, in one pass over them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array, constant
from search.training.direct.compiled import compiled, inlined
from spaces.model_config import OptimizerConfig

_BLOCK = 4096  # weights, whose gradients are still in the processor's first cache when they have been summed
# What is smaller counts as zero, as for TensorFlow what is below 1e-38: arithmetic with such is a hundred times slower.
_SMALLEST, _SMALLEST_ROOT = np.float32(1e-34), np.float32(1e-17)
_ZERO = np.float32(0)


class Share(NamedTuple):
    """Which of the weights one member of a team updates.

    Attributes:
        values: those weights, float32 (share,).
        gradients: of each member's part of a batch, at all weights, (members, weights).
        member: to whose gradient those of the others are added; first: where in the weights the share begins.
    """

    values: Array
    gradients: Array
    member: int
    first: int


class Update(Protocol):
    """One optimizer's update of a share of the weights by the sum of all members' gradients."""

    def prepare(self, rates: NDArray[np.float64]) -> None:
        """Begin an epoch, whose steps have these learning rates, (steps,)."""

    def apply(self, step: int) -> None:
        """Do the epoch's so-and-so-many-th step, from 0 on."""


class _Descent:
    """`keras.optimizers.SGD`."""

    def __init__(self, share: Share, config: OptimizerConfig) -> None:
        self._share = share
        self._momentum = np.float32(config.settings.get("momentum", 0.0))
        self._nesterov = bool(config.settings.get("nesterov", False))
        self._average = constant(len(share.values), 0.0)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._rates = _numbers(rates)

    def apply(self, step: int) -> None:
        rate = self._rates[step]
        if self._momentum:
            _descend_with_momentum(*self._share, self._average, self._momentum, rate, self._nesterov)
        else:
            _descend(*self._share, rate)


class _RootMeanSquare:
    """`keras.optimizers.RMSprop`, not centred."""

    def __init__(self, share: Share, config: OptimizerConfig) -> None:
        self._share = share
        rho = float(config.settings.get("rho", 0.9))
        self._rho = np.float32(rho), np.float32(1 - rho)
        self._momentum = np.float32(config.settings.get("momentum", 0.0))
        self._epsilon = np.float32(config.settings.get("epsilon", 1e-7))
        self._squares, self._average = (constant(len(share.values), 0.0) for _ in range(2))

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._rates = _numbers(rates)

    def apply(self, step: int) -> None:
        held = self._squares, self._average
        _divide_by_root(*self._share, *held, *self._rho, self._momentum, self._rates[step], self._epsilon)


class _Adam:
    """`keras.optimizers.Adam` and `AdamW`."""

    def __init__(self, share: Share, config: OptimizerConfig) -> None:
        self._share, self._steps = share, 0
        first, second = float(config.settings.get("beta_1", 0.9)), float(config.settings.get("beta_2", 0.999))
        self._betas, self._news = (first, second), (np.float32(1 - first), np.float32(1 - second))
        self._epsilon = np.float32(config.settings.get("epsilon", 1e-7))
        self._average, self._squares = (constant(len(share.values), 0.0) for _ in range(2))

    def prepare(self, rates: NDArray[np.float64]) -> None:
        numbers = self._steps + np.arange(1.0, len(rates) + 1)
        self._steps += len(rates)
        # Both averages begin at zero, which is corrected by the betas as float32 has them.
        first, second = (1 - float(np.float32(beta)) ** numbers for beta in self._betas)
        self._rates = _numbers(rates * np.sqrt(second) / first)

    def apply(self, step: int) -> None:
        _adapt(*self._share, self._average, self._squares, *self._news, self._rates[step], self._epsilon)


_KINDS: dict[str, type[_Descent | _RootMeanSquare | _Adam]] = {
    "sgd": _Descent,
    "rmsprop": _RootMeanSquare,
    "adam": _Adam,
    "adamw": _Adam,
}


def make_update(share: Share, config: OptimizerConfig) -> Update:
    """The update of an optimizer, one that `search.training.direct.scope` knows; it begins with this call."""
    return _KINDS[config.name](share, config)


def _numbers(rates: NDArray[np.float64]) -> list[np.float32]:
    return list(rates.astype(np.float32))


@inlined
def _without_smallest(number: np.float32) -> np.float32:
    return _ZERO if abs(number) < _SMALLEST else number  # NaN stays


@inlined
def _square(number: np.float32) -> np.float32:
    return _ZERO if abs(number) < _SMALLEST_ROOT else number * number


@inlined
def _sum_up(gradients: Array, member: int, start: int, stop: int) -> Array:
    """Add the others' gradients to this member's; gives the sum."""
    total = gradients[member, start:stop]
    for other in range(len(gradients)):
        if other != member:
            part = gradients[other, start:stop]
            for i in range(total.size):
                total[i] += part[i]
    return total


@compiled("void(f4[::1], f4[:, ::1], i8, i8, f4)")
def _descend(values: Array, gradients: Array, member: int, first: int, rate: np.float32) -> None:
    for start in range(0, values.size, _BLOCK):
        value = values[start : start + _BLOCK]
        gradient = _sum_up(gradients, member, first + start, first + start + value.size)
        for i in range(value.size):
            value[i] -= gradient[i] * rate


@compiled("void(f4[::1], f4[:, ::1], i8, i8, f4[::1], f4, f4, b1)")
def _descend_with_momentum(
    values: Array,
    gradients: Array,
    member: int,
    first: int,
    averages: Array,
    momentum: np.float32,
    rate: np.float32,
    nesterov: bool,
) -> None:
    for start in range(0, values.size, _BLOCK):
        value, average = values[start : start + _BLOCK], averages[start : start + _BLOCK]
        gradient = _sum_up(gradients, member, first + start, first + start + value.size)
        for i in range(value.size):
            down = gradient[i] * rate
            average[i] = _without_smallest(average[i] * momentum - down)
            value[i] += average[i] * momentum - down if nesterov else average[i]


@compiled("void(f4[::1], f4[:, ::1], i8, i8, f4[::1], f4[::1], f4, f4, f4, f4, f4)")
def _divide_by_root(
    values: Array,
    gradients: Array,
    member: int,
    first: int,
    squares: Array,
    averages: Array,
    rho: np.float32,
    news: np.float32,
    momentum: np.float32,
    rate: np.float32,
    epsilon: np.float32,
) -> None:
    for start in range(0, values.size, _BLOCK):
        value, square = values[start : start + _BLOCK], squares[start : start + _BLOCK]
        average = averages[start : start + _BLOCK]
        gradient = _sum_up(gradients, member, first + start, first + start + value.size)
        for i in range(value.size):
            square[i] = _without_smallest(rho * square[i] + news * _square(gradient[i]))
            step = rate * gradient[i] / np.sqrt(square[i] + epsilon)
            average[i] = _without_smallest(momentum * average[i] + step)
            value[i] -= average[i]


@compiled("void(f4[::1], f4[:, ::1], i8, i8, f4[::1], f4[::1], f4, f4, f4, f4)")
def _adapt(
    values: Array,
    gradients: Array,
    member: int,
    first: int,
    averages: Array,
    squares: Array,
    news: np.float32,
    news_of_squares: np.float32,
    rate: np.float32,
    epsilon: np.float32,
) -> None:
    for start in range(0, values.size, _BLOCK):
        value, average = values[start : start + _BLOCK], averages[start : start + _BLOCK]
        square = squares[start : start + _BLOCK]
        gradient = _sum_up(gradients, member, first + start, first + start + value.size)
        for i in range(value.size):
            average[i] = _without_smallest(average[i] + (gradient[i] - average[i]) * news)
            square[i] = _without_smallest(square[i] + (_square(gradient[i]) - square[i]) * news_of_squares)
            value[i] -= average[i] * rate / (np.sqrt(square[i]) + epsilon)
