"""How does an epoch of a model that we built become a graph with as few operations as it can have?

Keras's ``train_step`` updates metrics in every step, and weights one variable after the other. Here a step holds the
model, its loss and one update (``search.training.weights``); metrics of the training are computed once, after the
epoch, from the outputs that its steps left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.dataset import Part
from search.training.compiled import CompiledLoop, as_numbers, gathered, signature_of
from search.training.gradients import Learning, learning_of
from search.training.loops import Array, Validated, validation_batch
from search.training.numbers import FreeNumbers
from search.training.phases import Phase, first_phase, set_rate
from search.training.threads import one_after_the_other
from search.training.updates import Update, in_one_operation, sizes_of, update_of
from search.training.weights import Weights, weights_of
from spaces.builders import build_optimizer
from spaces.evaluation import evaluate
from spaces.metrics import tracked
from spaces.model_config import ModelConfig
from spaces.values import is_function

if TYPE_CHECKING:
    import keras

Function = Callable[..., Any]


class LeanLoop(CompiledLoop):
    """For models of our own families: one output array, one loss, Keras's own ``train_step``.

    The model's own optimizer is left as it was compiled; the one that trains is made from the same config.
    """

    def adopt(self, fresh: keras.Model, config: ModelConfig, *, epochs: int) -> None:
        """Begin another trial in the same graph, as a loop of its own would: its model, built freshly, stays as it is.

        Args:
            fresh: of the same structure (``search.training.numbers.structure_of``).
            config: what it was built from.
        """
        optimizer = build_optimizer(config.optimizer)
        self._numbers.take(fresh, optimizer)
        self._first.optimizer.learning_rate = float(optimizer.learning_rate)
        self._take_config(config, epochs)
        self._first = self._phase = first_phase(self._first.optimizer, config, epochs)
        self.restart(fresh)

    def _create_state(self, train: Part) -> None:
        """Nothing: a model of layers has its variables from the start, and its metrics are not in the graph."""

    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        with self._executor():
            loss, outputs = self._run_epoch(order, rates)
        metrics = {"loss": float(loss)}
        names = tracked(self._setup.metrics)
        if names:  # of a regression in the units that the model has, as the loss is
            metrics |= evaluate(names, self._setup.spec.task, self._targets_of_training[order], outputs.numpy())
        return metrics

    def _run_epoch(self, order: Array, rates: Array | None) -> tuple[Any, Any]:
        """The mean loss, and the outputs in this order."""
        import tensorflow as tf

        first, batch_size = self._phase.first_epoch, self._config.batch_size
        if first not in self._functions:
            with self.watch.time("trace"):
                self._updates[first] = update_of(self._phase.optimizer)
                self._functions[first] = self._trace(self._updates[first], scheduled=rates is not None)
        sizes = sizes_of(self._updates[first], self._phase.optimizer, -(-len(order) // batch_size))
        fixed = tf.constant(order), self._no_rates if rates is None else tf.constant(rates), tf.constant(sizes)
        loss, outputs = self._functions[first](*fixed, tf.constant(batch_size), *self._train_arrays)
        return loss, outputs

    def _trace(self, update: Update | None, *, scheduled: bool) -> Function:
        """The graph of this phase's epochs, run once over no samples: what TensorFlow does at a first run is done."""
        import tensorflow as tf

        function = trace_epoch(
            self.model,
            self._weights,
            self._phase.optimizer,
            update,
            self._numbers,
            self._train_arrays,
            learning_of(self._config, self._setup.spec),
            scheduled=scheduled,
            outputs=self._setup.spec.outputs,
        )
        nothing = tf.zeros(0, tf.int32), self._no_rates, tf.zeros((0, 2))
        function(*nothing, tf.constant(1), *self._train_arrays)
        return function

    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        super()._hold(train, weights, validation)
        self._targets_of_training = np.asarray(train.y)

    def _validate(self) -> Validated:
        assert self._validation_arrays is not None, "there is no validation part"
        with self._executor():
            if self._validation_function is None:
                with self.watch.time("trace"):
                    self._validation_function = trace_scoring(
                        self.model,
                        self._numbers,
                        self._validation_arrays,
                        self._setup.spec.outputs,
                        validation_batch(self.model),
                    )
            loss, outputs = self._validation_function(*self._validation_arrays)
        return Validated(float(loss), outputs.numpy(), {})

    def _executor(self) -> AbstractContextManager[None]:
        """What runs the graphs: the executor for one thread, but for convolutions and the user's own loss.

        It runs the loop over batches as a function of its own, in which TensorFlow does not turn convolutions and
        pooling into oneDNN's: they take three times as long there. A ``tf.function`` in a user's loss is a function of
        its own too, for which it would wait for ever.
        """
        loss = self._config.loss
        usual = bool(self._config.conv) or (loss is not None and is_function(loss.name))
        return nullcontext() if usual else one_after_the_other()

    def _enter(self, phase: Phase) -> None:
        self._phase = phase

    def _first_optimizer(self) -> Any:
        self._updates: dict[int, Update | None] = {}  # by the first epoch of their phase, as the functions
        self._weights: Weights = weights_of(self.model, self._config)
        optimizer = build_optimizer(self._config.optimizer)
        optimizer.build(self._trained())
        self._numbers = FreeNumbers(self.model, optimizer)
        return optimizer

    def _restart_first(self, fresh: keras.Model) -> None:
        self._first.restart(self._trained())

    def _trained(self) -> list[Any]:
        return self._weights.variables

    def _show_average(self, optimizer: Any) -> None:
        self._weights.show_average(optimizer)


