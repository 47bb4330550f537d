"""How does a traced graph take another dropout rate, penalty or momentum without being traced again?

While a graph is traced, such numbers are variables that stand in their places on layers, penalties and the optimizer.
Keras asks Python questions of them (is there any momentum?), which are answered by the value at that time, and computes
with them, which goes into the graph. Constants are folded in double precision, as Python would have done, so that the
graph computes to the last digit what it would with the numbers themselves.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.training.weights import ELEMENTWISE
from spaces.model_config import ModelConfig, OptimizerConfig

if TYPE_CHECKING:
    import keras

# Of an optimizer; each is 0 or None in both of two models that share a graph, or in neither.
_OF_OPTIMIZERS = (
    "momentum", "beta_1", "beta_2", "rho", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "ema_momentum",
)  # fmt: skip
_OF_PENALTIES = ("l1", "l2")


class Number:
    """A scalar of a graph that passes for the Python number that it was when the graph was traced.

    Attributes:
        tensor: float64, ().
        value: the number that comparisons are answered by.
    """

    __hash__ = object.__hash__

    def __init__(self, tensor: Any, value: float) -> None:
        self.tensor, self.value = tensor, value

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        import tensorflow as tf

        return tf.cast(self.tensor, dtype or tf.float32)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return self.value

    def __neg__(self) -> Number:
        return Number(-self.tensor, -self.value)


def _arithmetic(operation: Callable[[Any, Any], Any], *, swapped: bool = False) -> Callable[[Number, Any], Any]:
    def compute(number: Number, other: Any) -> Any:
        if not isinstance(other, int | float | Number):
            return NotImplemented  # a tensor, which takes the number as one of its own type
        import tensorflow as tf

        value = float(other)
        tensor = other.tensor if isinstance(other, Number) else tf.constant(value, tf.float64)
        pairs = [(number.tensor, tensor), (number.value, value)]
        both = [operation(b, a) if swapped else operation(a, b) for a, b in pairs]
        return Number(*both)

    return compute


def _comparison(operation: Callable[[float, float], bool]) -> Callable[[Number, Any], Any]:
    def compare(number: Number, other: Any) -> Any:
        return operation(number.value, float(other)) if isinstance(other, int | float | Number) else NotImplemented

    return compare


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Number, f"__{_name}__", _arithmetic(getattr(operator, _name)))
    setattr(Number, f"__r{_name}__", _arithmetic(getattr(operator, _name), swapped=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Number, f"__{_name}__", _comparison(getattr(operator, _name)))
numbers.Real.register(Number)  # TensorFlow asks whether a dropout rate is one


@dataclass(frozen=True)
class _Place:
    owner: Any
    attribute: str

    @property
    def value(self) -> float:
        return float(getattr(self.owner, self.attribute))


class FreeNumbers:
    """The numbers of one model and its optimizer that its graph takes from variables."""

    def __init__(self, model: keras.Model, optimizer: Any) -> None:
        import tensorflow as tf

        self._places = _places(model, optimizer)
        self._variables = [tf.Variable(place.value, dtype=tf.float64) for place in self._places]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, while a graph is traced, the variables stand where the numbers were."""
        kept = [getattr(place.owner, place.attribute) for place in self._places]
        for place, variable in zip(self._places, self._variables, strict=True):
            setattr(place.owner, place.attribute, Number(variable.read_value(), place.value))
        try:
            yield
        finally:
            for place, value in zip(self._places, kept, strict=True):
                setattr(place.owner, place.attribute, value)

    def take(self, model: keras.Model, optimizer: Any) -> None:
        """Go on with the numbers of another model of the same structure, and of its optimizer."""
        for variable, mine, other in zip(self._variables, self._places, _places(model, optimizer), strict=True):
            variable.assign(other.value)
            setattr(mine.owner, mine.attribute, other.value)


def _places(model: keras.Model, optimizer: Any) -> list[_Place]:
    import keras

    places = []
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            places.append(_Place(layer, "rate"))
        penalty = getattr(layer, "kernel_regularizer", None)
        places += [_Place(penalty, name) for name in _OF_PENALTIES if getattr(penalty, name, 0.0)]
    return places + [_Place(optimizer, name) for name in _OF_OPTIMIZERS if getattr(optimizer, name, None)]


def structure_of(config: ModelConfig) -> str | None:
    """What must be equal for two models to share a graph; None for a model whose graph only serves itself.

    Left out are the numbers above, those that are variables or arguments anyway (learning rate, schedule, batch size)
    and those that are data (a class's weight); that there are any of them is part of the structure.
    """
    if config.custom is not None or config.second is not None:
        return None
    layers = {
        name: tuple(layer.model_copy(update={"dropout": float(layer.dropout > 0)}) for layer in getattr(config, name))
        for name in ("hidden", "conv")
    }
    same = config.model_copy(
        update={
            **layers,
            "optimizer": _structure_of_optimizer(config.optimizer),
            "batch_size": 1,
            "input_dropout": float(config.input_dropout > 0),
            "l1": float(config.l1 > 0),
            "l2": float(config.l2 > 0),
            "positive_weight": float(config.positive_weight is not None),
        }
    )
    return same.model_dump_json(warnings=False)


def _structure_of_optimizer(optimizer: OptimizerConfig) -> OptimizerConfig:
    plain = optimizer.model_copy(update={"learning_rate": None, "schedule": optimizer.schedule is not None})
    if optimizer.name not in ELEMENTWISE:  # Muon and the like derive other settings from these numbers
        return plain
    settings = {name: bool(value) if name in _OF_OPTIMIZERS else value for name, value in optimizer.settings.items()}
    there = {name: bool(getattr(optimizer, name)) for name in _OF_OPTIMIZERS if hasattr(optimizer, name)}
    return plain.model_copy(update={"settings": settings, **there})
