"""How does a dense network train an epoch in NumPy, and which networks does it train so?"""

from __future__ import annotations

import itertools
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.direct.activations import ACTIVATIONS
from search.training.direct.arrays import Array, constant, empty, on_one_thread
from search.training.direct.layers import Network, move
from search.training.direct.losses import OutputGradient, columns_of, mean_loss, outputs_of
from search.training.direct.masks import Masks
from search.training.direct.parameters import Parameters
from search.training.direct.penalty import Penalty
from search.training.direct.sketch import Sketch, count_weights, widths_of
from search.training.direct.updates import Update, has_update, make_update
from search.training.gradients import is_task_loss
from search.training.loops import EpochLoop, Validated
from spaces.data_spec import DataSpec
from spaces.evaluation import evaluate
from spaces.metrics import tracked
from spaces.model_config import ModelConfig

# Products of a weight and a sample in one step, and in a training whose steps are larger: from there on TensorFlow's
# graphs are faster, by a tenth to a fifth of a step, and that makes up for the half second in which one is traced.
_MOST_PRODUCTS, _MOST_PRODUCTS_IN_ALL = 2**22, 2.5e10
_PRODUCTS_OF_A_DRAW = 200  # that take as long as drawing a number for dropout takes longer than in TensorFlow
_CHUNK_NUMBERS = 2**18  # float32 that are made ready for the steps ahead
_VALIDATION_NUMBERS = 2**19
_LARGEST_VALIDATION = 4096


def can_train(config: ModelConfig, setup: WorkerSetup, *, steps: int) -> bool:
    """Whether this loop trains the model: a small dense network in float32, on one thread of a processor.

    All else is left to TensorFlow: every layer, loss and optimizer of Keras, and networks so large that to hand out the
    operations takes no time beside doing them.

    Args:
        steps: the most that the training will have.
    """
    import tensorflow as tf

    return (
        config.family in ("linear", "mlp")
        and config.precision == "float32"
        and config.max_norm is None
        and config.second is None
        and not config.residual
        and 0 <= config.leaky_slope <= 1
        and all(layer.activation in ACTIVATIONS and not layer.layer_norm for layer in config.hidden)
        and _comes_as_numbers(setup.spec, config)
        and _is_small(config, setup.spec, steps)
        and is_task_loss(config.loss, setup.spec)
        and has_update(config.optimizer)
        and setup.threads == 1
        and not tf.config.list_physical_devices("GPU")
    )


def _is_small(config: ModelConfig, spec: DataSpec, steps: int) -> bool:
    drawn = sum(layer.units for layer in config.hidden if layer.dropout)
    drawn += widths_of(config, spec)[0] if config.input_dropout else 0
    of_a_step = config.batch_size * (count_weights(config, spec) + _PRODUCTS_OF_A_DRAW * drawn)
    return of_a_step <= _MOST_PRODUCTS or steps * of_a_step <= _MOST_PRODUCTS_IN_ALL


def _comes_as_numbers(spec: DataSpec, config: ModelConfig) -> bool:
    """Whether what the first dense layer is given is the one input as it is."""
    only = spec.inputs[0]
    plain = only.kind != "tokens" and not only.masked and (only.kind != "image" or config.augment is None)
    return len(spec.inputs) == 1 and plain


