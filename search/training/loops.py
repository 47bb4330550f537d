"""How does one epoch of training run: compiled whole where the data fits, through Keras's own ``fit`` where not?

Both loops take the same batches in the same order and give the same numbers; the trial does not know which it has.
``fit`` serves data too large to hold, and Keras on another backend than TensorFlow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.stopwatch import Stopwatch
from search.training.balance import sample_weights
from search.training.phases import Phase, averaged_weights, first_phase, second_phase
from search.training.restart import can_restart, drawn_without_training, restart, restart_optimizer, unchanged
from spaces.builders import build
from spaces.evaluation import evaluate
from spaces.metrics import Direction
from spaces.model_config import ModelConfig
from spaces.thresholds import best_threshold

if TYPE_CHECKING:
    import keras

Array = NDArray[Any]
_LARGEST_VALIDATION_BATCH = 4096
_VALIDATION_BYTES = 256 * 2**20  # that one layer's activations may take


@dataclass(frozen=True)
class Validated:
    """What a pass over a part comes to.

    Attributes:
        loss: the mean over all samples, regularization included.
        outputs: float32 (samples, outputs); None for a model whose outputs are not one array of that shape.
        own: metrics that the model computes by itself, by name.
    """

    loss: float
    outputs: Array | None
    own: Mapping[str, float]


class EpochLoop(ABC):
    """Trains a compiled model one epoch at a time.

    Attributes:
        model: the one that is trained.
        watch: has the time of ``train`` and ``validate``, and of ``trace`` where that is a step of its own.
        threshold: above which probability a sample was of the second class in the last validation, where
            ``setup.threshold`` has it chosen; None else.
        outputs: of the last validation, float32 (samples, outputs).
    """

    threshold: float | None
    outputs: Array | None

    def __init__(
        self,
        model: keras.Model,
        config: ModelConfig,
        train: Part,
        validation: Part | None,
        setup: WorkerSetup,
        *,
        epochs: int,
    ) -> None:
        """``epochs``: the most that will be trained, over which some schedules stretch."""
        self.model, self._setup, self.watch = model, setup, Stopwatch()
        self._take_config(config, epochs)
        self._drawn = self._drawn_without_training()
        self._forget()
        self._phase = self._first = first_phase(self._first_optimizer(), config, epochs)
        self._second: Phase | None = None
        self.set_data(train, validation)

    @classmethod
    def new_model(cls, config: ModelConfig, setup: WorkerSetup, *, seed: int) -> Any:
        """A model for this loop: the ``keras.Model`` that `spaces.builders.build` builds, or what stands in for it."""
        return build(config, setup.spec, setup.metrics, seed=seed)

    def train(self, order: Array) -> dict[str, float]:
        """Train on the samples in this order (a permutation, int32) and give the epoch's mean metrics."""
        self._epoch += 1
        if self._config.second is not None and self._epoch == self._config.second.from_epoch:
            if self._second is None:
                self._second = second_phase(self._trained(), self._config, self._epochs)
            else:
                self._second.restart(self._trained())
            self._enter(self._second)
        rates = self._phase.rates_of(self._epoch, -(-len(order) // self._config.batch_size))
        with self.watch.time("train"):
            metrics = self._train(order, rates)
        if self._reports_rate:
            metrics["learning_rate"] = float(self._phase.optimizer.learning_rate if rates is None else rates[-1])
        if self._validation is None:
            self._look_for_plateau(metrics["loss"], "minimize")
        return metrics

    def validate(self) -> dict[str, float]:
        """The metrics on the whole validation part, under their names without ``val_``; empty without such a part.

        Those of a regression are in the target's own units; the loss is as the model has it.
        """
        if self._validation is None:
            return {}
        with self.watch.time("validate"), unchanged(self._drawn):
            return self._measured(self._validate())

    def _measured(self, done: Validated) -> dict[str, float]:
        setup = self._setup
        self.outputs, metrics = done.outputs, {"loss": done.loss, **done.own}
        if done.outputs is not None:
            if setup.threshold is not None:
                self.threshold = best_threshold(setup.threshold, self._targets, done.outputs)
            metrics |= measure(setup, self._targets, done.outputs, self.threshold)
        watched = setup.objective.removeprefix("val_")
        if setup.objective.startswith("val_") and watched in metrics:
            self._look_for_plateau(metrics[watched], setup.direction)
        else:
            self._look_for_plateau(metrics["loss"], "minimize")
        return metrics

    def weights(self) -> list[Array]:
        """A copy of the weights, as ``keras.Model.get_weights`` gives them."""
        found: list[Array] = self.model.get_weights()
        return found

    def set_weights(self, weights: list[Array]) -> None:
        """Go on with these weights, which the model then has too."""
        self.model.set_weights(weights)

    def averaged(self) -> AbstractContextManager[None]:
        """Inside, the model holds the moving average of its weights, where its optimizer keeps one."""
        return averaged_weights(self.model, self._phase.optimizer, self._show_average)

    def set_data(self, train: Part, validation: Part | None) -> None:
        """Train and validate on other arrays, of the same shapes of sample; nothing is traced again."""
        spec = self._setup.spec
        self._validation = validation
        weights = sample_weights(train.y, spec.task, spec.outputs, self._config, self._setup.class_weight)
        if validation is not None:
            self._targets = raw_targets(validation.y, self._setup)
        self._hold(train, weights, validation)

    def release(self) -> None:
        """Let go of the arrays: a loop that is kept must not keep them. ``set_data`` gives it others."""
        self._validation = None

    @property
    def can_restart(self) -> bool:
        """Whether `restart` can be: all of the model's state is known."""
        return can_restart(self.model)

    def restart(self, fresh: keras.Model) -> None:
        """Begin a new training with the weights and random states of a freshly built model; nothing is traced again."""
        if self._phase is not self._first:
            self._enter(self._first)
        restart(self.model, fresh)
        self._restart_first(fresh)
        self._forget()

    def _forget(self) -> None:
        self._epoch, self.threshold, self.outputs = 0, None, None

    def _take_config(self, config: ModelConfig, epochs: int) -> None:
        self._config, self._epochs = config, epochs
        optimizers = [config.optimizer] + ([config.second.optimizer] if config.second is not None else [])
        self._reports_rate = any(optimizer.schedule is not None for optimizer in optimizers)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self.model.optimizer = phase.optimizer

    def _drawn_without_training(self) -> list[Any]:
        """The random states that a look at the model changes."""
        return drawn_without_training(self.model)

    def _first_optimizer(self) -> Any:
        """That of ``config.optimizer``."""
        return self.model.optimizer

    def _restart_first(self, fresh: keras.Model) -> None:
        """Put the first phase back to its beginning."""
        restart_optimizer(self.model, fresh)
        self._first.restart()

    def _trained(self) -> list[Any]:
        """The variables that optimizers update."""
        return list(self.model.trainable_variables)

    def _show_average(self, optimizer: Any) -> None:
        optimizer.finalize_variable_values(self.model.trainable_variables)

    def _look_for_plateau(self, value: float, direction: Direction) -> None:
        if self._phase.plateau is not None:
            self._phase.plateau = self._phase.plateau.after(value, direction)

    @abstractmethod
    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        """Keep the arrays at hand; ``weights``: what each training sample counts."""

    @abstractmethod
    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        """Train one epoch, its steps at these learning rates."""

    @abstractmethod
    def _validate(self) -> Validated:
        """Run the validation part through the model."""


def loop_kind(
    config: ModelConfig,
    setup: WorkerSetup,
    train: Part,
    validation: Part | None,
    *,
    epochs: int,
    in_memory_bytes: int,
) -> type[EpochLoop]:
    """In NumPy where that can be, else compiled, or ``fit`` on another backend or data too large for the device."""
    import keras

    from search.training.compiled import CompiledLoop
    from search.training.direct.loop import DirectLoop
    from search.training.direct.scope import can_train
    from search.training.fitting import FitLoop
    from search.training.lean import LeanLoop

    size = sum(nbytes(part) for part in (train, validation) if part is not None)
    if keras.backend.backend() != "tensorflow" or size > in_memory_bytes:
        return FitLoop
    # A model of the user's own may have several outputs, losses and metrics, and float16 wants its loss scaled, all of
    # which Keras's step knows how to treat; and the lean one keeps an epoch's outputs.
    outputs = 4 * len(train) * setup.spec.outputs
    if config.custom is not None or config.precision == "mixed_float16" or size + outputs > in_memory_bytes:
        return CompiledLoop
    steps = epochs * -(-len(train) // config.batch_size)
    return DirectLoop if can_train(config, setup, steps=steps) else LeanLoop


def epoch_order(seed: int, epoch: int, samples: int) -> Array:
    """The order of the samples in one epoch: int32 (samples,), the same for the same arguments anywhere."""
    return np.random.default_rng([seed, epoch]).permutation(samples).astype(np.int32)


def measure(setup: WorkerSetup, targets: Array, outputs: Array, threshold: float | None) -> dict[str, float]:
    """The study's metrics of a whole part; ``targets`` as ``raw_targets`` gives them."""
    if setup.target_std is not None:
        outputs = outputs.astype(np.float64) * setup.target_std + setup.target_mean
    return evaluate(setup.metrics, setup.spec.task, targets, outputs, 0.5 if threshold is None else threshold)


def raw_targets(y: Array, setup: WorkerSetup) -> Array:
    """Targets as metrics take them: class indices as they are, a regression's in its own units."""
    if setup.target_std is None:
        return np.asarray(y)
    return np.asarray(y, np.float64) * setup.target_std + setup.target_mean


def nbytes(part: Part) -> int:
    """Bytes of a part's arrays on a device, where all numbers are of 32 bits."""
    return sum(4 * array.size for array in (*inputs(part), part.y))


def inputs(part: Part) -> list[Array]:
    """The arrays of a part's inputs."""
    return list(part.x.values()) if isinstance(part.x, Mapping) else [part.x]


def rows_of(x: Any, rows: Any) -> Any:
    """Some rows of one input, or of each of several."""
    return {name: array[rows] for name, array in x.items()} if isinstance(x, Mapping) else x[rows]


def validation_batch(model: keras.Model) -> int:
    """Samples that may go through the model at once: up to 4096, fewer where a layer's activations are large."""
    widest = 1
    for layer in model.layers:
        try:
            shape = layer.output.shape
        except (AttributeError, ValueError):  # several outputs, or a layer that was called from Python code
            continue
        widest = max(widest, int(np.prod([size or 1 for size in shape[1:]])))
    return max(32, min(_LARGEST_VALIDATION_BATCH, _VALIDATION_BYTES // (4 * widest)))


def is_own(model: keras.Model, method: str) -> bool:
    """Whether the model's class brings its own ``train_step`` or ``test_step``."""
    import keras

    return getattr(type(model), method) is not getattr(keras.Model, method)


def fits(outputs: Any, setup: WorkerSetup) -> bool:
    """Whether a model's outputs are one array (samples, outputs) as the task has it."""
    return getattr(outputs, "shape", None) is not None and tuple(outputs.shape)[1:] == (setup.spec.outputs,)


def own_metrics(metrics: Mapping[str, Any], setup: WorkerSetup) -> dict[str, float]:
    """What a model measures beyond its loss and the study's metrics."""
    return {name: float(value) for name, value in metrics.items() if name != "loss" and name not in setup.metrics}
