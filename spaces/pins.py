"""How does a known-good configuration, written by hand, become parameters to start with?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spaces.catalog import COUNTS, QUANTITIES, quantity_of
from spaces.dimension import Dimension, Params, layer_key
from spaces.domains import Choice, FloatRange, IntRange
from spaces.errors import SpaceError, nearest
from spaces.space import Space
from spaces.values import check_value

_LAYER_WORDS = {"layers": "layer", "conv_layers": "convolution block", "recurrent_layers": "recurrent layer"}


def pin(space: Space, config: Mapping[str, Any], place: str) -> tuple[Params, tuple[str, ...]]:
    """The parameters that ``config`` fixes; a sampler completes the rest.

    A number outside its range runs as it is given (a known-good model is worth measuring where it stands);
    the second result says so. ``units: [12, 8]`` gives one value per layer, and implies ``layers: 2``;
    ``filters: [16, 4]`` implies ``conv_layers: 2``.

    Raises:
        SpaceError: for an unknown name, a value of the wrong kind, a choice that the space does not have, or
            a dimension that the given values rule out.
    """
    params: Params = {}
    notices: list[str] = []
    config = _with_counts(space, config, place)
    absent: dict[str, str] = {}  # dimensions that the given values rule out, and which value does
    for dimension in space.dimensions:
        reason = _ruled_out(dimension, params, absent)
        if reason is not None:
            absent[dimension.name] = reason
        if dimension.name not in config:
            continue
        if reason is not None:
            raise SpaceError(f"{place}.{dimension.name}: has no effect where {reason}; remove it")
        for key, where, value in _values(space, dimension, config[dimension.name], params, place):
            checked = check_value(dimension.name, value, where, quantity=quantity_of(dimension.name, space.family))
            if not dimension.used_with({**space.most_layers, **params}):
                continue  # one value for no layer, like a list of none
            if isinstance(dimension.domain, IntRange | FloatRange) and dimension.domain.log and float(checked) <= 0:
                raise SpaceError(
                    f"{where}: is searched in logarithms, which {checked} does not have; give a number above 0, "
                    f"or list the values of space.{dimension.name}"
                )
            if not dimension.domain.contains(checked):
                notices.append(_outside(dimension, checked, where))
            params[key] = checked
    return params, tuple(dict.fromkeys(notices))


def _ruled_out(dimension: Dimension, params: Params, absent: Mapping[str, str]) -> str | None:
    for condition in dimension.when:
        if condition.dimension in absent:
            return absent[condition.dimension]
        if condition.dimension in params and not condition.holds(params):
            return f"{condition.dimension} is {params[condition.dimension]!r}"
    return None


def _with_counts(space: Space, config: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The config with the numbers of layers that its lists imply."""
    if not isinstance(config, Mapping):
        raise SpaceError(f"{place}: must map dimensions to values, e.g. {{layers: 2, units: [64, 32]}}, got {config!r}")
    for name in config:
        if name not in space.names:
            if name in QUANTITIES:
                raise SpaceError(f"{place}.{name}: the space does not have {name}; add it to 'space' as well")
            raise SpaceError(f"{place}.{name}: there is no such dimension; {nearest(name, space.names)}")
    lengths = {name: len(value) for name, value in config.items() if isinstance(value, list | tuple)}
    for name, length in lengths.items():
        if not space[name].per_layer:
            raise SpaceError(f"{place}.{name}: is one value for the whole model here, got a list of {length}")
        if length == 0 and quantity_of(space[name].counted_by, space.family).minimum:
            raise SpaceError(f"{place}.{name}: the list is empty; give one value per layer")
    counts: dict[str, int] = {}
    for count in COUNTS:
        if count in config:
            counts[count] = int(
                check_value(count, config[count], f"{place}.{count}", quantity=quantity_of(count, space.family))
            )
    for name, length in lengths.items():
        count = space[name].counted_by
        layers = counts.setdefault(count, length)
        if layers != length:
            have, need = _counted(length, "value"), _counted(layers, _LAYER_WORDS[count])
            raise SpaceError(f"{place}.{name}: has {have} for {need}; give one per layer")
    return {**config, **counts, **_implied_widths(space, config)}


def _implied_widths(space: Space, config: Mapping[str, Any]) -> dict[str, Any]:
    """Widths that are given say by themselves of which kind they are."""
    if "widths" not in space.names or "widths" in config:
        return {}
    if "units" in config:
        return {"widths": "free"}
    return {"widths": "funnel"} if {"units_first", "units_last"} & set(config) else {}


def _values(
    space: Space, dimension: Dimension, given: Any, params: Params, place: str
) -> Iterator[tuple[str, str, Any]]:
    """Parameter name, place in the file and value, for each that the config fixes."""
    where = f"{place}.{dimension.name}"
    if not dimension.per_layer:
        yield dimension.name, where, given
    elif isinstance(given, list | tuple):
        for index, value in enumerate(given):
            yield layer_key(dimension.name, index + 1), f"{where}[{index}]", value
    else:
        # One value for every layer; where the number of layers is left to the sampler, for as many as there may be.
        count = dimension.counted_by
        layers = int(params.get(count, max(space[count].domain.grid(None))))
        for layer in range(1, layers + 1):
            yield layer_key(dimension.name, layer), where, given


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _outside(dimension: Dimension, value: object, where: str) -> str:
    domain = dimension.domain
    if isinstance(domain, IntRange | FloatRange):
        between = f" in steps of {domain.step}" if domain.step not in (None, 1) else ""
        return (
            f"{where}: {value} lies outside the searched range [{domain.low}, {domain.high}]{between}; it runs as given"
        )
    assert isinstance(domain, Choice)
    if len(domain.values) == 1:
        raise SpaceError(f"{where}: the space fixes it at {domain.values[0]!r}; remove it here, or search it there")
    choices = ", ".join(map(str, domain.values))
    raise SpaceError(f"{where}: {value!r} is not among the choices ({choices}); add it to space.{dimension.name}")
