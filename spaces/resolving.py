"""Which model do a trial's parameters stand for?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spaces.catalog import AS_HIDDEN, FAMILY_DIMENSIONS, LOSSES, OPTIMIZERS, QUANTITIES, SCHEDULES, Scalar
from spaces.dimension import layer_key
from spaces.phases import CLIPPING

# Field of a layer to the dimension behind it, where they are not called alike.
CONV_FIELDS = {
    "filters": "filters",
    "kernel_size": "kernel_size",
    "pooling": "pooling",
    "activation": "conv_activation",
    "batch_norm": "conv_batch_norm",
    "layer_norm": "conv_layer_norm",
    "dropout": "conv_dropout",
}
RECURRENT_FIELDS = {
    "cell": "cell",
    "state_size": "state_size",
    "bidirectional": "bidirectional",
    "activation": "cell_activation",
    "layer_norm": "cell_layer_norm",
    "dropout": "cell_dropout",
    "recurrent_dropout": "recurrent_dropout",
}
HIDDEN_FIELDS = {name: name for name in ("units", "activation", "batch_norm", "layer_norm", "dropout")}


def model_data(params: Mapping[str, Scalar], family: str) -> dict[str, Any]:
    """The model as plain data of ``ModelConfig``'s fields."""
    asked = _Asked(params, family)
    hidden = [asked.layer(HIDDEN_FIELDS, number) for number in asked.layers("layers")]
    if hidden and asked.value("widths") == "funnel":
        first = int(params["units_first"])
        widths = funnel(first, int(params.get("units_last", first)), len(hidden))  # one layer has no last width
        hidden = [{**layer, "units": units} for layer, units in zip(hidden, widths, strict=True)]
    conv = [asked.layer(CONV_FIELDS, number) for number in asked.layers("conv_layers")]
    recurrent = [asked.layer(RECURRENT_FIELDS, number) for number in asked.layers("recurrent_layers")]
    leaky = any(layer["activation"] == "leaky_relu" for layer in (*hidden, *conv))
    augment = {name: asked.value(name) for name in ("flip", "shift", "rotate", "zoom")}
    weight = asked.value("positive_weight")
    return {
        "family": family,
        "hidden": hidden,
        "conv": conv,
        "recurrent": recurrent,
        **{name: asked.value(name) for name in ("input_dropout", "l1", "l2", "kernel_initializer", "batch_size")},
        **{name: asked.value(name) for name in ("head", "embedding", "residual", "precision", "class_weight")},
        "leaky_slope": asked.value("leaky_slope") if leaky else QUANTITIES["leaky_slope"].neutral,
        "max_norm": asked.value("max_norm") or None,
        "augment": augment if any(value not in ("none", 0) for value in augment.values()) else None,
        "loss": _loss(asked),
        "positive_weight": None if weight == 1 else weight,
        "optimizer": _optimizer(asked),
        "second": _second(asked),
    }


def funnel(first: int, last: int, layers: int) -> tuple[int, ...]:
    """Widths that lie evenly in logarithms, ``first * (last / first) ** ((k - 1) / (layers - 1))``, rounded.

    >>> funnel(100, 1, 3)
    (100, 10, 1)
    >>> funnel(100, 10, 1)
    (100,)
    """
    if layers == 1:
        return (first,)
    return tuple(round(first * (last / first) ** (k / (layers - 1))) for k in range(layers))


class _Asked:
    """Parameters, with the neutral value for what they leave out or the family does not have."""

    def __init__(self, params: Mapping[str, Scalar], family: str) -> None:
        known = set(FAMILY_DIMENSIONS[family])
        self.params = {name: value for name, value in params.items() if name not in QUANTITIES or name in known}

    def value(self, name: str, layer: int | None = None) -> Any:
        if layer is not None and layer_key(name, layer) in self.params:
            return self.params[layer_key(name, layer)]
        if name in self.params:
            return self.params[name]
        return self.value(AS_HIDDEN[name]) if name in AS_HIDDEN else QUANTITIES[name].neutral

    def layers(self, count: str) -> range:
        return range(1, int(self.params.get(count, 0)) + 1)

    def layer(self, fields: Mapping[str, str], number: int) -> dict[str, Any]:
        return {field: self.value(name, number) for field, name in fields.items()}

    def settings(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: self.value(name) for name in names}


def _loss(asked: _Asked) -> dict[str, Any] | None:
    name = asked.value("loss")
    if name is None:
        return None
    return {"name": name, "settings": asked.settings(LOSSES[name].settings) if name in LOSSES else {}}


def _optimizer(asked: _Asked) -> dict[str, Any]:
    name = str(asked.value("optimizer"))
    return {
        "name": name,
        "learning_rate": asked.value("learning_rate"),
        "settings": {key: asked.params[key] for key in OPTIMIZERS[name] if key in asked.params},
        **_common(asked),
        "schedule": _schedule(asked),
    }


def _common(asked: _Asked) -> dict[str, Any]:
    """What both phases of a training have."""
    return {
        "weight_decay": asked.value("weight_decay"),
        **{name: asked.value(name) or None for name in (*CLIPPING, "ema_momentum")},
    }


def _schedule(asked: _Asked) -> dict[str, Any] | None:
    name, warmup = str(asked.value("schedule")), asked.value("warmup_epochs")
    if name == "constant" and not warmup:
        return None
    return {"name": name, "settings": asked.settings(SCHEDULES[name]), "warmup_epochs": warmup}


def _second(asked: _Asked) -> dict[str, Any] | None:
    name = str(asked.value("second_optimizer"))
    if name == "none":
        return None
    momentum = asked.params.get("second_momentum")
    optimizer = {
        "name": name,
        "learning_rate": asked.value("second_learning_rate"),
        "settings": {"momentum": momentum} if momentum is not None and "momentum" in OPTIMIZERS[name] else {},
        **_common(asked),
    }
    return {"from_epoch": asked.params["second_from"], "optimizer": optimizer}
