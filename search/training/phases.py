"""Which optimizer trains in an epoch, and at which learning rates?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spaces.builders import build_optimizer
from spaces.model_config import ModelConfig, ScheduleConfig
from spaces.schedules import Plateau, Rates, rates

if TYPE_CHECKING:
    import keras


@dataclass
class Phase:
    """A stretch of a training under one optimizer.

    Attributes:
        first_epoch: 1-based; ``epochs``: how many there are at most.
        learning_rate: the optimizer's own, from which its schedule starts.
    """

    optimizer: Any
    schedule: ScheduleConfig | None
    first_epoch: int
    epochs: int

    def __post_init__(self) -> None:
        _keep_to_itself(self.optimizer)
        self.plateau = Plateau.of(self.schedule)
        self._table: Rates | None = None
        if self.schedule is not None:
            self.learning_rate = float(self.optimizer.learning_rate)

    def rates_of(self, epoch: int, steps: int) -> Rates | None:
        """The learning rates of an epoch, float32 (steps,); None where the optimizer's own is left alone."""
        if self.schedule is None:
            return None
        if self._table is None or len(self._table) != steps * self.epochs:
            self._table = rates(self.schedule, self.learning_rate, steps_per_epoch=steps, epochs=self.epochs)
        start = (epoch - self.first_epoch) * steps
        return self._table[start : start + steps] * np.float32(self.plateau.fraction if self.plateau else 1.0)

    def restart(self, variables: list[Any] | None = None) -> None:
        """Put the schedule back to its beginning and, where its variables are given, the optimizer too."""
        self.plateau = Plateau.of(self.schedule)
        if variables is not None:
            fresh = type(self.optimizer).from_config(self.optimizer.get_config())
            fresh.build(variables)
            for old, new in zip(self.optimizer.variables, fresh.variables, strict=True):
                old.assign(new)


def first_phase(optimizer: Any, config: ModelConfig, epochs: int) -> Phase:
    """The phase that a training begins with, under ``config.optimizer`` as it was built."""
    return Phase(optimizer, config.optimizer.schedule, 1, epochs)


def second_phase(variables: list[Any], config: ModelConfig, epochs: int) -> Phase:
    """The phase that ``config.second`` describes, with a fresh optimizer for these variables."""
    assert config.second is not None, "the config has no second phase"
    first, described = config.second.from_epoch, config.second.optimizer
    optimizer = build_optimizer(described, config.precision)
    optimizer.build(variables)
    return Phase(optimizer, described.schedule, first, epochs - first + 1)


def _keep_to_itself(optimizer: Any) -> None:
    """Spare an optimizer of a single replica from summing its gradients over replicas.

    Keras does so in each graph, by way of a custom gradient. TensorFlow registers that for good, and with it the whole
    graph of every trial: 4 MB of each, for a small net.
    """
    optimizer = _updating(optimizer)
    strategy = getattr(optimizer, "_distribution_strategy", None)  # TensorFlow's alone
    if strategy is not None and strategy.num_replicas_in_sync == 1:
        optimizer._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables


def _updating(optimizer: Any) -> Any:
    """The optimizer that updates weights: the inner one, where the other only scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def set_rate(optimizer: Any, rate: Any) -> None:
    """Give the optimizer's steps from here on this learning rate; ``rate`` may be a tensor inside a graph."""
    optimizer.learning_rate = rate


@contextmanager
def averaged_weights(model: keras.Model, optimizer: Any, show: Callable[[Any], None]) -> Iterator[None]:
    """Let the model hold the moving average of its weights, where its optimizer keeps one, and the raw ones after.

    What is validated and saved inside is what ``keras.callbacks.SwapEMAWeights`` would validate, and what ``fit``
    leaves at its end.

    Args:
        show: given the optimizer, puts its average in place of the model's weights.
    """
    if not getattr(_updating(optimizer), "use_ema", False):
        yield
        return
    from keras import ops

    raw = [np.array(ops.convert_to_numpy(variable.value)) for variable in model.trainable_variables]
    show(optimizer)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw, strict=True):
            variable.assign(value)
