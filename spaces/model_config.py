"""What exactly is one model: everything that is needed to build it, and nothing about how it was found?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spaces.catalog import FAMILIES, OPTIMIZERS, QUANTITIES, Scalar
from spaces.dimension import layer_key
from spaces.errors import SpaceError, nearest
from spaces.problems import describe_problem
from spaces.values import check_value


class HiddenLayer(BaseModel):
    """One hidden layer: a dense map, batch normalisation if on, the activation, dropout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: int
    activation: str
    batch_norm: bool
    dropout: float


class OptimizerConfig(BaseModel):
    """An optimizer by name; a learning rate of None is Keras's default for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    learning_rate: float | None = None
    weight_decay: float = 0.0
    settings: dict[str, float | bool] = {}


class ModelConfig(BaseModel):
    """A resolved model. Equal configs are the same model, whatever space they came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    hidden: tuple[HiddenLayer, ...]
    input_dropout: float
    l1: float
    l2: float
    kernel_initializer: str
    optimizer: OptimizerConfig
    batch_size: int

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits, equal for equal configs."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def resolve(params: Mapping[str, Scalar], *, family: str = "mlp") -> ModelConfig:
    """The model that a trial's full parameters stand for; what they leave out is at its neutral value."""

    def value(name: str, layer: int | None = None) -> Any:
        if layer is not None and layer_key(name, layer) in params:
            return params[layer_key(name, layer)]
        return params.get(name, QUANTITIES[name].neutral)

    optimizer = str(value("optimizer"))
    settings = {name: params[name] for name in OPTIMIZERS[optimizer] if name in params}
    return ModelConfig.model_validate(
        {
            "family": family,
            "hidden": [
                {name: value(name, layer) for name in HiddenLayer.model_fields}
                for layer in range(1, int(params["layers"]) + 1)
            ],
            **{name: value(name) for name in ("input_dropout", "l1", "l2", "kernel_initializer", "batch_size")},
            "optimizer": {
                "name": optimizer,
                "learning_rate": value("learning_rate"),
                "weight_decay": value("weight_decay"),
                "settings": settings,
            },
        }
    )


def read_model_config(data: Any, place: str) -> ModelConfig:
    """A ModelConfig from plain data (a file may have been edited by hand).

    Raises:
        SpaceError: naming the key path of what is wrong.
    """
    try:
        config = ModelConfig.model_validate(data)
    except ValidationError as error:
        raise SpaceError(describe_problem(error, ModelConfig, place=place)) from None
    if config.family not in FAMILIES:
        raise SpaceError(f"{place}.family: {config.family!r} is not known; {nearest(config.family, FAMILIES)}")
    if not config.hidden:
        raise SpaceError(f"{place}.hidden: is empty; a model has at least one hidden layer")
    for index, layer in enumerate(config.hidden):
        for name, value in layer:
            check_value(name, value, f"{place}.hidden[{index}].{name}")
    for name in ("input_dropout", "l1", "l2", "kernel_initializer", "batch_size"):
        check_value(name, getattr(config, name), f"{place}.{name}")
    optimizer = config.optimizer
    check_value("optimizer", optimizer.name, f"{place}.optimizer.name")
    if optimizer.learning_rate is not None:
        check_value("learning_rate", optimizer.learning_rate, f"{place}.optimizer.learning_rate")
    check_value("weight_decay", optimizer.weight_decay, f"{place}.optimizer.weight_decay")
    for name, value in optimizer.settings.items():
        if name not in OPTIMIZERS[optimizer.name]:
            allowed = nearest(name, OPTIMIZERS[optimizer.name])
            raise SpaceError(f"{place}.optimizer.settings.{name}: {optimizer.name} has no such setting; {allowed}")
        check_value(name, value, f"{place}.optimizer.settings.{name}")
    return config
