"""From where does the gradient of a step flow back, and what loss does it come from?

Autodiff of a loss costs a small model's step more operations than its layers do. Of each task's own loss the gradient
at the outputs is known in closed form; the loss itself is then computed once, after the epoch, from what its steps
left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from spaces.catalog_training import DEFAULT_LOSS
from spaces.data_spec import DataSpec
from spaces.losses import build_loss
from spaces.model_config import LossConfig, ModelConfig

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Step:
    """What one forward pass of a batch comes to.

    Attributes:
        targets: scalars or arrays that are differentiated.
        upstream: for each of them the gradient that flows into it.
        loss: what of the batch's mean loss is known now, float32 (); None is nothing.
        kept: what is kept of each sample until the epoch ends, (batch, outputs).
    """

    targets: list[Any]
    upstream: list[Any]
    loss: Any | None
    kept: Any


class Learning(Protocol):
    """How a batch becomes a gradient, and an epoch its loss and outputs."""

    def step(self, model: keras.Model, count: Any, x: Any, y: Any, weights: Any = None) -> Step:
        """Run a batch forward; ``count``: how many samples it has, float32 ()."""

    def outputs(self, kept: Any) -> Any:
        """The model's outputs, from what was kept of them."""

    def rest(self, outputs: Any, y: Any, weights: Any = None) -> Any | None:
        """The mean loss of an epoch that its steps did not know; None where they did."""


class ThroughLoss:
    """As Keras does it: the loss of each batch is computed, and differentiated."""

    def step(self, model: keras.Model, count: Any, x: Any, y: Any, weights: Any = None) -> Step:
        import tensorflow as tf

        predicted = model(x, training=True)
        loss = model._compute_loss(x=x, y=y, y_pred=predicted, sample_weight=weights, training=True)
        return Step([loss], [tf.ones_like(loss)], loss, predicted)

    def outputs(self, kept: Any) -> Any:
        return kept

    def rest(self, outputs: Any, y: Any, weights: Any = None) -> Any | None:
        return None


class ThroughOutputs:
    """The task's own loss: its gradient at the outputs is written down, and only penalties are differentiated.

    What is kept of the outputs is what their activation was given, which is what Keras computes these losses from.
    """

    def __init__(self, spec: DataSpec) -> None:
        self._task, self._loss = spec.task, build_loss(None, spec)

    def step(self, model: keras.Model, count: Any, x: Any, y: Any, weights: Any = None) -> Step:
        import tensorflow as tf

        outputs = model(x, training=True)
        kept = outputs
        if self._task != "regression":
            assert outputs.op.type in ("Sigmoid", "Softmax"), f"the outputs come from {outputs.op.type}"
            kept = outputs.op.inputs[0]
        upstream = self._gradient(kept, outputs, y) / count
        if weights is not None:
            upstream *= tf.expand_dims(weights, -1)
        if not model.losses:
            return Step([kept], [upstream], None, kept)
        penalties = tf.add_n(model.losses)
        return Step([kept, penalties], [upstream, tf.ones_like(penalties)], penalties, kept)

    def outputs(self, kept: Any) -> Any:
        import tensorflow as tf

        return {"binary": tf.sigmoid, "multiclass": tf.nn.softmax, "regression": tf.identity}[self._task](kept)

    def rest(self, outputs: Any, y: Any, weights: Any = None) -> Any | None:
        return self._loss(y, outputs, sample_weight=weights)

    def _gradient(self, kept: Any, outputs: Any, y: Any) -> Any:
        """Of each sample's loss, (batch, outputs)."""
        import tensorflow as tf

        match self._task:
            case "binary":
                return outputs - y
            case "multiclass":
                return tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=kept, labels=y).backprop
            case _:
                return (outputs - y) * (2.0 / outputs.shape[-1])


def learning_of(config: ModelConfig, spec: DataSpec) -> Learning:
    """Through the outputs where the loss is the task's own, else through the loss."""
    return ThroughOutputs(spec) if is_task_loss(config.loss, spec) else ThroughLoss()


def is_task_loss(loss: LossConfig | None, spec: DataSpec) -> bool:
    """Whether a loss is the plain one of its task."""
    return loss is None or (loss.name == DEFAULT_LOSS[spec.task] and not loss.settings.get("label_smoothing"))
