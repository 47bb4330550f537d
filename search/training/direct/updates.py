"""How do the optimizers change the weights, in place and block by block?

The formulas are Keras's, in few operations: BLAS adds a multiple of one array to another in one, and an average over
steps is held without its constant factor (1 - beta), and so that a step only adds to it. A block is so long that all of
its arrays stay in the processor's caches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from search.training.direct.arrays import Array, constant, empty
from spaces.model_config import OptimizerConfig

_BLOCK = 2**15
_SMALLEST = 1e-35  # arithmetic with numbers below 1e-38 is a hundred times slower; TensorFlow takes them for zero
_LEAST_SCALE = 2.0**-10

add_multiple: Callable[..., Any] = blas.saxpy  # (x, y, a=factor): y += factor * x, in place of contiguous float32


class Update(Protocol):
    """One optimizer's update of the weights by their gradient."""

    def prepare(self, rates: NDArray[np.float64]) -> None:
        """Begin an epoch, whose steps have these learning rates, (steps,)."""

    def apply(self, step: int) -> None:
        """Do the epoch's so-and-so-many-th step, from 0 on."""


class _Decay:
    """How is an average held that decays, ``average = beta * average + news`` in each step? As ``average / scale``.

    Then what is added grows from step to step, instead of all shrinking that was added before, until numbers would
    become too large.

    Attributes:
        scale: of the average to what is held.
    """

    def __init__(self, beta: float) -> None:
        self._beta, self.scale = beta, 1.0
        self._factor: float | None = None

    def step(self) -> None:
        """Go on by one; then every array that is held is to be shrunk."""
        self.scale *= self._beta
        self._factor = None
        if self.scale < _LEAST_SCALE:
            self._factor, self.scale = self.scale, 1.0

    def shrink(self, held: Array) -> None:
        """Bring to the scale what is held, in the few steps in which that has begun anew."""
        if self._factor is not None:
            np.multiply(held, self._factor, out=held)


class _Averaging:
    """What these updates share: averages over the steps so far, and the number of steps.

    Attributes:
        blocks: of each, the values, their gradient, what is held of each average, and a place for results.
    """

    def __init__(self, values: Array, gradient: Array, averages: int) -> None:
        self.count = 0
        self._averages = [constant(len(values), 0.0) for _ in range(averages)]
        place = empty(min(len(values), _BLOCK))
        arrays = (values, gradient, *self._averages)
        bounds = [slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK)]
        self.blocks = [(*(array[bound] for array in arrays), place[: len(values[bound])]) for bound in bounds]

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
        self._decay = _Decay(self._momentum)
        self._state = _Averaging(values, gradient, 1 if self._momentum else 0)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._state.next_numbers(len(rates))
        self._rates = rates.tolist()

    def apply(self, step: int) -> None:
        rate = self._rates[step]
        if not self._momentum:
            for values, gradient, _ in self._state.blocks:
                add_multiple(gradient, values, a=-rate)
            return
        self._decay.step()
        scale = self._decay.scale
        for values, gradient, average, _ in self._state.blocks:
            self._decay.shrink(average)
            add_multiple(gradient, average, a=-rate / scale)
            if self._nesterov:
                add_multiple(gradient, values, a=-rate)
                add_multiple(average, values, a=self._momentum * scale)
            else:
                add_multiple(average, values, a=scale)


class _RootMeanSquare:
    """`keras.optimizers.RMSprop`, not centred."""

    def __init__(self, values: Array, gradient: Array, config: OptimizerConfig) -> None:
        self._rho = float(config.settings.get("rho", 0.9))
        self._epsilon = float(config.settings.get("epsilon", 1e-7))
        self._momentum = float(config.settings.get("momentum", 0.0))
        self._of_squares, self._decay = _Decay(self._rho), _Decay(self._momentum)
        self._state = _Averaging(values, gradient, 2 if self._momentum else 1)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        self._state.next_numbers(len(rates))
        self._rates = (rates / np.sqrt(1 - self._rho)).tolist()

    def apply(self, step: int) -> None:
        self._decay.step()
        self._of_squares.step()
        scale, held = self._decay.scale, self._of_squares.scale
        rate, epsilon = self._rates[step] / held**0.5, self._epsilon / (1 - self._rho) / held
        for values, gradient, squares, *average, part in self._state.blocks:
            self._of_squares.shrink(squares)
            np.multiply(gradient, gradient, out=part)
            add_multiple(part, squares, a=1 / held)
            np.add(squares, epsilon, out=part)
            np.sqrt(part, out=part)
            np.divide(gradient, part, out=part)
            if not average:
                add_multiple(part, values, a=-rate)
                continue
            self._decay.shrink(average[0])
            add_multiple(part, average[0], a=rate / scale)
            add_multiple(average[0], values, a=-scale)


class _Adam:
    """`keras.optimizers.Adam` and `AdamW`."""

    def __init__(self, values: Array, gradient: Array, config: OptimizerConfig) -> None:
        self._first = float(config.settings.get("beta_1", 0.9))
        self._second = float(config.settings.get("beta_2", 0.999))
        self._epsilon = float(config.settings.get("epsilon", 1e-7))
        self._decay, self._of_squares = _Decay(self._first), _Decay(self._second)
        self._state = _Averaging(values, gradient, 2)

    def prepare(self, rates: NDArray[np.float64]) -> None:
        numbers = self._state.next_numbers(len(rates))
        # Both averages begin at zero, which is corrected by the betas as float32 has them.
        correction = np.sqrt(1 - _rounded(self._second) ** numbers) / (1 - _rounded(self._first) ** numbers)
        self._rates = (rates * correction * (1 - self._first) / np.sqrt(1 - self._second)).tolist()

    def apply(self, step: int) -> None:
        self._decay.step()
        self._of_squares.step()
        scale, held = self._decay.scale, self._of_squares.scale
        rate, epsilon = self._rates[step] * scale / held**0.5, self._epsilon / ((1 - self._second) * held) ** 0.5
        for values, gradient, average, squares, part in self._state.blocks:
            self._decay.shrink(average)
            self._of_squares.shrink(squares)
            add_multiple(gradient, average, a=1 / scale)
            np.multiply(gradient, gradient, out=part)
            add_multiple(part, squares, a=1 / held)
            np.sqrt(squares, out=part)
            np.add(part, epsilon, out=part)
            np.divide(average, part, out=part)
            add_multiple(part, values, a=-rate)


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