def trace_epoch(
    model: keras.Model,
    weights: Weights,
    optimizer: Any,
    update: Update | None,
    numbers: FreeNumbers,
    arrays: list[Any],
    learning: Learning,
    *,
    scheduled: bool,
    outputs: int,
) -> Function:
    """A function of (order, rates, sizes, batch_size, x, y[, sample weights]) that trains one epoch.

    It returns the mean loss and, in the order of training, the outputs (samples, outputs).

    Args:
        optimizer: built for ``weights``.
        update: the optimizer's, for which each step takes its sizes (steps, 2).
        numbers: of the model and the optimizer, which later trials may change.
        scheduled: whether each step takes its learning rate from ``rates`` (steps,).
    """
    import tensorflow as tf

    def epoch(
        order: tf.Tensor, rates: tf.Tensor, sizes: tf.Tensor, batch_size: tf.Tensor, *data: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        samples = tf.shape(order)[0]
        steps = (samples + batch_size - 1) // batch_size

        def step(index: tf.Tensor, total: tf.Tensor, parts: tf.TensorArray) -> tuple[Any, ...]:
            # A slice past the end is cut short, so the last, short batch goes through the same traced body.
            rows = order[index * batch_size : (index + 1) * batch_size]
            if scheduled:
                set_rate(optimizer, rates[index])
            count = tf.cast(tf.shape(rows)[0], tf.float32)
            batch = gathered(data, rows)
            gradients, done = weights.gradients(lambda: learning.step(model, count, *batch))
            with in_one_operation(optimizer, update, sizes, index):
                optimizer.apply(gradients, weights.variables)
            if done.loss is not None:
                total += done.loss * count
            return index + 1, total, parts.write(index, tf.cast(done.kept, tf.float32))

        weights.load()
        if update is not None:
            update.begin()
        start = (tf.constant(0), tf.constant(0.0), _parts(steps, outputs))
        with numbers.in_place():
            _, total, parts = tf.while_loop(lambda index, *_: index < steps, step, start)
        weights.store()
        predicted = learning.outputs(parts.concat())
        rest = learning.rest(predicted, *gathered(data[1:], order))
        return total / tf.cast(samples, tf.float32) + (0.0 if rest is None else rest), predicted

    steps = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None, 2), tf.float32)]
    signature = [*steps, tf.TensorSpec((), tf.int32), *map(signature_of, arrays)]
    # Called by itself, it need not be looked for among others for arguments of other kinds.
    return tf.function(epoch, input_signature=signature, autograph=False).get_concrete_function()


def trace_scoring(
    model: keras.Model, numbers: FreeNumbers, arrays: list[Any], outputs: int, batch_size: int
) -> Function:
    """A function of (x, y) that returns the mean loss and the outputs (samples, outputs), at most so many at once."""
    import tensorflow as tf

    def whole(stored: Any, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = as_numbers(stored)
        with numbers.in_place():
            predicted = model(x, training=False)
            loss = model._compute_loss(x=x, y=y, y_pred=predicted, sample_weight=None, training=False)
        return loss, tf.cast(predicted, tf.float32)

    def in_batches(x: Any, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        samples = tf.shape(y)[0]
        batches = (samples + batch_size - 1) // batch_size

        def step(index: tf.Tensor, total: tf.Tensor, parts: tf.TensorArray) -> tuple[Any, ...]:
            start, stop = index * batch_size, (index + 1) * batch_size
            some_x, some_y = tf.nest.map_structure(lambda array: array[start:stop], (x, y))
            loss, predicted = whole(some_x, some_y)
            return index + 1, total + loss * tf.cast(tf.shape(some_y)[0], tf.float32), parts.write(index, predicted)

        start = (tf.constant(0), tf.constant(0.0), _parts(batches, outputs))
        _, total, parts = tf.while_loop(lambda index, *_: index < batches, step, start)
        return total / tf.cast(samples, tf.float32), parts.concat()

    # Without a loop there is less to trace. Folds may differ by a sample or two, which does no harm.
    function = whole if len(arrays[1]) <= batch_size else in_batches
    signature = [signature_of(array) for array in arrays]
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def _parts(count: Any, width: int) -> Any:
    import tensorflow as tf

    return tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=(None, width))
