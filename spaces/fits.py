"""Do a space's models, or one model, fit the data that they are to learn?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spaces.catalog import QUANTITIES, Scalar
from spaces.data_spec import DataSpec, InputSpec
from spaces.domains import Choice
from spaces.errors import SpaceError
from spaces.losses import check_loss
from spaces.model_config import ModelConfig
from spaces.space import Space
from spaces.values import is_function

_AUGMENTATION = ("flip", "shift", "rotate", "zoom")
_LAYER_NAME = re.compile(r"(outputs|head|joined|input_dropout)$|(conv|recurrent|hidden)_\d+")


@dataclass(frozen=True)
class _Asked:
    """Which values of a dimension may occur, and where that was written."""

    place: str
    values: tuple[Scalar, ...]


def check_fits(what: Space | ModelConfig, spec: DataSpec, pins: Sequence[Mapping[str, Scalar]] = ()) -> None:
    """Refuse a family that cannot take the inputs, and settings that the inputs or the task rule out.

    Args:
        what: a space, all of whose trials must fit, or one model.
        spec: the data.
        pins: parameters of ``start_with``, in its order, which may lie outside the space.

    Raises:
        SpaceError: one line with place, rule, value and remedy.
    """
    _check_inputs(what.family, spec)
    if isinstance(what, ModelConfig):
        _check_settings(_of_config(what), what.family, spec)
        return
    _check_settings(_of_space(what), what.family, spec)
    for index, params in enumerate(pins):
        _check_settings(_of_params(params, f"start_with[{index}]"), what.family, spec)


def _check_inputs(family: str, spec: DataSpec) -> None:
    if family == "custom":
        return
    for one in spec.inputs:
        if len(spec.inputs) > 1 and _LAYER_NAME.match(one.name):
            raise SpaceError(f"data.inputs.{one.name}: a layer of the model is called so; choose another name")
        if family not in ("cnn", "rnn"):
            continue
        if len(spec.inputs) > 1:
            names = ", ".join(each.name for each in spec.inputs)
            raise SpaceError(
                f"model: {family} takes one input, and the data has {len(spec.inputs)} ({names}); "
                "write model: mlp, which joins them, or name a model of your own, e.g. model: my_model.py:build"
            )
        if one.kind not in _FITTING[family]:
            fitting = " or ".join(_FITTING[family].values())
            remedy = "rnn or mlp" if one.kind == "sequence" else "cnn or mlp" if one.kind == "image" else "mlp"
            raise SpaceError(f"model: {family} takes {fitting}, and the input is {_words(one)}; write model: {remedy}")


_FITTING: dict[str, dict[str, str]] = {
    "cnn": {"image": "images", "sequence": "sequences", "tokens": "tokens"},
    "rnn": {"sequence": "sequences", "tokens": "tokens"},
}


def _words(one: InputSpec) -> str:
    shape = " x ".join(map(str, one.shape))
    return {
        "numbers": f"{shape} numbers without an order",
        "image": f"an image of {shape}",
        "sequence": f"a sequence of {one.shape[0]} steps",
        "tokens": f"{one.shape[0]} tokens",
    }[one.kind]


def _check_settings(asked: Callable[[str], _Asked | None], family: str, spec: DataSpec) -> None:
    if family == "cnn":
        _check_kernels(asked("kernel_size"), spec.inputs[0])
    if family != "custom" and not any(one.kind == "image" for one in spec.inputs):
        for name in _AUGMENTATION:
            given = asked(name)
            if given is not None and any(value not in ("none", 0) for value in given.values):
                raise SpaceError(f"{given.place}: varies images, and the input is {_words(spec.inputs[0])}; remove it")
    loss = asked("loss")
    for value in () if loss is None else loss.values:
        check_loss(str(value), spec.task, loss.place if loss is not None else "loss")
    if spec.task == "regression":
        for name, words in (("positive_weight", "class 1"), ("class_weight", "rare classes")):
            given = asked(name)
            if given is not None and any(value not in ("none", 1) for value in given.values):
                raise SpaceError(f"{given.place}: weighs {words}, and a regression has no classes; remove it")
    weight = asked("positive_weight")
    if spec.task == "multiclass" and weight is not None and any(value != 1 for value in weight.values):
        raise SpaceError(
            f"{weight.place}: is for two classes, and the data has {spec.outputs}; use class_weight: balanced"
        )


def _check_kernels(given: _Asked | None, one: InputSpec) -> None:
    if given is None:
        return
    sides = one.shape[:2] if one.kind == "image" else one.shape[:1]
    largest, most = max(int(value) for value in given.values), min(sides)
    if largest > most:
        what = f"the smaller side of {_words(one)}" if one.kind == "image" else f"the length of {_words(one)}"
        raise SpaceError(f"{given.place}: must be at most {most}, {what}, got {largest}; lower it")


def _of_space(space: Space) -> Callable[[str], _Asked | None]:
    def asked(name: str) -> _Asked | None:
        if name not in space.names:
            neutral = QUANTITIES[name].neutral
            # What nobody wrote has no place, but a kernel of three pixels may be too large all the same.
            return None if neutral is None else _Asked(f"space.{name}", (neutral,))
        domain = space[name].domain
        values = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
        return _Asked(f"space.{name}", tuple(values))

    return asked


def _of_params(params: Mapping[str, Scalar], place: str) -> Callable[[str], _Asked | None]:
    def asked(name: str) -> _Asked | None:
        layer = re.compile(rf"{name}_\d+")
        values = tuple(value for key, value in params.items() if key == name or layer.fullmatch(key))
        return _Asked(f"{place}.{name}", values) if values else None

    return asked


def _of_config(config: ModelConfig) -> Callable[[str], _Asked | None]:
    values: dict[str, tuple[Any, ...]] = {
        "kernel_size": tuple(layer.kernel_size for layer in config.conv),
        "loss": () if config.loss is None else (config.loss.name,),
        "positive_weight": (config.positive_weight or 1.0,),
        "class_weight": (config.class_weight or "none",),
        **{name: () if config.augment is None else (getattr(config.augment, name),) for name in _AUGMENTATION},
    }
    places = {"kernel_size": "model.conv", **{name: f"model.augment.{name}" for name in _AUGMENTATION}}

    def asked(name: str) -> _Asked | None:
        return _Asked(places.get(name, f"model.{name}"), values[name]) if values[name] else None

    return asked


def located(space: Space, pins: Sequence[Mapping[str, Scalar]], folder: Path) -> tuple[Space, list[dict[str, Scalar]]]:
    """The space and the pins with the user's own loss as an absolute path: relative ones lie in ``folder``."""

    def absolute(value: Scalar) -> Scalar:
        if not isinstance(value, str) or not is_function(value):
            return value
        path, _, function = value.rpartition(":")
        return f"{(folder / path).resolve()}:{function}"

    dimensions = tuple(
        replace(one, domain=Choice(tuple(map(absolute, one.domain.values))))
        if QUANTITIES[one.name].functions and isinstance(one.domain, Choice)
        else one
        for one in space.dimensions
    )
    placed = [{key: absolute(value) if key == "loss" else value for key, value in pin.items()} for pin in pins]
    return Space(space.family, dimensions), placed
