"""How do the inputs of each kind of data come into a model?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spaces.builders.parts import dropped
from spaces.data_spec import MASK_VALUE, DataSpec, InputSpec
from spaces.model_config import ModelConfig


@dataclass(frozen=True)
class Opened:
    """What ``keras.Model`` takes as inputs (one, or a dict by name), and the tensor that the layers go on from.

    For a CNN ``x`` is (batch, height, width, channels) or (batch, steps, channels), for an RNN (batch, steps, features)
    with its mask, else (batch, features).
    """

    model_inputs: Any
    x: Any


def open_inputs(config: ModelConfig, spec: DataSpec) -> Opened:
    """The inputs of a model, made ready for its first layer; input dropout included."""
    import keras

    tensors = {one.name: _tensor(one) for one in spec.inputs}
    if config.family in ("cnn", "rnn"):
        (one,) = spec.inputs
        x = tensors[one.name]
        x = _with_channels(x, one, config) if config.family == "cnn" else _steps(x, one, config, masking=True)
    else:
        flat = [_flat(tensors[one.name], one, config) for one in spec.inputs]
        x = flat[0] if len(flat) == 1 else keras.layers.Concatenate(name="joined")(flat)
    model_inputs = tensors if len(tensors) > 1 else next(iter(tensors.values()))
    return Opened(model_inputs, dropped(x, config.input_dropout, "input"))


def _tensor(one: InputSpec) -> Any:
    import keras

    return keras.Input(one.shape, name=one.name, dtype="int32" if one.kind == "tokens" else "float32")


def _flat(x: Any, one: InputSpec, config: ModelConfig) -> Any:
    import keras

    if one.kind == "tokens":
        x = _embedded(x, one, config, masking=False)
    elif one.kind == "sequence":
        x = _steps(x, one, config, masking=False)
    elif one.kind == "image" and config.augment is not None:
        x = _varied(_image(x, one), one, config)
    return keras.layers.Flatten(name=f"{one.name}_flat")(x) if len(x.shape) > 2 else x


def _with_channels(x: Any, one: InputSpec, config: ModelConfig) -> Any:
    if one.kind in ("sequence", "tokens"):
        return _steps(x, one, config, masking=False)
    return _varied(_image(x, one), one, config)


def _image(x: Any, one: InputSpec) -> Any:
    """(batch, height, width, channels): a grey image gets its one channel."""
    import keras

    return keras.layers.Reshape((*one.shape, 1), name=f"{one.name}_channel")(x) if len(one.shape) == 2 else x


def _steps(x: Any, one: InputSpec, config: ModelConfig, *, masking: bool) -> Any:
    """(batch, steps, features), with a mask of what is filled up, or with zeros there."""
    import keras

    if one.kind == "tokens":
        return _embedded(x, one, config, masking=masking)
    if not one.masked:
        return x
    if masking:
        return keras.layers.Masking(MASK_VALUE, name=f"{one.name}_mask")(x)
    # Layers that know no mask are to see nothing where a sequence has ended: zero is the mean of what is scaled.
    present = keras.ops.any(keras.ops.not_equal(x, MASK_VALUE), axis=-1, keepdims=True)
    return x * keras.ops.cast(present, "float32")


def _embedded(x: Any, one: InputSpec, config: ModelConfig, *, masking: bool) -> Any:
    import keras

    name = f"{one.name}_embedding"
    if config.embedding:
        return keras.layers.Embedding(one.vocabulary, config.embedding, mask_zero=masking, name=name)(x)
    return keras.layers.Embedding(
        one.vocabulary,
        one.vocabulary,
        embeddings_initializer="identity",
        trainable=False,
        mask_zero=masking,
        name=name,
    )(x)


def _varied(x: Any, one: InputSpec, config: ModelConfig) -> Any:
    """Random variations of (batch, height, width, channels): in training, and where nobody says ``training=False``."""
    import keras

    augment = config.augment
    if augment is None:
        return x
    edge = {"fill_mode": "nearest"}
    if augment.flip != "none":
        mode = "horizontal_and_vertical" if augment.flip == "both" else augment.flip
        x = keras.layers.RandomFlip(mode, name=f"{one.name}_flip")(x)
    if augment.shift:
        x = keras.layers.RandomTranslation(augment.shift, augment.shift, name=f"{one.name}_shift", **edge)(x)
    if augment.rotate:
        x = keras.layers.RandomRotation(augment.rotate, name=f"{one.name}_rotate", **edge)(x)
    if augment.zoom:
        x = keras.layers.RandomZoom(augment.zoom, name=f"{one.name}_zoom", **edge)(x)
    return x
