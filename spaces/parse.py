"""How does the ``space`` section of an experiment file become a Space, and what may it say?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spaces.catalog import (
    DEFAULT_SPACE,
    FAMILIES,
    OPTIMIZER_SETTINGS,
    OPTIMIZERS,
    QUANTITIES,
    Quantity,
    Scalar,
)
from spaces.dimension import Condition, Dimension
from spaces.domains import Choice, Domain, FloatRange, IntRange
from spaces.errors import SpaceError, nearest
from spaces.space import Space

_RANGE_KEYS = {"int": ("int", "step", "log"), "float": ("float", "step", "log"), "choice": ("choice",)}
_COMMON_KEYS = ("when", "shared")
PER_LAYER_BY_DEFAULT = ("units",)


def parse_space(section: Mapping[str, Any], *, family: str = "mlp", batch_size: int | None = None) -> Space:
    """Build the space that a YAML section describes; what it leaves out takes the default space.

    Args:
        section: dimension name to range, list of choices or fixed value, as read from YAML.
        family: the kind of model.
        batch_size: a fixed batch size that is given elsewhere; the section must then not search it.

    Raises:
        SpaceError: naming the key path, the rule, the value and the remedy.
    """
    if family not in FAMILIES:
        raise SpaceError(f"model: there is no model family {family!r}; {nearest(family, FAMILIES)}")
    for name in section:
        if name not in QUANTITIES:
            raise SpaceError(f"space.{name}: there is no such dimension; {nearest(name, QUANTITIES)}")
    if batch_size is not None and "batch_size" in section:
        raise SpaceError(
            "space.batch_size: is given twice, here and as training.batch_size; "
            "keep the one here to search it, the other to fix it"
        )
    parsed = [parse_dimension(name, section[name]) for name in _ordered(section)]
    dimensions = _completed(parsed, batch_size)
    _check_conditions(dimensions)
    return Space(family, tuple(dimensions))


def parse_dimension(name: str, text: Any) -> Dimension:
    """One entry: ``{int: [1, 5]}``, ``{float: [0, 0.5], when: ...}``, ``[relu, tanh]`` or a fixed value."""
    quantity, place = QUANTITIES[name], f"space.{name}"
    if not isinstance(text, Mapping):
        conditions = _with_implied(name, (), place)
        return Dimension(name, _choice(text, quantity, place), conditions, name in PER_LAYER_BY_DEFAULT)
    kinds = [kind for kind in _RANGE_KEYS if kind in text]
    if len(kinds) != 1:
        raise SpaceError(f"{place}: needs exactly one of int, float or choice, got {_keys(text)}; e.g. {{int: [1, 5]}}")
    kind = kinds[0]
    for key in text:
        if key not in (*_RANGE_KEYS[kind], *_COMMON_KEYS):
            allowed = (*_RANGE_KEYS[kind], *_COMMON_KEYS)
            raise SpaceError(f"{place}.{key}: is not part of a dimension of kind {kind}; {nearest(key, allowed)}")
    domain: Domain = (
        _choice(text["choice"], quantity, place) if kind == "choice" else _range(kind, text, quantity, place)
    )
    shared = text.get("shared", name not in PER_LAYER_BY_DEFAULT)
    if not isinstance(shared, bool):
        raise SpaceError(f"{place}.shared: must be true or false, got {shared!r}")
    if not shared and not quantity.per_layer:
        raise SpaceError(f"{place}.shared: {name} is one for the whole model; leave 'shared' out")
    return Dimension(name, domain, _with_implied(name, _when(text.get("when"), place), place), not shared)


def check_value(name: str, value: Any, place: str) -> Scalar:
    """The value if ``name`` may have it in some space; a whole number becomes a float where a float is due."""
    quantity = QUANTITIES[name]
    if quantity.kind == "bool":
        if not isinstance(value, bool):
            raise SpaceError(f"{place}: must be true or false, got {value!r} ({quantity.meaning})")
        return value
    if quantity.kind == "name":
        if value not in quantity.names:
            raise SpaceError(f"{place}: {value!r} is not known; {nearest(value, quantity.names)}")
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        number = "a whole number" if quantity.kind == "int" else "a number"
        raise SpaceError(f"{place}: must be {number}, got {value!r} ({quantity.meaning})")
    if not math.isfinite(value):
        raise SpaceError(f"{place}: must be finite, got {value!r} ({quantity.meaning})")
    if quantity.kind == "int" and value != int(value):
        raise SpaceError(f"{place}: must be a whole number, got {value!r} ({quantity.meaning})")
    for broken, rule in (
        (quantity.minimum is not None and value < quantity.minimum, f"at least {quantity.minimum}"),
        (quantity.maximum is not None and value > quantity.maximum, f"at most {quantity.maximum}"),
        (quantity.below is not None and value >= quantity.below, f"below {quantity.below}"),
        (quantity.above is not None and value <= quantity.above, f"above {quantity.above}"),
    ):
        if broken:
            raise SpaceError(f"{place}: must be {rule}, got {value} ({name} is {quantity.meaning})")
    return int(value) if quantity.kind == "int" else float(value)


def _choice(text: Any, quantity: Quantity, place: str) -> Choice:
    values = list(text) if isinstance(text, list | tuple) else [text]
    if not values:
        raise SpaceError(f"{place}: the list of choices is empty; name at least one value")
    name = place.removeprefix("space.")
    checked = [
        check_value(name, value, place if len(values) == 1 else f"{place}[{index}]")
        for index, value in enumerate(values)
    ]
    for index, value in enumerate(checked):
        if value in checked[:index]:
            raise SpaceError(f"{place}[{index}]: {value!r} stands twice among the choices; remove one")
    return Choice(tuple(checked))


def _range(kind: str, text: Mapping[str, Any], quantity: Quantity, place: str) -> IntRange | FloatRange:
    name = place.removeprefix("space.")
    if quantity.kind in ("bool", "name") or (kind == "float" and quantity.kind == "int"):
        wanted = {"bool": "[true, false]", "name": "a list of names", "int": "{int: [low, high]}"}[quantity.kind]
        raise SpaceError(f"{place}: cannot be a range of kind {kind}; write {wanted} ({quantity.meaning})")
    if kind == "int" and quantity.kind == "float":
        raise SpaceError(f"{place}: takes fractions; write {{float: [low, high]}} (with step: 1 for whole numbers)")
    bounds = text[kind]
    if not isinstance(bounds, Sequence) or isinstance(bounds, str) or len(bounds) != 2:
        raise SpaceError(f"{place}.{kind}: must be [low, high], got {bounds!r}")
    low = check_value(name, bounds[0], f"{place}.low")
    high = check_value(name, bounds[1], f"{place}.high")
    assert not isinstance(low, str | bool)
    assert not isinstance(high, str | bool)
    if low > high:
        raise SpaceError(f"{place}: low must not be above high, got [{low}, {high}]; swap them")
    log, step = text.get("log", False), text.get("step")
    if not isinstance(log, bool):
        raise SpaceError(f"{place}.log: must be true or false, got {log!r}")
    if log and low <= 0:
        raise SpaceError(f"{place}.low: must be above 0 on a logarithmic scale, got {low}; raise it or drop log")
    if step is not None:
        _check_step(step, kind, log, float(high - low), place)
    if kind == "int":
        return IntRange(int(low), int(high), int(step or 1), log)
    return FloatRange(float(low), float(high), None if step is None else float(step), log)


def _check_step(step: Any, kind: str, log: bool, width: float, place: str) -> None:
    if isinstance(step, bool) or not isinstance(step, int | float) or step <= 0:
        raise SpaceError(f"{place}.step: must be a number above 0, got {step!r}")
    if kind == "int" and step != int(step):
        raise SpaceError(f"{place}.step: must be a whole number, got {step!r}")
    if log and step != 1:
        raise SpaceError(f"{place}.step: cannot be combined with log; keep one of the two")
    if step > width > 0:
        raise SpaceError(f"{place}.step: must not exceed the range, got {step} over a range of {width:g}")


def _when(text: Any, place: str) -> tuple[Condition, ...]:
    if text is None:
        return ()
    if not isinstance(text, Mapping) or not text:
        raise SpaceError(f"{place}.when: must map a dimension to its values, e.g. {{optimizer: sgd}}, got {text!r}")
    conditions = []
    for name, values in text.items():
        if name not in QUANTITIES:
            raise SpaceError(f"{place}.when.{name}: there is no such dimension; {nearest(name, QUANTITIES)}")
        listed = values if isinstance(values, list | tuple) else [values]
        if not listed:
            raise SpaceError(f"{place}.when.{name}: the list of values is empty; name at least one")
        checked = tuple(check_value(name, value, f"{place}.when.{name}") for value in listed)
        conditions.append(Condition(name, checked))
    return tuple(conditions)


def _with_implied(name: str, written: tuple[Condition, ...], place: str) -> tuple[Condition, ...]:
    """An optimizer's setting exists only under optimizers that take it, whether the file says so or not."""
    takers = OPTIMIZER_SETTINGS.get(name)
    if takers is None:
        return written
    said = next((condition.values for condition in written if condition.dimension == "optimizer"), takers)
    both = tuple(value for value in said if value in takers)
    if not both:
        raise SpaceError(
            f"{place}.when.optimizer: {', '.join(map(str, said))} has no {name}; it belongs to {', '.join(takers)}"
        )
    others = tuple(condition for condition in written if condition.dimension != "optimizer")
    return (*others, Condition("optimizer", both))


