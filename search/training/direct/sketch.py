"""With which weights and random states would Keras's model of a dense network begin?

Found without making the model, which takes Keras 60 ms: longer than a small one trains for an epoch.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from search.messages import WorkerSetup
from search.training.direct.arrays import Array, constant
from search.training.direct.philox import uniform
from search.training.direct.scope import widths_of
from spaces.builders import build, build_optimizer
from spaces.model_config import ModelConfig

if TYPE_CHECKING:
    import keras

_BIAS = (0.0,)
_NORMALISED = (1.0, 0.0, 0.0, 1.0)  # scale, offset, moving mean and variance


@dataclass(frozen=True)
class Dropped:
    """A dropout layer: the share that it drops, and the seed of what it draws."""

    rate: float
    seed: int


class Sketch:
    """Stands in for a ``keras.Model`` of the families ``linear`` and ``mlp`` on numbers, until that is wanted itself.

    Attributes:
        dropouts: of the inputs and of each hidden layer, or None.
        learning_rate: the optimizer's own.
    """

    def __init__(self, config: ModelConfig, setup: WorkerSetup, *, seed: int) -> None:
        """The same arguments give weights and masks as `spaces.builders.build` does, whose order is followed here."""
        self._config, self._setup, self._seed = config, setup, seed
        random.seed(seed)  # from which Keras draws each layer's seed
        self.dropouts = [_dropped(config.input_dropout)]
        self._weights: list[Array] = []
        *shapes, last = pairwise(widths_of(config, setup.spec))
        for layer, shape in zip(config.hidden, shapes, strict=True):
            self._weights.append(_kernel(config, shape))
            of_units = _NORMALISED if layer.batch_norm else _BIAS
            self._weights += [constant(layer.units, value) for value in of_units]
            self.dropouts.append(_dropped(layer.dropout))
        self._weights += [_kernel(config, last), constant(setup.spec.outputs, 0.0)]
        rate = config.optimizer.learning_rate
        self.learning_rate = float(
            build_optimizer(config.optimizer).learning_rate if rate is None else np.float32(rate)
        )

    def get_weights(self) -> list[Array]:
        """As ``keras.Model.get_weights`` gives them."""
        return [array.copy() for array in self._weights]

    def set_weights(self, weights: list[Array]) -> None:
        """As ``keras.Model.set_weights`` takes them."""
        self._weights = [array.copy() for array in weights]

    def count_params(self) -> int:
        """How many numbers the weights are."""
        return sum(array.size for array in self._weights)

    def make(self) -> keras.Model:
        """The model itself, with these weights."""
        model = build(self._config, self._setup.spec, self._setup.metrics, seed=self._seed)
        model.set_weights(self._weights)
        return model


def _kernel(config: ModelConfig, shape: tuple[int, int]) -> Array:
    import keras

    initializer: Any = keras.initializers.get(config.kernel_initializer)
    if isinstance(initializer, keras.initializers.VarianceScaling) and initializer.distribution == "uniform":
        # Drawn here, a trial has no use for TensorFlow, whose first operation in a process takes 0.1 s.
        fan_in, fan_out = shape
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[initializer.mode]
        return uniform(initializer.seed, shape, math.sqrt(3 * initializer.scale / max(1.0, fan)))
    return np.asarray(initializer(shape, dtype="float32"))


def _dropped(rate: float) -> Dropped | None:
    return Dropped(rate, random.randint(1, 10**9)) if rate else None  # as Keras draws one
