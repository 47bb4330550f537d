"""How are convolution blocks built, over images and over sequences?"""

from __future__ import annotations

from typing import Any

from spaces.builders.parts import activated, dropped, kernel_settings, normalised, with_shortcut
from spaces.model_config import ModelConfig


def convolve(x: Any, config: ModelConfig) -> Any:
    """Blocks of convolution, normalisation, activation, shortcut, pooling and dropout; then one vector a sample.

    Args:
        x: (batch, height, width, channels) or (batch, steps, channels).
    """
    import keras

    places = len(x.shape) - 2
    convolution = keras.layers.Conv1D if places == 1 else keras.layers.Conv2D
    for number, layer in enumerate(config.conv, 1):
        name = f"conv_{number}"
        y = convolution(
            layer.filters,
            layer.kernel_size,
            padding="same",
            use_bias=not layer.batch_norm,  # the normalisation has an offset of its own
            name=name,
            **kernel_settings(config, axes=list(range(places + 1))),
        )(x)
        y = normalised(y, name, batch=layer.batch_norm, layer=layer.layer_norm)
        y = with_shortcut(x, activated(y, layer.activation, name, config), name, config)
        x = dropped(_pooled(y, layer.pooling, name, places), layer.dropout, name)
    return _vector(x, config.head, places)


def _pooled(x: Any, pooling: str, name: str, places: int) -> Any:
    """Half of each side, rounded up: a side of one stays."""
    import keras

    if pooling == "none":
        return x
    kind = {"max": "MaxPooling", "average": "AveragePooling"}[pooling]
    return getattr(keras.layers, f"{kind}{places}D")(2, padding="same", name=f"{name}_pooling")(x)


def _vector(x: Any, head: str, places: int) -> Any:
    import keras

    if head == "flatten":
        return keras.layers.Flatten(name="head")(x)
    kind = {"max": "GlobalMaxPooling", "average": "GlobalAveragePooling"}[head]
    return getattr(keras.layers, f"{kind}{places}D")(name="head")(x)