def _ordered(section: Mapping[str, Any]) -> list[str]:
    # The number of layers decides how many parameters a per-layer dimension has, so it comes first.
    return sorted(section, key=lambda name: name != "layers")


def _completed(parsed: list[Dimension], batch_size: int | None) -> list[Dimension]:
    """Add the default dimensions: unconditional ones in front, conditional ones behind what they depend on."""
    given = {dimension.name for dimension in parsed}
    defaults = [parse_dimension(name, text) for name, text in DEFAULT_SPACE.items() if name not in given]
    if batch_size is not None:
        defaults.append(parse_dimension("batch_size", batch_size))
    first = [d for d in defaults if not d.when]
    layers = [d for d in (*parsed, *first) if d.name == "layers"]
    rest = [d for d in (*first, *parsed) if d.name != "layers"]
    known = {d.name: d for d in (*layers, *rest)}
    last = [d for d in defaults if d.when and _possible(d, known)]
    return [*layers, *rest, *last]


def _possible(dimension: Dimension, known: Mapping[str, Dimension]) -> bool:
    return all(
        any(known[condition.dimension].domain.contains(value) for value in condition.values)
        for condition in dimension.when
    )


def _check_conditions(dimensions: list[Dimension]) -> None:
    position = {dimension.name: index for index, dimension in enumerate(dimensions)}
    known = {dimension.name: dimension for dimension in dimensions}
    for index, dimension in enumerate(dimensions):
        place = f"space.{dimension.name}"
        if dimension.when and dimension.name in ("layers", "units"):
            raise SpaceError(f"{place}.when: every trial needs {dimension.name}; remove the condition")
        for condition in dimension.when:
            parent, where = condition.dimension, f"{place}.when.{condition.dimension}"
            if parent == dimension.name:
                raise SpaceError(f"{where}: a dimension cannot depend on itself; remove the condition")
            if parent not in position:
                raise SpaceError(f"{where}: the space has no {parent}; add it above {dimension.name}")
            if position[parent] > index:
                _refuse_later(dimension, known[parent], where)
            if known[parent].per_layer:
                raise SpaceError(
                    f"{where}: {parent} differs from layer to layer; "
                    f"add 'shared: true' to space.{parent} to depend on it"
                )
        if not _possible(dimension, known):
            _refuse_impossible(dimension, known, place)


