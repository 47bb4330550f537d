"""How does a whole epoch run as one TensorFlow function, over data that already lies on the device?

``keras.Model.fit`` crosses from Python into the graph at every batch, which for a small model takes ten times as long
as the arithmetic. Here the loop over batches is in the graph, around the model's own ``train_step``: same losses,
regularizers, metrics and optimizer, hence the same weights. The arrays are arguments, so that one traced function
serves all folds of a cross-validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.dataset import Part
from search.data.pixels import SCALE, numbers_of
from search.training.loops import Array, EpochLoop, Validated, fits, is_own, own_metrics, rows_of, validation_batch
from search.training.phases import set_rate
from search.training.restart import unchanged

if TYPE_CHECKING:
    import keras

Function = Callable[..., Any]
_ALIGNED = 64  # bytes; where TensorFlow's arithmetic wants an array to begin, and NumPy's files have it begin


class CompiledLoop(EpochLoop):
    """One ``tf.function`` for training under each optimizer, and one for validation."""

    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        import tensorflow as tf

        if not hasattr(self, "_functions"):
            self._create_state(train)
            self._functions: dict[int, Function] = {}
            self._validation_function: Function | None = None
        arrays = [train.x, train.y] if weights is None else [train.x, train.y, weights]
        self._train_arrays = [to_device(array) for array in arrays]
        self._validation_arrays = None if validation is None else [to_device(validation.x), to_device(validation.y)]
        self._no_rates = tf.zeros((0,))

    def _create_state(self, train: Part) -> None:
        """Make every variable before tracing: a ``tf.function`` may not make them inside its loop."""

        model = self.model
        x, y = numbers_of(rows_of(train.x, slice(1))), np.asarray(train.y[:1])
        with unchanged(self._drawn):
            predicted = model(x, training=False)
        if model._compile_loss is not None:
            model.compute_loss(x=x, y=y, y_pred=predicted)
            model.compute_metrics(x, y, predicted)
            model.reset_metrics()
        model.optimizer.build(model.trainable_variables)

    def release(self) -> None:
        super().release()
        self._train_arrays, self._validation_arrays = [], None

    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        function = self._functions.get(self._phase.first_epoch)
        if function is None:
            function = trace_training(
                self.model, self._config.batch_size, self._train_arrays, scheduled=rates is not None
            )
            self._functions[self._phase.first_epoch] = function
        metrics = function(order, self._no_rates if rates is None else rates, *self._train_arrays)
        return {name: float(value) for name, value in metrics.items()}

    def _validate(self) -> Validated:
        assert self._validation_arrays is not None, "there is no validation part"
        if self._validation_function is None:
            measures = is_own(self.model, "test_step") or bool(self._own_names())
            self._validation_function = trace_validation(
                self.model, validation_batch(self.model), self._validation_arrays, self._setup, measures=measures
            )
        loss, outputs, metrics = self._validation_function(*self._validation_arrays)
        found = outputs.numpy() if outputs.shape.rank == 2 else None
        own = own_metrics(metrics, self._setup)
        return Validated(float(metrics.get("loss", loss)), found, own)

    def _own_names(self) -> set[str]:
        """Metrics that the model was compiled with, beyond the study's."""
        return set(self.model.get_metrics_result()) - {"loss", *self._setup.metrics}


def trace_training(model: keras.Model, batch_size: int, arrays: list[Any], *, scheduled: bool) -> Function:
    """A function of (order, rates, x, y[, weights]) that trains one epoch and returns its metrics."""
    import tensorflow as tf

    optimizer, own = model.optimizer, is_own(model, "train_step")

    def step(order: tf.Tensor, rates: tf.Tensor, start: tf.Tensor, data: Any) -> Any:
        # A slice past the end is cut short, so the last, short batch goes through the same traced body.
        rows = order[start : start + batch_size]
        if scheduled:
            set_rate(optimizer, rates[start // batch_size])
        return model.train_step(gathered(data, rows))

    def epoch(order: tf.Tensor, rates: tf.Tensor, *data: Any) -> Mapping[str, tf.Tensor]:
        model.reset_metrics()
        for start in tf.range(0, tf.shape(order)[0], batch_size):
            step(order, rates, start, data)
        return model.get_metrics_result()

    def own_epoch(order: tf.Tensor, rates: tf.Tensor, *data: Any) -> Mapping[str, tf.Tensor]:
        # A model's own train_step may return what no metric of it holds: then, as in fit, the last batch's counts.
        model.reset_metrics()
        last = (tf.shape(order)[0] - 1) // batch_size * batch_size
        for start in tf.range(0, last, batch_size):
            step(order, rates, start, data)
        return _results(model, step(order, rates, last, data))

    signature = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32), *map(signature_of, arrays)]
    return tf.function(own_epoch if own else epoch, input_signature=signature)


