"""How does a resolved config become a compiled Keras model?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from spaces.data_spec import DataSpec, Task
from spaces.metrics import METRICS
from spaces.model_config import HiddenLayer, ModelConfig, OptimizerConfig

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages are not the user's

if TYPE_CHECKING:
    import keras

_OPTIMIZER_CLASSES = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "Nadam", "adamax": "Adamax",
    "adagrad": "Adagrad", "adadelta": "Adadelta", "lion": "Lion", "lamb": "Lamb",
}  # fmt: skip

_OUTPUT_ACTIVATIONS: dict[Task, str] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "linear"}
_LOSSES: dict[Task, str] = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "regression": "mean_squared_error",
}


def build(config: ModelConfig, spec: DataSpec, metrics: tuple[str, ...], *, seed: int) -> keras.Model:
    """Build and compile the model. The same arguments give the same initial weights and dropout masks.

    Args:
        config: the model.
        spec: shapes of one sample and of the output.
        metrics: short names of ``spaces.metrics``.
        seed: seeds Python, NumPy and Keras of this process (Keras has no other way to seed what it draws).
    """
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input(spec.input_shape)
    x = keras.layers.Flatten()(inputs) if len(spec.input_shape) > 1 else inputs
    if config.input_dropout:
        x = keras.layers.Dropout(config.input_dropout)(x)
    for layer in config.hidden:
        x = _hidden(x, layer, config)
    outputs = keras.layers.Dense(
        spec.outputs,
        activation=_OUTPUT_ACTIVATIONS[spec.task],
        kernel_initializer=config.kernel_initializer,
        kernel_regularizer=_penalty(config),
    )(x)
    model = keras.Model(inputs, outputs, name=config.family)
    model.compile(
        optimizer=build_optimizer(config.optimizer),
        loss=loss_name(spec.task),
        metrics=[build_metric(name, spec.task) for name in metrics],
        # XLA costs seconds of compilation a model and makes small CPU models slower (see docs/design.md).
        jit_compile=False,
    )
    return model


def loss_name(task: Task) -> str:
    """The Keras loss of a task."""
    return _LOSSES[task]


def build_optimizer(config: OptimizerConfig) -> Any:
    """A fresh ``keras.optimizers`` object."""
    import keras

    arguments: dict[str, Any] = dict(config.settings)
    if config.learning_rate is not None:
        arguments["learning_rate"] = config.learning_rate
    if config.weight_decay:
        arguments["weight_decay"] = config.weight_decay
    elif config.name == "adamw":
        arguments["weight_decay"] = 0.0  # AdamW alone decays by default; here a config says all
    return getattr(keras.optimizers, _OPTIMIZER_CLASSES[config.name])(**arguments)


def build_metric(name: str, task: Task) -> Any:
    """A fresh ``keras.metrics`` object that reports under its short name."""
    import keras

    metric = METRICS[name]
    keras_name = "SparseCategoricalAccuracy" if name == "accuracy" and task == "multiclass" else metric.keras_name
    return getattr(keras.metrics, keras_name)(name=name, **dict(metric.settings))


def _hidden(x: Any, layer: HiddenLayer, config: ModelConfig) -> Any:
    import keras

    x = keras.layers.Dense(
        layer.units,
        use_bias=not layer.batch_norm,  # the normalisation has an offset of its own
        kernel_initializer=config.kernel_initializer,
        kernel_regularizer=_penalty(config),
    )(x)
    if layer.batch_norm:
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation(layer.activation)(x)
    return keras.layers.Dropout(layer.dropout)(x) if layer.dropout else x


def _penalty(config: ModelConfig) -> Any:
    import keras

    return keras.regularizers.L1L2(l1=config.l1, l2=config.l2) if config.l1 or config.l2 else None
