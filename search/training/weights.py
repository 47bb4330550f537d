"""As what does the optimizer see a model's weights: as they are, or as one long vector?

Most optimizers treat every number alike. Under such a one a small model's weights are laid end to end: one update takes
the place of one for each kernel and bias, which makes the graph of a step half as large, hence as long to trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from search.training.gradients import Step
from spaces.model_config import ModelConfig, OptimizerConfig

if TYPE_CHECKING:
    import keras

Forward = Callable[[], Step]
# Optimizers whose update of a number depends on that number's gradient and history alone.
ELEMENTWISE = {
    "sgd", "rmsprop", "adam", "adamw", "nadam", "adamax", "adagrad", "adadelta", "lion", "ftrl",
}  # fmt: skip
# Each step copies the vector to the layers, which beyond this costs more than the updates that it saves.
_LARGEST_FLAT = 100_000


class Weights(Protocol):
    """The trainable variables of a model, as an optimizer is given them.

    Attributes:
        variables: what the optimizer updates.
    """

    variables: list[Any]

    def load(self) -> None:
        """Take the values over from the model; called in the graph before an epoch's first step."""

    def store(self) -> None:
        """Give the values back to the model; called in the graph after an epoch's last step."""

    def gradients(self, forward: Forward) -> tuple[list[Any], Step]:
        """The gradient for each of ``variables``, beside what ``forward`` returned."""

    def show_average(self, optimizer: Any) -> None:
        """Let the model hold the moving average that the optimizer keeps."""


class Separate:
    """The model's own variables."""

    def __init__(self, model: keras.Model) -> None:
        self.variables: list[Any] = list(model.trainable_variables)

    def load(self) -> None:
        """Nothing: they are the model's."""

    def store(self) -> None:
        """Nothing: they are the model's."""

    def gradients(self, forward: Forward) -> tuple[list[Any], Step]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            step = forward()
        return tape.gradient(step.targets, [variable.value for variable in self.variables], step.upstream), step

    def show_average(self, optimizer: Any) -> None:
        optimizer.finalize_variable_values(self.variables)


class Flat:
    """All of them end to end, float32 (weights,); the model's own have the values of the end of the last epoch."""

    def __init__(self, model: keras.Model) -> None:
        import keras

        self._model, self._own = model, list(model.trainable_variables)
        self._sizes = [int(np.prod(variable.shape)) for variable in self._own]
        self._vector = keras.Variable(np.zeros(sum(self._sizes), np.float32), name="weights")
        self.variables: list[Any] = [self._vector]

    def load(self) -> None:
        import tensorflow as tf

        self._vector.assign(tf.concat([tf.reshape(variable.value, (-1,)) for variable in self._own], axis=0))

    def store(self) -> None:
        self._give(self._vector.value)

    def gradients(self, forward: Forward) -> tuple[list[Any], Step]:
        import keras
        import tensorflow as tf

        whole = self._vector.value
        with tf.GradientTape() as tape:
            tape.watch(whole)
            with keras.StatelessScope(list(zip(self._own, self._parts(whole), strict=True))) as scope:
                step = forward()
        # What else the model changes as it is called (moving means, random states) waits in the scope.
        for variable in self._model.non_trainable_variables:
            changed = scope.get_current_value(variable)
            if changed is not None:
                variable.assign(changed)
        return [tape.gradient(step.targets, whole, step.upstream)], step

    def show_average(self, optimizer: Any) -> None:
        optimizer.finalize_variable_values(self.variables)
        self._give(self._vector.value)

    def _parts(self, whole: Any) -> list[Any]:
        import tensorflow as tf

        pieces = tf.split(whole, self._sizes)
        return [tf.reshape(piece, variable.shape) for piece, variable in zip(pieces, self._own, strict=True)]

    def _give(self, whole: Any) -> None:
        for variable, part in zip(self._own, self._parts(whole), strict=True):
            variable.assign(part)


def weights_of(model: keras.Model, config: ModelConfig) -> Weights:
    """One vector for a small model under optimizers that treat every number alike, else the model's variables."""
    import keras

    own = model.trainable_variables
    optimizers = [config.optimizer] + ([config.second.optimizer] if config.second is not None else [])
    fits = (
        len(own) > 1
        and sum(int(np.prod(variable.shape)) for variable in own) <= _LARGEST_FLAT
        and all(variable.dtype == "float32" for variable in own)
        and all(_treats_alike(optimizer) for optimizer in optimizers)
        and config.max_norm is None
        # Of an embedding Keras updates the rows only that a batch has used.
        and not any(isinstance(layer, keras.layers.Embedding) for layer in model.layers)
    )
    return Flat(model) if fits else Separate(model)


def _treats_alike(optimizer: OptimizerConfig) -> bool:
    return optimizer.name in ELEMENTWISE and optimizer.clipnorm is None
