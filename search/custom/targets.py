"""Does a compiled loss want one number for each class, where the data has the number of the class?"""

from __future__ import annotations

import inspect
from typing import Any

from spaces.data_spec import DataSpec


def give_one_hot(model: Any, spec: DataSpec) -> None:
    """Let a model compiled with, say, ``categorical_crossentropy`` see classes as it expects them.

    Classes are whole numbers here. Losses of Keras other than the sparse ones compare outputs with targets of the same
    shape, so for them (and the metrics compiled beside them) targets become one-hot on their way in. A loss function of
    the user's own gets the numbers.
    """
    known = getattr(model, "loss", None)
    if spec.task != "multiclass" or not is_keras_loss(known) or "sparse" in _owner(known).__name__.lower():
        return
    from keras import ops

    loss, metrics = model.compute_loss, model.compute_metrics

    def one_hot(y: Any) -> Any:
        return ops.one_hot(ops.cast(y, "int32"), spec.outputs) if len(y.shape) == 1 else y

    def compute_loss(x: Any = None, y: Any = None, y_pred: Any = None, *rest: Any, **settings: Any) -> Any:
        return loss(x, one_hot(y), y_pred, *rest, **settings)

    def compute_metrics(x: Any, y: Any, y_pred: Any, *rest: Any, **settings: Any) -> Any:
        return metrics(x, one_hot(y), y_pred, *rest, **settings)

    model.compute_loss, model.compute_metrics = compute_loss, compute_metrics


def is_keras_loss(loss: Any) -> bool:
    """Whether a compiled loss is one of Keras's own, by name, class or function."""
    return loss is not None and str(getattr(_owner(loss), "__module__", "")).split(".")[0] == "keras"


def _owner(loss: Any) -> Any:
    import keras

    known = keras.losses.get(loss) if isinstance(loss, str) else loss
    return known if inspect.isfunction(known) else type(known)
