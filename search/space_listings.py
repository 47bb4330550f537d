"""Which tables tell what can be searched?

``kerasweep spaces`` shows them, docs/spaces.md holds them; both come from the catalog of ``spaces``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search.markdown import code
from spaces.catalog import (
    ACTIVATIONS,
    DEFAULT_LOSS,
    DEFAULT_SPACES,
    FAMILIES,
    FAMILY_DIMENSIONS,
    INITIALIZERS,
    LOSS_SETTINGS,
    LOSSES,
    OPTIMIZER_SETTINGS,
    OPTIMIZERS,
    PER_LAYER_BY_DEFAULT,
    QUANTITIES,
    SCHEDULE_MEANINGS,
    SCHEDULE_SETTINGS,
    SCHEDULES,
    Quantity,
    quantity_of,
)
from spaces.metrics import DEFAULT_METRICS, DEFAULT_OBJECTIVE, KERAS_METRICS, METRICS, KerasMetric, Metric

_TEXTS = {
    "Families": "`model: cnn` in an experiment file. Each has a default space, so that no dimension need be given.",
    "Dimensions": "`auto` stands for the range in the last column. A dimension of layers that is not one per layer is "
    "shared by all; `shared: false` gives each its own, in the parameters `units_1`, `units_2`, ...",
    "Activations and initializers": "Those of Keras, by name. Of the activations `glu` is left out, as it halves what "
    "it is given, and `threshold`, which needs values; of the initializers `constant`, `identity` and "
    "`stft`, which are for particular shapes.",
    "Optimizers": "Beside `learning_rate`, `weight_decay`, clipping and `ema_momentum`, which all have. Left out, "
    "Keras's own defaults hold. Keras's `LossScaleOptimizer`, `MultiOptimizer` and `OptimizerMap` only wrap others.",
    "Schedules": "Times are in epochs, learning rates are fractions of the optimizer's; each may warm up "
    "(`warmup_epochs`).",
    "Losses": "The first loss of a task that is marked so is the one that holds where `loss` is left out. Your own is "
    "`loss: my_losses.py:shortage`, a function of (y_true, y_pred); the file may import what lies beside it. A study "
    "whose trials have been trained does not go on with a changed one.",
    "Metrics": "Computed once an epoch on the whole validation part, and reported as `val_...`; the training part "
    "reports those that are marked.",
    "Keras's metrics": "Those of `keras.metrics` by their names in small letters, likewise.",
}

# Lists that have a table of their own.
_LONG: dict[tuple[str, ...], str] = {
    ACTIVATIONS: "an activation",
    INITIALIZERS: "an initializer",
    tuple(LOSSES): "a loss",
    tuple(SCHEDULES): "a schedule",
    tuple(OPTIMIZERS): "an optimizer",
    ("none", *OPTIMIZERS): "none, an optimizer",
}


@dataclass(frozen=True)
class Listing:
    """A table with a title; cells are Markdown."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """What there is to know before one reads it."""
        return _TEXTS.get(self.title, "")


def listings(family: str | None = None) -> tuple[Listing, ...]:
    """The tables: all of them, or those of one family."""
    shared = (_names(), _optimizers(), _schedules(), _losses(), _metrics(), _keras_metrics())
    if family is None:
        return (_families(), _dimensions(), *shared)
    return (_own_dimensions(family), *(shared if family != "custom" else ()))


def as_data(family: str | None = None) -> dict[str, Any]:
    """The same as plain data, for ``--json``."""
    names = FAMILIES if family is None else (family,)
    known: dict[str, Metric | KerasMetric] = {**METRICS, **KERAS_METRICS}
    return {
        "families": {
            name: {
                "meaning": FAMILIES[name],
                "default_space": DEFAULT_SPACES[name],
                "dimensions": {key: asdict(quantity_of(key, name)) for key in FAMILY_DIMENSIONS[name]},
            }
            for name in names
        },
        "optimizers": {name: list(own) for name, own in OPTIMIZERS.items()},
        "schedules": {name: list(own) for name, own in SCHEDULES.items()},
        "losses": {
            name: {"meaning": loss.meaning, "tasks": loss.tasks, "settings": list(loss.settings)}
            for name, loss in LOSSES.items()
        },
        "metrics": {name: {"direction": metric.direction, "tasks": metric.tasks} for name, metric in known.items()},
    }


def _families() -> Listing:
    rows = ((code(name), text, _listed(DEFAULT_SPACES[name])) for name, text in FAMILIES.items())
    return Listing("Families", ("family", "what it is", "searched by default"), tuple(rows))


def _dimensions() -> Listing:
    rows = (
        (
            code(name),
            quantity.meaning,
            _families_with(name),
            bounds_text(quantity),
            _left_out(quantity),
            _per_layer(name),
            _range(quantity.suggested),
        )
        for name, quantity in _without_settings(QUANTITIES).items()
    )
    heads = ("dimension", "what it is", "families", "allowed", "left out", "per layer", "`auto`")
    return Listing("Dimensions", heads, tuple(rows))


def _own_dimensions(family: str) -> Listing:
    def rows() -> Iterator[tuple[str, ...]]:
        own = {name: quantity_of(name, family) for name in FAMILY_DIMENSIONS[family]}
        for name, quantity in _without_settings(own, keep=DEFAULT_SPACES[family]).items():
            default = DEFAULT_SPACES[family].get(name)
            how = _left_out(quantity) if default is None else code(default)
            wide = _range(quantity.suggested if default is None else default)
            yield code(name), quantity.meaning, bounds_text(quantity), how, _per_layer(name), wide

    heads = ("dimension", "what it is", "allowed", "by default", "per layer", "`auto`")
    return Listing(f"Dimensions of {family}", heads, tuple(rows()))


def _names() -> Listing:
    rows = (("activation", ", ".join(map(code, ACTIVATIONS))), ("initializer", ", ".join(map(code, INITIALIZERS))))
    return Listing("Activations and initializers", ("kind", "names"), rows)


def _optimizers() -> Listing:
    rows = ((code(name), ", ".join(_setting(key, own[key]) for key in own)) for name, own in OPTIMIZERS.items())
    return Listing("Optimizers", ("optimizer", "settings, what they may be, and `auto`"), tuple(rows))


def _schedules() -> Listing:
    rows = (
        (code(name), SCHEDULE_MEANINGS[name], ", ".join(_setting(key, own[key]) for key in own))
        for name, own in SCHEDULES.items()
    )
    return Listing("Schedules", ("schedule", "how the learning rate goes", "settings, and `auto`"), tuple(rows))


def _losses() -> Listing:
    rows = (
        (
            code(name),
            loss.meaning,
            ", ".join(f"{task} (its own)" if DEFAULT_LOSS[task] == name else task for task in loss.tasks),
            ", ".join(_setting(key, quantity) for key, quantity in loss.settings.items()),
        )
        for name, loss in LOSSES.items()
    )
    return Listing("Losses", ("loss", "what it is", "tasks", "settings, and `auto`"), tuple(rows))


def _metrics() -> Listing:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, metric in METRICS.items():
            reported = [task for task in metric.tasks if name in DEFAULT_METRICS[task]]
            aimed = [task for task in metric.tasks if DEFAULT_OBJECTIVE[task] == f"val_{name}"]
            training = "yes" if metric.streaming else ""
            yield (
                code(name),
                metric.help,
                metric.direction,
                ", ".join(metric.tasks),
                training,
                ", ".join(reported),
                ", ".join(aimed),
            )

    heads = ("metric", "what it is", "direction", "tasks", "of training too", "reported by default", "`auto` for")
    return Listing("Metrics", heads, tuple(rows()))


def _keras_metrics() -> Listing:
    rows = (
        (
            code(name),
            metric.class_name,
            metric.direction,
            ", ".join(metric.tasks),
            ", ".join(f"{key}={value}" for key, value in metric.settings),
        )
        for name, metric in KERAS_METRICS.items()
    )
    return Listing("Keras's metrics", ("metric", "class", "direction", "tasks", "settings"), tuple(rows))


def _without_settings(
    quantities: Mapping[str, Quantity], keep: Mapping[str, object] | None = None
) -> dict[str, Quantity]:
    """The dimensions that stand for themselves; settings have their place beside what they belong to."""
    settings = {*OPTIMIZER_SETTINGS, *SCHEDULE_SETTINGS, *LOSS_SETTINGS} - {*(keep or ())}
    return {name: quantity for name, quantity in quantities.items() if name not in settings}


def _families_with(name: str) -> str:
    owners = [family for family, names in FAMILY_DIMENSIONS.items() if name in names]
    built_in = [family for family in FAMILIES if family != "custom"]
    return "all" if owners == list(FAMILIES) else "all but custom" if owners == built_in else ", ".join(owners)


def _per_layer(name: str) -> str:
    if not QUANTITIES[name].per_layer:
        return ""
    return "yes; `shared: true` for one" if name in PER_LAYER_BY_DEFAULT else "if `shared: false`"


def _left_out(quantity: Quantity) -> str:
    if quantity.otherwise:
        return quantity.otherwise
    return "searched over `auto`" if quantity.neutral is None else code(quantity.neutral)


def _range(suggested: object) -> str:
    return "" if suggested is None else code(suggested)


def _setting(name: str, quantity: Quantity) -> str:
    neutral = f", else {_left_out(quantity)}" if quantity.neutral is not None or quantity.otherwise else ""
    return f"`{name}` ({bounds_text(quantity)}{neutral}; {code(quantity.suggested)})"


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(map(code, names)) or "what it asks for"


def bounds_text(quantity: Quantity) -> str:
    """What a quantity may be, in words: ``from 0 below 1``, ``true, false``."""
    if quantity.kind == "bool":
        return "true, false"
    if quantity.kind == "name":
        names = _LONG.get(quantity.names) or ", ".join(quantity.names)
        return f"{names}, file.py:function" if quantity.functions else names
    low = f"from {quantity.minimum:g}" if quantity.minimum is not None else ""
    low = f"above {quantity.above:g}" if quantity.above is not None else low
    high = f"to {quantity.maximum:,.0f}" if quantity.maximum is not None else ""
    high = f"below {quantity.below:g}" if quantity.below is not None else high
    return " ".join(filter(None, (low, high)))
