"""How does the ``space`` section of an experiment file become a Space, and what may it say?"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from spaces.catalog import (
    DEFAULT_EPOCHS,
    DEFAULT_SPACES,
    FAMILIES,
    FAMILY_DIMENSIONS,
    PER_LAYER_BY_DEFAULT,
    QUANTITIES,
    Quantity,
    quantity_of,
)
from spaces.completion import completed, follow_ups, leading_first
from spaces.conditions import check_conditions, read_conditions, with_implied
from spaces.dimension import Dimension
from spaces.domains import Choice, Domain, FloatRange, IntRange, after_steps, count_steps
from spaces.errors import SpaceError, guess, nearest
from spaces.layer_use import with_layers_needed
from spaces.phases import check_clipping, check_second_phase, in_epochs
from spaces.space import Space
from spaces.values import check_value

_RANGE_KEYS = {"int": ("int", "step", "log"), "float": ("float", "step", "log"), "choice": ("choice",)}
_COMMON_KEYS = ("when", "shared")
_MOST_STEPS = 1_000_000


def parse_space(
    section: Mapping[str, Any], *, family: str = "mlp", batch_size: int | None = None, epochs: int = DEFAULT_EPOCHS
) -> Space:
    """Build the space that a YAML section describes; what it leaves out takes the default space.

    Args:
        section: dimension name to range, list of choices, fixed value or ``auto`` (its documented default range), as
            read from YAML.
        family: the kind of model.
        batch_size: a fixed batch size that is given elsewhere; the section must then not search it.
        epochs: the most that a trial trains: what ``span_epochs`` is where nothing else is said, and what a
            fraction given as ``second_from`` is of.

    Raises:
        SpaceError: naming the key path, the rule, the value and the remedy.
    """
    if family not in FAMILIES:
        raise SpaceError(f"model: there is no model family {family!r}; {nearest(family, FAMILIES)}")
    if not isinstance(section, Mapping):
        raise SpaceError(f"space: must be a mapping such as {{layers: {{int: [1, 5]}}}}, got {section!r}")
    for name in section:
        _check_name(name, family)
    if batch_size is not None and "batch_size" in section:
        raise SpaceError(
            "space.batch_size: is given twice, here and as training.batch_size; "
            "keep the one here to search it, the other to fix it"
        )
    if batch_size is not None:
        check_value("batch_size", batch_size, "training.batch_size")  # the place where it was written

    def parse(entries: Mapping[str, Any]) -> list[Dimension]:
        return [
            parse_dimension(name, in_epochs(name, _spelt_out(name, text, family), epochs), family)
            for name, text in entries.items()
        ]

    fixed = {} if batch_size is None else {"batch_size": batch_size}
    written = parse({name: section[name] for name in leading_first(section)})
    dimensions = completed(written, parse({**DEFAULT_SPACES[family], **fixed}))
    check_second_phase(dimensions, epochs)
    dimensions = with_implied([*dimensions, *parse(follow_ups(dimensions, epochs))])
    check_conditions(dimensions)
    check_clipping(dimensions)
    return Space(family, tuple(with_layers_needed(dimensions)))


def parse_dimension(name: str, text: Any, family: str = "mlp") -> Dimension:
    """One entry: ``{int: [1, 5]}``, ``{float: [0, 0.5], when: ...}``, ``[relu, tanh]`` or a fixed value."""
    quantity, place = quantity_of(name, family), f"space.{name}"
    if not isinstance(text, Mapping):
        conditions = read_conditions(name, {}, place)
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
    return Dimension(name, domain, read_conditions(name, text, place), not shared)


def _spelt_out(name: str, text: Any, family: str) -> Any:
    """The entry, or what ``auto`` stands for."""
    if text != "auto":
        return text
    text = DEFAULT_SPACES[family].get(name, QUANTITIES[name].suggested)
    if isinstance(text, Mapping):
        text = {key: value for key, value in text.items() if key != "when"}  # the section has conditions of its own
    if text is None:
        raise SpaceError(f"space.{name}: has no default range, as it depends on the task; name them, e.g. [mse, mae]")
    return text


def _check_name(name: object, family: str) -> None:
    own = FAMILY_DIMENSIONS[family]
    if name in own:
        return
    if name not in QUANTITIES:
        raise SpaceError(
            f"space.{name}: there is no such dimension; {guess(name, own)}'kerasweep spaces {family}' lists them"
        )
    owners = [other for other, names in FAMILY_DIMENSIONS.items() if name in names]
    raise SpaceError(
        f"space.{name}: {family} has no such dimension; it belongs to {', '.join(owners)}; "
        f"remove it, or write model: {owners[0]}"
    )


def _choice(text: Any, quantity: Quantity, place: str) -> Choice:
    values = list(text) if isinstance(text, list | tuple) else [text]
    if not values:
        raise SpaceError(f"{place}: the list of choices is empty; name at least one value")
    name = place.removeprefix("space.")
    checked = [
        check_value(name, value, place if len(values) == 1 else f"{place}[{index}]", quantity=quantity)
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
    low = check_value(name, bounds[0], f"{place}.low", quantity=quantity)
    high = check_value(name, bounds[1], f"{place}.high", quantity=quantity)
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
        _check_step(step, kind, log, low, high, place)
        # Down to the last step, so that the largest value of the range is one that a trial can have.
        high = after_steps(low, count_steps(low, high, step), step)
    if kind == "int":
        return IntRange(int(low), int(high), int(step or 1), log)
    return FloatRange(float(low), float(high), None if step is None else float(step), log)


def _check_step(step: Any, kind: str, log: bool, low: float, high: float, place: str) -> None:
    place, width = f"{place}.step", f"over a range of {high - low:g}"
    if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= sys.float_info.max:
        raise SpaceError(f"{place}: must be a number above 0, got {step!r}")
    if kind == "int" and step != int(step):
        raise SpaceError(f"{place}: must be a whole number, got {step!r}")
    if log and (kind == "float" or step != 1):
        raise SpaceError(f"{place}: cannot be combined with log; keep one of the two")
    if (high - low) / step > _MOST_STEPS:
        raise SpaceError(f"{place}: must give at most {_MOST_STEPS} values, got {step} {width}; enlarge it or drop it")
    if low < high and count_steps(low, high, step) < 1:
        raise SpaceError(f"{place}: must not exceed the range, got {step} {width}")


def _keys(text: Mapping[str, Any]) -> str:
    return "no keys" if not text else ", ".join(map(str, text))