def _refuse_later(dimension: Dimension, parent: Dimension, where: str) -> None:
    if any(condition.dimension == dimension.name for condition in parent.when):
        raise SpaceError(f"{where}: {dimension.name} and {parent.name} depend on each other (a cycle); remove one")
    raise SpaceError(f"{where}: {parent.name} comes later; move it above {dimension.name}")


def _refuse_impossible(dimension: Dimension, known: Mapping[str, Dimension], place: str) -> None:
    takers = OPTIMIZER_SETTINGS.get(dimension.name)
    optimizer = known["optimizer"].domain
    if takers is not None and not any(optimizer.contains(name) for name in takers):
        raise SpaceError(
            f"{place}: only {', '.join(takers)} has this setting, and the space has none of them; "
            f"remove it, or add one to space.optimizer (of {', '.join(OPTIMIZERS)})"
        )
    for condition in dimension.when:
        parent = known[condition.dimension].domain
        if not any(parent.contains(value) for value in condition.values):
            values = ", ".join(map(repr, condition.values))
            raise SpaceError(
                f"{place}.when.{condition.dimension}: {condition.dimension} is never {values}; "
                f"the space has {parent.describe()}"
            )


def _keys(text: Mapping[str, Any]) -> str:
    return "no keys" if not text else ", ".join(map(str, text))
