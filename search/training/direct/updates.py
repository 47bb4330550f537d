"""How do the optimizers change the weights, in place and block by block?

The formulas are Keras's. Averages are kept without their constant factor (1 - beta), which goes into the step's size:
an operation less. A block is so long that all of its arrays stay in the processor's caches.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array, constant, empty
from spaces.model_config import OptimizerConfig

_BLOCK = 2**17
_SMALLEST = 1e-35  # arithmetic with numbers below 1e-38 is a hundred times slower; TensorFlow takes them for zero


class Update(Protocol):
    """One optimizer's update of the weights by their gradient."""

    def prepare(self, rates: NDArray[np.float64]) -> None:
        """Begin an epoch, whose steps have these learning rates, (steps,)."""

    def apply(self, step: int) -> None:
        """Do the epoch's so-and-so-many-th step, from 0 on."""


class _Averaging:
    """What these updates share: averages over the steps so far, and the number of steps."""

    def __init__(self, values: Array, gradient: Array, averages: int) -> None:
        self.count = 0
        self._averages = [constant(len(values), 0.0) for _ in range(averages)]
        scratch = [empty(min(len(values), _BLOCK)) for _ in range(2)]
        bounds = [slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK)]
        self.blocks = []
        for bound in bounds:
            length = len(values[bound])
            arrays = [array[bound] for array in (values, gradient, *self._averages)]
            self.blocks.append((*arrays, *(array[:length] for array in scratch)))

    def next_numbers(self, steps: int) -> NDArray[np.float64]:
        """The numbers of the epoch's steps, from 1 on, (steps,); forgets what is too small to count."""
        for average in self._averages:
            average[np.abs(average) < _SMALLEST] = 0.0
        numbers = self.count + np.arange(1.0, steps + 1)
        self.count += steps
        return numbers


class _Descent:
    """`keras.optimizers.SGD`."""

    def __init__(self, values: Array, gradient: Array, config: OptimizerConfig) -> None:
        self._momentum = float(config.settings.get("momentum", 0.0))
        self._nesterov = bool(config.settings.get("nesterov", False))
        self._state = _Averaging(values, gradient, 1 if self._momentum else 0)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._state.next_numbers(len(rates))
        self._rates = rates.tolist()

    def apply(self, step: int) -> None:
        rate, momentum = self._rates[step], self._momentum
        if not momentum:
            for values, gradient, part, _ in self._state.blocks:
                np.multiply(gradient, rate, out=part)
                np.subtract(values, part, out=values)
            return
        for values, gradient, average, part, _ in self._state.blocks:
            np.multiply(gradient, rate, out=part)
            np.multiply(average, momentum, out=average)
            np.subtract(average, part, out=average)
            if self._nesterov:
                np.subtract(values, part, out=values)
                np.multiply(average, momentum, out=part)
                np.add(values, part, out=values)
            else:
                np.add(values, average, out=values)


class _RootMeanSquare:
    """`keras.optimizers.RMSprop`, not centred."""

    def __init__(self, values: Array, gradient: Array, config: OptimizerConfig) -> None:
        self._rho = float(config.settings.get("rho", 0.9))
        self._epsilon = float(config.settings.get("epsilon", 1e-7))
        self._momentum = float(config.settings.get("momentum", 0.0))
        self._state = _Averaging(values, gradient, 2 if self._momentum else 1)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._state.next_numbers(len(rates))
        self._rates = (rates / np.sqrt(1 - self._rho)).tolist()

    def apply(self, step: int) -> None:
        rate, epsilon, momentum = self._rates[step], self._epsilon / (1 - self._rho), self._momentum
        for values, gradient, squares, *average, part, _ in self._state.blocks:
            np.multiply(gradient, gradient, out=part)
            np.multiply(squares, self._rho, out=squares)
            np.add(squares, part, out=squares)
            np.add(squares, epsilon, out=part)
            np.sqrt(part, out=part)
            np.divide(gradient, part, out=part)
            np.multiply(part, rate, out=part)
            if average:
                np.multiply(average[0], momentum, out=average[0])
                np.add(average[0], part, out=average[0])
                part = average[0]
            np.subtract(values, part, out=values)


class _Adam:
    """`keras.optimizers.Adam` and `AdamW`."""

    def __init__(self, values: Array, gradient: Array, config: OptimizerConfig) -> None:
        self._first = float(config.settings.get("beta_1", 0.9))
        self._second = float(config.settings.get("beta_2", 0.999))
        self._epsilon = float(config.settings.get("epsilon", 1e-7))
        self._state = _Averaging(values, gradient, 2)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        numbers = self._state.next_numbers(len(rates))
        # Both averages begin at zero, which is corrected by the betas as float32 has them.
        correction = np.sqrt(1 - _rounded(self._second) ** numbers) / (1 - _rounded(self._first) ** numbers)
        self._rates = (rates * correction * (1 - self._first) / np.sqrt(1 - self._second)).tolist()

    def apply(self, step: int) -> None:
        rate, first, share = self._rates[step], self._first, 1 - self._second
        epsilon = self._epsilon / share**0.5
        for values, gradient, average, squares, part, other in self._state.blocks:
            np.multiply(average, first, out=average)
            np.add(average, gradient, out=average)
            np.multiply(gradient, gradient, out=part)
            # Not `squares * beta_2`: float32 has it only to 1e-8, which a thousand steps make 1e-5 of.
            np.multiply(squares, share, out=other)
            np.subtract(squares, other, out=squares)
            np.add(squares, part, out=squares)
            np.sqrt(squares, out=part)
            np.add(part, epsilon, out=part)
            np.divide(average, part, out=part)
            np.multiply(part, rate, out=part)
            np.subtract(values, part, out=values)


_KINDS: dict[str, type[_Descent | _RootMeanSquare | _Adam]] = {
    "sgd": _Descent,
    "rmsprop": _RootMeanSquare,
    "adam": _Adam,
    "adamw": _Adam,
}


def has_update(config: OptimizerConfig) -> bool:
    """Whether there is one for this optimizer, with these settings."""
    # An average that takes in a share of 1e-8 or less is, rounded, one that takes in nothing.
    rounded_away = any(_rounded(float(config.settings.get(name, 0.0))) >= 1 for name in ("beta_1", "beta_2", "rho"))
    unusual = any(config.settings.get(name) for name in ("centered", "amsgrad")) or rounded_away
    limits = (config.clipnorm, config.clipvalue, config.global_clipnorm, config.ema_momentum)
    return config.name in _KINDS and not unusual and all(limit is None for limit in limits)


def make_update(values: Array, gradient: Array, config: OptimizerConfig) -> Update:
    """The update of an optimizer that ``has_update`` knows, which begins with this call."""
    return _KINDS[config.name](values, gradient, config)


def _rounded(beta: float) -> float:
    return float(np.float32(beta))
