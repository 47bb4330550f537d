"""How does one epoch of training run: compiled whole where the data fits, through Keras's own ``fit`` where not?

Both loops take the same batches in the same order and give the same numbers; the trial does not know which it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Part

if TYPE_CHECKING:
    import keras

Array = NDArray[Any]
_LARGEST_VALIDATION_BATCH = 4096


class EpochLoop(Protocol):
    """Trains a compiled model one epoch at a time."""

    def train(self, order: Array) -> dict[str, float]:
        """Train on the samples in this order (a permutation, int32) and give the epoch's mean metrics."""

    def validate(self) -> dict[str, float]:
        """The metrics on the validation part, under their names without ``val_``; empty without such a part."""


def make_loop(
    model: keras.Model, train: Part, validation: Part | None, batch_size: int, in_memory_bytes: int
) -> EpochLoop:
    """The compiled loop where the data may be copied to the device, else Keras's own."""
    size = sum(part.x.nbytes + part.y.nbytes for part in (train, validation) if part is not None)
    kind = CompiledLoop if size <= in_memory_bytes else FitLoop
    return kind(model, train, validation, batch_size)


def epoch_order(seed: int, epoch: int, samples: int) -> Array:
    """The order of the samples in one epoch: int32 (samples,), the same for the same arguments anywhere."""
    return np.random.default_rng([seed, epoch]).permutation(samples).astype(np.int32)


class CompiledLoop:
    """One ``tf.function`` that runs a whole epoch over data that already lies on the device.

    ``keras.Model.fit`` crosses from Python into the graph at every batch, which for a small model takes ten times as
    long as the arithmetic. Here the loop over batches is in the graph, around the model's own ``train_step``: same
    losses, regularizers, metrics and optimizer, hence the same weights.
    """

    def __init__(self, model: keras.Model, train: Part, validation: Part | None, batch_size: int) -> None:
        import tensorflow as tf

        _create_state(model, train)
        self._train = self._compile(model, model.train_step, train, batch_size)
        self._validate = None
        if validation is not None:
            rows = min(len(validation), max(batch_size, _LARGEST_VALIDATION_BATCH))
            self._order = tf.range(len(validation))
            self._validate = self._compile(model, model.test_step, validation, rows)

    def train(self, order: Array) -> dict[str, float]:
        return _numbers(self._train(order))

    def validate(self) -> dict[str, float]:
        return _numbers(self._validate(self._order)) if self._validate is not None else {}

    @staticmethod
    def _compile(model: keras.Model, step: Any, part: Part, batch_size: int) -> Any:
        import tensorflow as tf

        x, y = tf.constant(part.x), tf.constant(part.y)

        def epoch(order: tf.Tensor) -> Mapping[str, tf.Tensor]:
            model.reset_metrics()
            # A slice past the end is cut short, so the last, short batch goes through the same traced body.
            for start in tf.range(0, tf.shape(order)[0], batch_size):
                rows = order[start : start + batch_size]
                step((tf.gather(x, rows), tf.gather(y, rows)))
            return model.get_metrics_result()

        return tf.function(epoch, input_signature=[tf.TensorSpec((None,), tf.int32)])


class FitLoop:
    """Keras's own ``fit``, one epoch a call, reading batches from arrays that may be memory maps."""

    def __init__(self, model: keras.Model, train: Part, validation: Part | None, batch_size: int) -> None:
        self._model, self._part, self._validation = model, train, validation
        self._batch_size = batch_size

    def train(self, order: Array) -> dict[str, float]:
        history = self._model.fit(_batches(self._part, order, self._batch_size), verbose=0, shuffle=False)
        return {name: float(values[-1]) for name, values in history.history.items()}

    def validate(self) -> dict[str, float]:
        if self._validation is None:
            return {}
        rows = max(self._batch_size, _LARGEST_VALIDATION_BATCH)
        batches = _batches(self._validation, np.arange(len(self._validation), dtype=np.int32), rows)
        return _numbers(self._model.evaluate(batches, verbose=0, return_dict=True))


def _create_state(model: keras.Model, train: Part) -> None:
    """Make every variable before tracing: a ``tf.function`` may not make them inside its loop."""
    x, y = train.x[:1], train.y[:1]
    predicted = model(x, training=False)
    model.compute_loss(x=x, y=y, y_pred=predicted)
    model.compute_metrics(x, y, predicted)
    model.optimizer.build(model.trainable_variables)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _batches(part: Part, order: Array, batch_size: int) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(order) // batch_size)

        def __getitem__(self, index: int) -> tuple[Array, Array]:
            rows = order[index * batch_size : (index + 1) * batch_size]
            return part.x[rows], part.y[rows]

    return Batches()
