"""Which function does training make small, given its name and the data?

Losses of a regression see the target standardised by the training part, ``(raw - mean) / std``: an error of 1 is one
standard deviation. Where that matters (``huber_delta``), settings are in standard deviations too; MSE, MAE and the
asymmetric loss only scale. A user's function sees the same: ``y_true`` and ``y_pred``, both float32 (batch, 1) for
binary and regression; for multiclass float32 class numbers, (batch,), and float32 (batch, classes) probabilities. It
returns a number for each sample, which are averaged, or their mean.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from spaces.catalog_training import DEFAULT_LOSS, LOSSES
from spaces.data_spec import DataSpec, Task
from spaces.errors import SpaceError, nearest
from spaces.user_loss import PACKAGE, check_function, user_loss
from spaces.values import is_function

if TYPE_CHECKING:
    import keras

    from spaces.model_config import LossConfig


def build_loss(config: LossConfig | None, spec: DataSpec) -> keras.losses.Loss:
    """A fresh Keras loss for the targets and outputs of ``spec``; None is the task's default one.

    Raises:
        SpaceError: if the loss does not fit the task, or the user's function cannot be used.
    """
    name = DEFAULT_LOSS[spec.task] if config is None else config.name
    settings = {} if config is None else dict(config.settings)
    if is_function(name):
        return user_loss(name, settings, spec)
    check_loss(name, spec.task, "loss")
    return _build(name, settings, spec)


def check_loss(name: str, task: Task | None, place: str) -> None:
    """Refuse a loss that does not exist, or not for ``task``; the user's own file and function must be there.

    Raises:
        SpaceError: naming ``place``, and the nearest and the allowed names.
    """
    if is_function(name):
        check_function(name, place)
        return
    fitting = [known for known, loss in LOSSES.items() if task is None or task in loss.tasks]
    if name not in LOSSES:
        raise SpaceError(f"{place}: there is no loss {name!r}; {nearest(name, (*fitting, 'file.py:function'))}")
    if name not in fitting:
        raise SpaceError(f"{place}: {name} is not defined for a {task} task; {nearest(name, fitting)}")


def asymmetric(y_true: Any, y_pred: Any, cost: float = 1.0, profit: float = 1.0) -> Any:
    """What ordering the wrong number loses: ``cost`` for each unit too many, ``profit`` for each one too few.

        loss = cost * max(y_pred - y_true, 0) + profit * max(y_true - y_pred, 0)

    Its minimum over a distribution of ``y_true`` is the quantile ``profit / (cost + profit)``: the newsvendor's order
    (Arrow, Harris and Marschak 1951), and up to its scale the pinball loss of quantile regression (Koenker and Bassett
    1978). Two units too many at cost 1 and one too few at profit 3:

    >>> asymmetric([[5.0], [5.0]], [[7.0], [4.0]], cost=1.0, profit=3.0).numpy().tolist()     # doctest: +SKIP
    [2.0, 3.0]

    Args:
        y_true, y_pred: float32 (batch, 1).

    Returns:
        float32 (batch,).
    """
    from keras import ops

    y_pred = ops.convert_to_tensor(y_pred)
    over = y_pred - ops.cast(y_true, y_pred.dtype)
    return ops.mean(cost * ops.relu(over) + profit * ops.relu(-over), axis=-1)


def sparse_focal(y_true: Any, y_pred: Any, gamma: float = 2.0) -> Any:
    """Focal loss of class indices: ``-(1 - p) ** gamma * log(p)``, p the true class's probability.

    Lin et al. 2017, arXiv:1708.02002, without its class weights, which are ``class_weight`` here.

    Args:
        y_true: class indices, (batch,) or (batch, 1).
        y_pred: probabilities, float32 (batch, classes).

    Returns:
        float32 (batch,).
    """
    import keras
    from keras import ops

    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    p = ops.sum(y_pred * ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype), axis=-1)
    p = ops.clip(p, keras.config.epsilon(), 1.0)
    return -ops.power(1.0 - p, gamma) * ops.log(p)


def one_hot_crossentropy(y_true: Any, y_pred: Any, label_smoothing: float = 0.0) -> Any:
    """Categorical cross-entropy of class indices, which become one column per class, smoothed if asked for.

    Arguments and result as for :func:`sparse_focal`.
    """
    import keras
    from keras import ops

    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
    columns = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
    return keras.losses.categorical_crossentropy(columns, y_pred, label_smoothing=label_smoothing)


def _build(name: str, settings: Mapping[str, float], spec: DataSpec) -> keras.losses.Loss:
    from keras import losses

    def wrapped(function: Callable[..., Any], **arguments: float) -> Any:
        return _registered_loss()(function.__name__, arguments)

    match name:
        case "mse":
            return losses.MeanSquaredError()
        case "mae":
            return losses.MeanAbsoluteError()
        case "huber":
            return losses.Huber(delta=settings.get("huber_delta", 1.0))
        case "log_cosh":
            return losses.LogCosh()
        case "asymmetric":
            return wrapped(asymmetric, cost=settings.get("cost", 1.0), profit=settings.get("profit", 1.0))
        case "binary_crossentropy":
            return losses.BinaryCrossentropy(label_smoothing=settings.get("label_smoothing", 0.0))
        case "sparse_categorical_crossentropy":
            return losses.SparseCategoricalCrossentropy()
        case "categorical_crossentropy":
            return wrapped(one_hot_crossentropy, label_smoothing=settings.get("label_smoothing", 0.0))
        case "focal" if spec.task == "binary":
            alpha = settings.get("focal_alpha", 0.25)
            gamma = settings.get("focal_gamma", 2.0)
            return losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=alpha, gamma=gamma)
        case "focal":
            return wrapped(sparse_focal, gamma=settings.get("focal_gamma", 2.0))
    raise AssertionError(f"the loss {name} is listed but not built")


@functools.cache
def _registered_loss() -> Any:
    """The Keras class around our own functions; made once, when Keras is there, and known to its model loading."""
    import keras

    functions = {f.__name__: f for f in (asymmetric, sparse_focal, one_hot_crossentropy)}

    @keras.saving.register_keras_serializable(PACKAGE)
    class OwnLoss(keras.losses.Loss):
        def __init__(self, function: str, settings: Mapping[str, float], name: str | None = None, **rest: Any) -> None:
            super().__init__(name=name or function, **rest)
            self.function, self.settings = function, dict(settings)

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return functions[self.function](y_true, y_pred, **self.settings)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "function": self.function, "settings": self.settings}

    return OwnLoss
