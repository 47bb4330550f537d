"""Which penalties, constraints, activations and shortcuts do the layers of every family share?"""

from __future__ import annotations

from typing import Any

from spaces.model_config import ModelConfig

_KERAS_SLOPE = 0.2  # of the activation leaky_relu where nothing else is said


def kernel_settings(config: ModelConfig, *, axes: int | list[int] = 0) -> dict[str, Any]:
    """Initializer, penalty and constraint of a kernel, as a layer's arguments.

    Args:
        axes: the axes of the kernel that lead into one unit, over which its norm is taken.
    """
    return {
        "kernel_initializer": config.kernel_initializer,
        "kernel_regularizer": penalty(config),
        "kernel_constraint": max_norm(config, axes=axes),
    }


def penalty(config: ModelConfig) -> Any:
    """A fresh L1, L2 or elastic penalty, or None."""
    import keras

    return keras.regularizers.L1L2(l1=config.l1, l2=config.l2) if config.l1 or config.l2 else None


def max_norm(config: ModelConfig, *, axes: int | list[int] = 0) -> Any:
    """A fresh constraint on the norm of each unit's weights, or None."""
    import keras

    return keras.constraints.MaxNorm(config.max_norm, axis=axes) if config.max_norm else None


def normalised(x: Any, name: str, *, batch: bool, layer: bool) -> Any:
    """Batch normalisation, layer normalisation, both in this order, or neither."""
    import keras

    if batch:
        x = keras.layers.BatchNormalization(name=f"{name}_batch_norm")(x)
    return keras.layers.LayerNormalization(name=f"{name}_layer_norm")(x) if layer else x


def activated(x: Any, activation: str, name: str, config: ModelConfig) -> Any:
    """The activation as a layer of its own."""
    import keras

    if activation == "leaky_relu" and config.leaky_slope != _KERAS_SLOPE:
        return keras.layers.LeakyReLU(negative_slope=config.leaky_slope, name=f"{name}_activation")(x)
    return keras.layers.Activation(activation, name=f"{name}_activation")(x)


def dropped(x: Any, rate: float, name: str) -> Any:
    """Dropout, where the rate is above zero."""
    import keras

    return keras.layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x


def with_shortcut(before: Any, after: Any, name: str, config: ModelConfig) -> Any:
    """``after + before`` where the config has residual connections; before goes through a linear map if widths differ.

    Both have their channels last and are otherwise of one shape.
    """
    import keras

    if not config.residual:
        return after
    width = after.shape[-1]
    if before.shape[-1] != width:
        # A dense map acts on the last axis alone: over an image it is a convolution of one pixel.
        project = keras.layers.Dense(width, use_bias=False, name=f"{name}_projection", **kernel_settings(config))
        before = project(before)
    return keras.layers.Add(name=f"{name}_sum")([after, before])
