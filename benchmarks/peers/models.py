"""What does a config look like as a Keras model that someone writes by hand?"""

from __future__ import annotations

from typing import Any

import keras

OPTIMIZERS = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}
POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


def build_model(config: dict[str, Any], shape: tuple[int, ...], outputs: int, task: str) -> keras.Model:
    """Build and compile it.

    Args:
        shape: of one sample, (features,) or (height, width).
        task: ``binary`` or ``multiclass``.
    """
    inputs = x = keras.Input(shape)
    if config.get("conv_layers"):
        x = keras.layers.Reshape((*shape, 1))(x)
        for filters in config["filters"]:
            x = keras.layers.Conv2D(filters, config["kernel_size"], padding="same", **_kernel(config))(x)
            x = _activated(x, config)
            x = POOLINGS[config["pooling"]](2, padding="same")(x)
            x = keras.layers.Dropout(config["conv_dropout"])(x) if config["conv_dropout"] else x
    x = keras.layers.Flatten()(x) if len(x.shape) > 2 else x
    for units in config["units"]:
        x = _activated(keras.layers.Dense(units, **_kernel(config))(x), config)
        x = keras.layers.Dropout(config["dropout"])(x) if config["dropout"] else x
    activation = "sigmoid" if task == "binary" else "softmax"
    out = keras.layers.Dense(outputs, activation=activation, kernel_regularizer=_penalty(config))(x)
    model = keras.Model(inputs, out)
    loss = "binary_crossentropy" if task == "binary" else "sparse_categorical_crossentropy"
    model.compile(optimizer=_optimizer(config), loss=loss, metrics=["accuracy"])
    return model


def _activated(x: Any, config: dict[str, Any]) -> Any:
    x = keras.layers.BatchNormalization()(x) if config["batch_norm"] else x
    return keras.layers.Activation(config["activation"])(x)


def _kernel(config: dict[str, Any]) -> dict[str, Any]:
    return {"use_bias": not config["batch_norm"], "kernel_regularizer": _penalty(config)}


def _penalty(config: dict[str, Any]) -> Any:
    return keras.regularizers.L2(config["l2"]) if config.get("l2") else None


def _optimizer(config: dict[str, Any]) -> Any:
    settings = {"momentum": config["momentum"]} if config["optimizer"] == "sgd" else {}
    return OPTIMIZERS[config["optimizer"]](learning_rate=config["learning_rate"], **settings)