def trace_validation(model: keras.Model, batch_size: int, arrays: list[Any], setup: Any, *, measures: bool) -> Function:
    """A function of (x, y) that returns the loss, the outputs (a scalar where they are no array) and own metrics.

    Args:
        measures: whether the model has a ``test_step`` or metrics of its own, which are then asked for both.
    """
    import tensorflow as tf

    with_outputs = fits(_outputs_of_one(model, arrays[0]), setup)
    takes_training = model._call_has_training_arg

    def batch(x: Any, y: tf.Tensor, start: tf.Tensor) -> tuple[Any, tf.Tensor]:
        stop = start + batch_size
        return as_numbers(tf.nest.map_structure(lambda array: array[start:stop], x)), y[start:stop]

    def outputs_and_loss(x: Any, y: tf.Tensor) -> tuple[Any, tf.Tensor]:
        outputs = model(x, training=False) if takes_training else model(x)
        return outputs, model._compute_loss(x=x, y=y, y_pred=outputs, sample_weight=None, training=False)

    def validate(x: Any, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        samples = tf.shape(y)[0]
        batches = (samples + batch_size - 1) // batch_size
        parts = tf.TensorArray(tf.float32, batches, infer_shape=False, element_shape=(None, setup.spec.outputs))
        loss = 0.0
        for index in tf.range(batches):
            some_x, some_y = batch(x, y, index * batch_size)
            outputs, one = outputs_and_loss(some_x, some_y)
            loss += one * tf.cast(tf.shape(some_y)[0], tf.float32)
            parts = parts.write(index, tf.cast(outputs, tf.float32))
        return loss / tf.cast(samples, tf.float32), parts.concat(), {}

    def predict(x: Any, y: tf.Tensor) -> tf.Tensor:
        batches = (tf.shape(y)[0] + batch_size - 1) // batch_size
        parts = tf.TensorArray(tf.float32, batches, infer_shape=False, element_shape=(None, setup.spec.outputs))
        for index in tf.range(batches):
            some_x, _ = batch(x, y, index * batch_size)
            outputs = model(some_x, training=False) if takes_training else model(some_x)
            parts = parts.write(index, tf.cast(outputs, tf.float32))
        return parts.concat()

    def own_validate(x: Any, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        outputs = predict(x, y) if with_outputs else tf.zeros(())
        model.reset_metrics()
        last = (tf.shape(y)[0] - 1) // batch_size * batch_size
        for start in tf.range(0, last, batch_size):
            model.test_step(batch(x, y, start))
        metrics = dict(_results(model, model.test_step(batch(x, y, last))))
        return metrics.get("loss", tf.constant(float("nan"))), outputs, metrics

    plain = with_outputs and not measures
    return tf.function(validate if plain else own_validate, input_signature=[signature_of(array) for array in arrays])


def _results(model: keras.Model, logs: Mapping[str, Any]) -> Mapping[str, Any]:
    """An epoch's metrics as ``fit`` has them: the model's trackers where they hold what a step returns, else that."""
    tracked = model.get_metrics_result()
    return tracked if isinstance(logs, Mapping) and set(logs) == set(tracked) else logs


def _outputs_of_one(model: keras.Model, x: Any) -> Any:
    import tensorflow as tf

    return model(as_numbers(tf.nest.map_structure(lambda array: array[:1], x)), training=False)


def gathered(data: Any, rows: Any) -> Any:
    """In a graph: some rows of all arrays of a structure, as a model is given them."""
    import tensorflow as tf

    return as_numbers(tf.nest.map_structure(lambda array: tf.gather(array, rows), data))


def as_numbers(stored: Any) -> Any:
    """For tensors what `search.data.pixels.numbers_of` is, to the bit."""
    import tensorflow as tf

    def numbers(one: Any) -> Any:
        return tf.cast(one, tf.float32) * SCALE if one.dtype == tf.uint8 else one

    return tf.nest.map_structure(numbers, stored)


def to_device(arrays: Any) -> Any:
    """Arrays as tensors. Those that are mapped from files are not copied, unless a GPU is to have them.

    A GPU has images as numbers: not all of TensorFlow's operations take bytes there.
    """
    import tensorflow as tf

    gpu = bool(tf.config.list_physical_devices("GPU"))

    def tensor(array: Any) -> Any:
        if not gpu and isinstance(array, np.memmap) and array.flags.writeable and array.ctypes.data % _ALIGNED == 0:
            return tf.experimental.dlpack.from_dlpack(np.asarray(array).__dlpack__())
        return tf.constant(numbers_of(array) if gpu else np.asarray(array))

    return tf.nest.map_structure(tensor, dict(arrays) if isinstance(arrays, Mapping) else arrays)


def signature_of(arrays: Any) -> Any:
    """What an array (or a dict of them) is to a graph that takes any number of samples."""
    import tensorflow as tf

    return tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), arrays)
