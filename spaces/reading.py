"""Is a model config that was written or edited by hand one that can be built?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from spaces.catalog import FAMILIES, LOSSES, OPTIMIZERS, SCHEDULES
from spaces.errors import SpaceError, nearest
from spaces.model_config import LossConfig, ModelConfig, OptimizerConfig, ScheduleConfig
from spaces.phases import CLIPPING
from spaces.problems import describe_problem
from spaces.resolving import CONV_FIELDS, HIDDEN_FIELDS, RECURRENT_FIELDS
from spaces.values import check_value

_PLAIN = (
    "input_dropout", "l1", "l2", "kernel_initializer", "batch_size", "head", "embedding", "leaky_slope", "precision",
)  # fmt: skip
_MAY_BE_OFF = ("max_norm", "positive_weight", "class_weight")
_OF_AN_OPTIMIZER = ("learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "ema_momentum")
# Family to what it must have, and to what it cannot.
_LAYERS = {"linear": (), "mlp": ("hidden",), "cnn": ("conv",), "rnn": ("recurrent",), "custom": ()}
_OTHERS = {
    "linear": ("hidden", "conv", "recurrent"),
    "mlp": ("conv", "recurrent"),
    "cnn": ("recurrent",),
    "rnn": ("conv",),
    "custom": ("hidden", "conv", "recurrent"),
}
_NOUNS = {"hidden": "hidden layer", "conv": "convolution block", "recurrent": "recurrent layer"}


def checked_config(data: Any, place: str) -> ModelConfig:
    """A ModelConfig from plain data.

    Raises:
        SpaceError: naming the key path of what is wrong.
    """
    try:
        config = ModelConfig.model_validate(data)
    except ValidationError as error:
        raise SpaceError(describe_problem(error, ModelConfig, place=place)) from None
    if config.family not in FAMILIES:
        raise SpaceError(f"{place}.family: {config.family!r} is not known; {nearest(config.family, FAMILIES)}")
    _check_layers(config, place)
    for name in _PLAIN:
        check_value(name, getattr(config, name), f"{place}.{name}")
    for name in _MAY_BE_OFF:
        if getattr(config, name) is not None:
            check_value(name, getattr(config, name), f"{place}.{name}")
    if config.augment is not None:
        for name, value in config.augment:
            check_value(name, value, f"{place}.augment.{name}")
    changes: dict[str, Any] = {"optimizer": _optimizer(config.optimizer, f"{place}.optimizer")}
    if config.loss is not None:
        changes["loss"] = _loss(config.loss, f"{place}.loss")
    if config.second is not None:
        check_value("second_from", config.second.from_epoch, f"{place}.second.from_epoch")
        optimizer = _optimizer(config.second.optimizer, f"{place}.second.optimizer")
        changes["second"] = config.second.model_copy(update={"optimizer": optimizer})
    return config.model_copy(update=changes)


def _check_layers(config: ModelConfig, place: str) -> None:
    for name in _LAYERS[config.family]:
        if not getattr(config, name):
            family = {"mlp": "a model", "cnn": "a CNN", "rnn": "an RNN"}[config.family]
            raise SpaceError(f"{place}.{name}: is empty; {family} has at least one {_NOUNS[name]}")
    for name in _OTHERS[config.family]:
        if getattr(config, name):
            raise SpaceError(f"{place}.{name}: a model of family {config.family} has no {_NOUNS[name]}; remove it")
    if (config.family == "custom") != (config.custom is not None):
        rule = "is missing; add source, digest and values" if config.custom is None else "belongs to family custom"
        raise SpaceError(f"{place}.custom: {rule}")
    groups: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("hidden", HIDDEN_FIELDS),
        ("conv", CONV_FIELDS),
        ("recurrent", RECURRENT_FIELDS),
    )
    for group, fields in groups:
        for index, layer in enumerate(getattr(config, group)):
            for field, name in fields.items():
                check_value(name, getattr(layer, field), f"{place}.{group}[{index}].{field}")


def _optimizer(optimizer: OptimizerConfig, place: str) -> OptimizerConfig:
    check_value("optimizer", optimizer.name, f"{place}.name")
    for name in _OF_AN_OPTIMIZER:
        if getattr(optimizer, name) is not None:
            check_value(name, getattr(optimizer, name), f"{place}.{name}")
    clipped = [name for name in CLIPPING if getattr(optimizer, name)]
    if len(clipped) > 1:
        raise SpaceError(f"{place}.{clipped[1]}: clips gradients, and so does {clipped[0]}; keep one of the two")
    own = OPTIMIZERS[optimizer.name]
    changes: dict[str, Any] = {"settings": _settings(optimizer.settings, optimizer.name, own, place)}
    if optimizer.schedule is not None:
        changes["schedule"] = _schedule(optimizer.schedule, f"{place}.schedule")
    return optimizer.model_copy(update=changes)


def _schedule(schedule: ScheduleConfig, place: str) -> ScheduleConfig:
    check_value("schedule", schedule.name, f"{place}.name")
    check_value("warmup_epochs", schedule.warmup_epochs, f"{place}.warmup_epochs")
    own = SCHEDULES[schedule.name]
    neutral = {name: quantity.neutral for name, quantity in own.items()}
    return schedule.model_copy(
        update={"settings": {**neutral, **_settings(schedule.settings, schedule.name, own, place)}}
    )


def _loss(loss: LossConfig, place: str) -> LossConfig:
    check_value("loss", loss.name, f"{place}.name")
    own = LOSSES[loss.name].settings if loss.name in LOSSES else {}
    neutral = {name: quantity.neutral for name, quantity in own.items()}
    return loss.model_copy(update={"settings": {**neutral, **_settings(loss.settings, loss.name, own, place)}})


def _settings(given: Mapping[str, Any], owner: str, allowed: Iterable[str], place: str) -> dict[str, Any]:
    """The settings, each of the kind that it is to have: what reads alike has one fingerprint."""
    names = list(allowed)
    for name in given:
        if name not in names:
            hint = nearest(name, names) if names else "remove it"
            raise SpaceError(f"{place}.settings.{name}: {owner} has no such setting; {hint}")
    return {name: check_value(name, value, f"{place}.settings.{name}") for name, value in given.items()}