class DirectLoop(EpochLoop):
    """For models that ``can_train`` names, of which there is a sketch until one is to be saved."""

    model: Sketch

    @classmethod
    def new_model(cls, config: ModelConfig, setup: WorkerSetup, *, seed: int) -> Sketch:
        """See `EpochLoop.new_model`."""
        return Sketch(config, setup, seed=seed)

    def weights(self) -> list[Any]:
        """See `EpochLoop.weights`."""
        return self._parameters.snapshot()

    def set_weights(self, weights: list[Any]) -> None:
        """See `EpochLoop.set_weights`."""
        super().set_weights(weights)
        self._parameters.load(weights)

    def averaged(self) -> AbstractContextManager[None]:
        """See `EpochLoop.averaged`; no optimizer here keeps an average."""
        return nullcontext()

    @property
    def can_restart(self) -> bool:
        """See `EpochLoop.can_restart`."""
        return True

    def restart(self, fresh: Sketch) -> None:
        """See `EpochLoop.restart`."""
        self.model = fresh
        self._begin()
        self._forget()
        self._first.restart()

    def _drawn_without_training(self) -> list[Any]:
        return []

    def _first_optimizer(self) -> Any:
        self._parameters = Parameters(self._config, self._setup.spec)
        self._inputs = self._parameters.layers[0].inputs
        self._penalty = Penalty(self._parameters, self._config) if self._config.l1 or self._config.l2 else None
        width = self._inputs + sum(layer.units for layer in self._parameters.layers)
        self._steps_ahead = max(1, _CHUNK_NUMBERS // (self._config.batch_size * width))
        self._validated_at_once = max(32, min(_LARGEST_VALIDATION, _VALIDATION_NUMBERS // width))
        self._place, self._plain = empty((0, 0)), empty((0, 0))
        self._networks: dict[int, tuple[Network, OutputGradient]] = {}
        self._begin()
        return SimpleNamespace(learning_rate=self.model.learning_rate)

    def _begin(self) -> None:
        """Take the model's weights and random states, and forget what an update remembers."""
        parameters = self._parameters
        parameters.load(self.model.get_weights())
        widths = [self._inputs, *(layer.units for layer in self._config.hidden)]
        self._masks = [
            None if dropped is None else Masks(dropped, units)
            for dropped, units in zip(self.model.dropouts, widths, strict=True)
        ]
        self._update: Update = make_update(parameters.values, parameters.gradient, self._config.optimizer)

    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        self._x, self._y = _rows(train.x), np.asarray(train.y)
        self._sample_weights = weights
        self._validation_x = None if validation is None else _rows(validation.x)

    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        spec, config, samples = self._setup.spec, self._config, len(order)
        steps = -(-samples // config.batch_size)
        learning_rates = np.full(steps, float(self._phase.optimizer.learning_rate)) if rates is None else rates
        self._update.prepare(learning_rates.astype(np.float64))
        decays = 1 - config.optimizer.weight_decay * learning_rates.astype(np.float64)
        logits, penalties = empty((samples, spec.outputs)), 0.0
        with on_one_thread():
            for first in range(0, steps, self._steps_ahead):
                some = slice(first, min(first + self._steps_ahead, steps))
                rows = slice(some.start * config.batch_size, some.stop * config.batch_size)
                penalties += self._train_some(order[rows], logits[rows], some, decays.tolist())
            y, weights = self._y[order], _of(self._sample_weights, order)
            metrics = {"loss": mean_loss(spec.task, logits, y, weights) + penalties / samples}
            names = tracked(self._setup.metrics)
            if names:
                metrics |= evaluate(names, spec.task, y, outputs_of(spec.task, logits))
        return metrics

    def _train_some(self, order: Array, logits: Array, steps: slice, decays: list[float]) -> float:
        """Do some of an epoch's steps: train on these samples, and write the logits that they had.

        Args:
            steps: which of the epoch's they are.

        Returns:
            The penalties of these steps, each times its samples.
        """
        config, spec, parameters = self._config, self._setup.spec, self._parameters
        batch, samples, values = config.batch_size, len(order), parameters.values
        x = self._inputs_of(self._x, order)
        targets = _turned(columns_of(spec.task, self._y[order], spec.outputs), batch)
        weights = _of(self._sample_weights, order)
        first, *hidden = [
            None if one is None else one.draw(steps.stop - steps.start, batch)[:samples] for one in self._masks
        ]
        if first is not None:
            x[:, : self._inputs] *= first
        masks = [itertools.repeat(None) if one is None else _turned(one, batch) for one in hidden]
        moments = [empty((len(targets), *norm.moving.shape)) for norm in parameters.norms]
        total = 0.0
        for index, now in enumerate(zip(targets, *masks, strict=False)):
            start, stop = index * batch, min((index + 1) * batch, samples)
            network, gradient = self._network(stop - start)
            found = network.forward(x[start:stop].T, now[1:])
            logits[start:stop] = found.T
            network.backward(gradient.of(found, now[0], None if weights is None else weights[start:stop]))
            for kept, layer in zip(moments, network.norms, strict=True):
                kept[index] = layer.moments
            if self._penalty is not None:
                total += (stop - start) * self._penalty.add()
            if config.optimizer.weight_decay:
                np.multiply(values, decays[steps.start + index], values)
            self._update.apply(steps.start + index)
        for kept, norm in zip(moments, parameters.norms, strict=True):
            move(norm.moving, kept)
        return total

    def _validate(self) -> Validated:
        assert self._validation is not None, "there is no validation part"
        assert self._validation_x is not None, "there is no validation part"
        spec, y = self._setup.spec, np.asarray(self._validation.y)
        logits = empty((len(y), spec.outputs))
        with on_one_thread():
            for start in range(0, len(y), self._validated_at_once):
                rows = slice(start, min(start + self._validated_at_once, len(y)))
                network, _ = self._network(rows.stop - rows.start)
                x = self._inputs_of(self._validation_x, np.arange(rows.start, rows.stop))
                logits[rows] = network.predict(x.T).T
            loss = mean_loss(spec.task, logits, y)
            if self._penalty is not None:
                loss += self._penalty.value()
            return Validated(loss, outputs_of(spec.task, logits), {})

    def _network(self, samples: int) -> tuple[Network, OutputGradient]:
        """Places for batches of so many samples: an epoch has full ones and a short one, and there is validation."""
        found = self._networks.get(samples)
        if found is None:
            spec = self._setup.spec
            found = Network(self._parameters, self._config, samples), OutputGradient(spec.task, spec.outputs, samples)
            self._networks[samples] = found
        return found

    def _inputs_of(self, x: Array, rows: Any) -> Array:
        """These rows, with a one behind each where the first layer has a bias; the next call writes them over."""
        if len(self._place) < len(rows):
            # Memory that is new to the process takes longer to get than to fill.
            self._place = constant((len(rows), self._inputs + self._parameters.layers[0].has_bias), 1.0)
            self._plain = empty((len(rows), self._inputs))
        plain, out = self._plain[: len(rows)], self._place[: len(rows)]
        np.take(x, rows, axis=0, out=plain, mode="clip")  # another mode goes through a copy
        out[:, : self._inputs] = plain
        return out


def _rows(x: Any) -> Array:
    """Samples as the rows of a matrix, not copied."""
    (array,) = x.values() if isinstance(x, dict) else (x,)
    return np.asarray(array).reshape(len(array), -1)


def _of(weights: Array | None, rows: Any) -> Array | None:
    return None if weights is None else weights[rows]


def _turned(array: Array, batch: int) -> list[Array]:
    """A matrix (samples, width) in batches, each turned to (width, batch) and contiguous; the last may be short."""
    whole = len(array) // batch * batch
    full = np.ascontiguousarray(array[:whole].reshape(-1, batch, array.shape[1]).transpose(0, 2, 1))
    rest = [np.ascontiguousarray(array[whole:].T)] if whole < len(array) else []
    return [*full, *rest]
