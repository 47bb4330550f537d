"""Which dense networks are trained in NumPy, and how many processes train one together?

Asked by those who lead a study, too: nothing here loads what it takes to train.
"""

from __future__ import annotations

import math
from itertools import pairwise

from search.messages import WorkerSetup
from search.training.direct.activations import ACTIVATIONS
from search.training.direct.team import CAN_FORK
from search.training.gradients import is_task_loss
from spaces.data_spec import DataSpec
from spaces.model_config import ModelConfig, OptimizerConfig

# Products of a weight and a sample in one step, and in a training whose steps are larger: from there on TensorFlow's
# graphs may be faster by up to a fifth of a step, and that makes up for the third of a second in which one is traced.
_MOST_PRODUCTS, _MOST_PRODUCTS_IN_ALL = 2**22, 5e10
# Of one member in a step; with less to do a team waits as long as it saves.
_LEAST_PRODUCTS, _LEAST_SAMPLES = 2**21, 32
_OPTIMIZERS = frozenset({"sgd", "rmsprop", "adam", "adamw"})


def can_train(config: ModelConfig, setup: WorkerSetup, *, steps: int) -> bool:
    """Whether the direct loop trains the model: a dense network in float32, on a processor.

    All else is left to TensorFlow: every layer, loss and optimizer of Keras. On one thread so are networks so large
    that to hand out the operations takes no time beside doing them; a team is faster there than TensorFlow's threads.

    Args:
        steps: the most that the training will have.
    """
    import tensorflow as tf

    return (
        is_known(config, setup.spec)
        and (_is_small(config, setup.spec, steps) if setup.threads == 1 else CAN_FORK)
        and not tf.config.list_physical_devices("GPU")
    )


def is_known(config: ModelConfig, spec: DataSpec) -> bool:
    """Whether all that the model is made of, and trained with, is there in NumPy."""
    return (
        config.family in ("linear", "mlp")
        and config.precision == "float32"
        and config.max_norm is None
        and config.second is None
        and not config.residual
        and 0 <= config.leaky_slope <= 1
        and all(layer.activation in ACTIVATIONS and not layer.layer_norm for layer in config.hidden)
        and _comes_as_numbers(spec, config)
        and is_task_loss(config.loss, spec)
        and _has_update(config.optimizer)
    )


def team_size(config: ModelConfig, spec: DataSpec, threads: int) -> int:
    """How many processes train such a model together, of so many that may."""
    if not CAN_FORK:
        return 1
    most = _products_of_a_step(config, spec) // _LEAST_PRODUCTS
    return max(1, min(threads, config.batch_size // _LEAST_SAMPLES, most))


def _is_small(config: ModelConfig, spec: DataSpec, steps: int) -> bool:
    products = _products_of_a_step(config, spec)
    return products <= _MOST_PRODUCTS or steps * products <= _MOST_PRODUCTS_IN_ALL


def _products_of_a_step(config: ModelConfig, spec: DataSpec) -> int:
    """Of a weight and a sample."""
    return config.batch_size * count_weights(config, spec)


def _comes_as_numbers(spec: DataSpec, config: ModelConfig) -> bool:
    """Whether what the first dense layer is given is the one input as it is."""
    only = spec.inputs[0]
    plain = only.kind != "tokens" and not only.masked and (only.kind != "image" or config.augment is None)
    return len(spec.inputs) == 1 and plain


def _has_update(config: OptimizerConfig) -> bool:
    unusual = any(config.settings.get(name) for name in ("centered", "amsgrad"))
    limits = (config.clipnorm, config.clipvalue, config.global_clipnorm, config.ema_momentum)
    return config.name in _OPTIMIZERS and not unusual and all(limit is None for limit in limits)


def widths_of(config: ModelConfig, spec: DataSpec) -> list[int]:
    """How many numbers a sample is before the first dense layer and behind each."""
    return [math.prod(spec.inputs[0].shape), *(layer.units for layer in config.hidden), spec.outputs]


def count_weights(config: ModelConfig, spec: DataSpec) -> int:
    """How many numbers the weights of a model are, before there is a sketch of it."""
    kernels = sum(inputs * units for inputs, units in pairwise(widths_of(config, spec)))
    return kernels + sum(layer.units * (4 if layer.batch_norm else 1) for layer in config.hidden) + spec.outputs
