"""How does a resolved config become a compiled Keras model?

Layers are named by their place, ``conv_1``, ``recurrent_1``, ``hidden_1``, ``outputs``; all are Keras's own, so that a
saved model loads anywhere.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spaces.builders.convolution import convolve
from spaces.builders.dense import dense_stack, output_layer
from spaces.builders.inputs import Opened, open_inputs
from spaces.builders.optimizers import build_optimizer
from spaces.builders.recurrence import recur
from spaces.data_spec import DataSpec
from spaces.model_config import ModelConfig

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages are not the user's

if TYPE_CHECKING:
    import keras

__all__ = ["build", "build_optimizer"]


def build(config: ModelConfig, spec: DataSpec, metrics: tuple[str, ...], *, seed: int) -> keras.Model:
    """Build and compile the model. The same arguments give the same initial weights and dropout masks.

    Args:
        config: the model, which fits the data (``spaces.fits.check_fits``).
        spec: shapes of one sample and of the output. With several inputs the model takes a dict by their names.
        metrics: names of ``spaces.metrics``; those that Keras tracks cheaply are compiled in.
        seed: of Python's generator in this process, from which Keras draws the seed of each layer. TensorFlow's own is
            not set: nothing here draws from it, and it would forget every operation that it has made ready.
    """
    import keras

    from spaces.losses import build_loss
    from spaces.metrics import streaming

    random.seed(seed)
    with _layers_of(config.precision):
        opened = open_inputs(config, spec)
        outputs = output_layer(dense_stack(_before_dense(opened, config), config), config, spec)
        model = keras.Model(opened.model_inputs, outputs, name=config.family)
    model.compile(
        optimizer=build_optimizer(config.optimizer, config.precision),
        loss=build_loss(config.loss, spec),
        metrics=streaming(metrics, spec.task),
        # XLA costs seconds of compilation a model and makes small CPU models slower (see docs/design.md).
        jit_compile=False,
    )
    return model


@contextmanager
def _layers_of(precision: str) -> Iterator[None]:
    """Inside, new layers have this dtype policy, whatever the process's own is."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _before_dense(opened: Opened, config: ModelConfig) -> object:
    match config.family:
        case "cnn":
            return convolve(opened.x, config)
        case "rnn":
            return recur(opened.x, config)
        case _:
            return opened.x
