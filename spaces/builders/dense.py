"""How are hidden dense layers and the output layer built?"""

from __future__ import annotations

from typing import Any

from spaces.builders.parts import activated, dropped, kernel_settings, normalised, with_shortcut
from spaces.data_spec import DataSpec, Task
from spaces.model_config import ModelConfig

OUTPUT_ACTIVATIONS: dict[Task, str] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "linear"}
OUTPUTS = "outputs"


def dense_stack(x: Any, config: ModelConfig) -> Any:
    """The hidden layers on (batch, features): dense, normalisation, activation, shortcut, dropout."""
    import keras

    for number, layer in enumerate(config.hidden, 1):
        name = f"hidden_{number}"
        y = keras.layers.Dense(
            layer.units,
            use_bias=not layer.batch_norm,  # the normalisation has an offset of its own
            name=name,
            **kernel_settings(config),
        )(x)
        y = normalised(y, name, batch=layer.batch_norm, layer=layer.layer_norm)
        y = activated(y, layer.activation, name, config)
        x = dropped(with_shortcut(x, y, name, config), layer.dropout, name)
    return x


def output_layer(x: Any, config: ModelConfig, spec: DataSpec) -> Any:
    """Probabilities of the classes, of class 1, or a number: float32 in any precision, as 16 bits are too few here."""
    import keras

    return keras.layers.Dense(
        spec.outputs,
        activation=OUTPUT_ACTIVATIONS[spec.task],
        dtype="float32",
        name=OUTPUTS,
        **kernel_settings(config),
    )(x)
