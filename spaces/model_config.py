"""What exactly is one model: everything that is needed to build it, and nothing about how it was found?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spaces.quantity import Scalar


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HiddenLayer(_Config):
    """One hidden layer: a dense map, batch or layer normalisation if on, the activation, dropout."""

    units: int
    activation: str
    batch_norm: bool
    dropout: float
    layer_norm: bool = False


class ConvLayer(_Config):
    """One block: a convolution, batch or layer normalisation if on, the activation, pooling, dropout."""

    filters: int
    kernel_size: int
    pooling: str
    activation: str
    batch_norm: bool
    dropout: float
    layer_norm: bool = False


class RecurrentLayer(_Config):
    """One recurrent layer; ``dropout`` is of its inputs, ``recurrent_dropout`` of what it hands to the next step."""

    cell: str
    state_size: int
    bidirectional: bool
    activation: str
    dropout: float
    recurrent_dropout: float
    layer_norm: bool = False


class AugmentConfig(_Config):
    """How images are varied in training: ``flip`` by name, the others as fractions (of a side; of a full turn)."""

    flip: str = "none"
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0


class LossConfig(_Config):
    """A loss of ``spaces.catalog.LOSSES``, or the user's own as ``/path/file.py:function``.

    The settings are complete: names of ``LOSSES[name].settings``, e.g. ``huber_delta``, ``focal_gamma``.
    """

    name: str
    settings: dict[str, float] = {}


class ScheduleConfig(_Config):
    """How the learning rate goes on, as ``spaces.schedules`` computes it.

    The settings are complete: names of ``spaces.catalog.SCHEDULES[name]``. Times are in epochs, learning rates are
    fractions of the optimizer's. A warm-up of 0 epochs is none.
    """

    name: str
    settings: dict[str, float | int] = {}
    warmup_epochs: float = 0.0


class OptimizerConfig(_Config):
    """An optimizer by name; a learning rate of None is Keras's default for it, another None is off.

    ``ema_momentum`` keeps a moving average of the weights, which is what is validated and kept. A schedule of None
    leaves the learning rate as it is.
    """

    name: str
    learning_rate: float | None = None
    weight_decay: float = 0.0
    settings: dict[str, float | int | bool] = {}
    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None
    ema_momentum: float | None = None
    schedule: ScheduleConfig | None = None


class SecondPhase(_Config):
    """From this epoch (1-based, so at least 2) on, the same weights are trained by another optimizer."""

    from_epoch: int
    optimizer: OptimizerConfig


class CustomModel(_Config):
    """The user's own model: where it is, which version of the file, and the hyperparameters that it asked for.

    Attributes:
        source: ``/path/my_model.py:build``.
        digest: the first 16 hexadecimal digits of the file's SHA-256.
        values: name to value.
    """

    source: str
    digest: str
    values: dict[str, Scalar] = {}


class ModelConfig(_Config):
    """A resolved model. Equal configs are the same model, whatever space they came from.

    Attributes:
        family: one of ``spaces.catalog.FAMILIES``.
        conv, recurrent, hidden: the layers, in this order from input to output; empty where the family has none.
        head: what leads from the last convolution on: all places (``flatten``), or their ``average`` or ``max``.
        embedding: numbers that stand for a token; 0 is one-hot. Of no effect on other inputs.
        residual: each layer's input is added to its output.
        leaky_slope: slope of every leaky_relu below zero, but in recurrent layers, which have Keras's 0.2.
        max_norm: the largest norm of a neuron's weights; None is any.
        augment: how images are varied in training; None is not at all.
        precision: Keras's dtype policy; with a mixed one layers compute in 16 bits, weights and outputs stay float32.
        loss: None is the task's own.
        positive_weight: what a sample of class 1 counts, one of class 0 being 1; None is 1.
        class_weight: ``none`` or ``balanced``; None leaves it to the training section.
        second: a second phase of training; None is none.
        custom: the user's own model, for the family ``custom``.
    """

    family: str
    hidden: tuple[HiddenLayer, ...]
    input_dropout: float
    l1: float
    l2: float
    kernel_initializer: str
    optimizer: OptimizerConfig
    batch_size: int
    conv: tuple[ConvLayer, ...] = ()
    recurrent: tuple[RecurrentLayer, ...] = ()
    head: str = "flatten"
    embedding: int = 16
    residual: bool = False
    leaky_slope: float = 0.2
    max_norm: float | None = None
    augment: AugmentConfig | None = None
    precision: str = "float32"
    loss: LossConfig | None = None
    positive_weight: float | None = None
    class_weight: str | None = None
    second: SecondPhase | None = None
    custom: CustomModel | None = None

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits, equal for equal configs."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def resolve(params: Mapping[str, Scalar], *, family: str = "mlp") -> ModelConfig:
    """The model that a trial's full parameters stand for; what they leave out is at its neutral value."""
    from spaces.resolving import model_data

    return ModelConfig.model_validate(model_data(params, family))


def read_model_config(data: Any, place: str) -> ModelConfig:
    """A ModelConfig from plain data (a file may have been edited by hand).

    Raises:
        SpaceError: naming the key path of what is wrong.
    """
    from spaces.reading import checked_config

    return checked_config(data, place)
