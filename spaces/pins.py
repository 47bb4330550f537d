"""How does a known-good configuration, written by hand, become parameters to start with?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.catalog import QUANTITIES
from spaces.dimension import Dimension, Params, layer_key
from spaces.domains import Choice, FloatRange, IntRange
from spaces.errors import SpaceError, nearest
from spaces.parse import check_value
from spaces.space import Space


def pin(space: Space, config: Mapping[str, Any], place: str) -> tuple[Params, tuple[str, ...]]:
    """The parameters that ``config`` fixes; a sampler completes the rest.

    A number outside its range runs as it is given (a known-good model is worth measuring where it stands);
    the second result says so. ``units: [12, 8]`` gives one value per layer, and implies ``layers: 2``.

    Raises:
        SpaceError: for an unknown name, a value of the wrong kind, a choice that the space does not have, or
            a dimension that the given values rule out.
    """
    params: Params = {}
    notices: list[str] = []
    config = _with_layers(space, config, place)
    for dimension in space.dimensions:
        if dimension.name not in config:
            continue
        where = f"{place}.{dimension.name}"
        for condition in dimension.when:
            if condition.dimension in params and not condition.holds(params):
                raise SpaceError(
                    f"{where}: has no effect where {condition.dimension} is {params[condition.dimension]!r}; remove it"
                )
        for key, value in _values(space, dimension, config[dimension.name], params).items():
            checked = check_value(dimension.name, value, where)
            if not dimension.domain.contains(checked):
                notices.append(_outside(dimension, checked, where))
            params[key] = checked
    return params, tuple(notices)


def _with_layers(space: Space, config: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    if not isinstance(config, Mapping):
        raise SpaceError(f"{place}: must map dimensions to values, e.g. {{layers: 2, units: [64, 32]}}, got {config!r}")
    for name in config:
        if name not in space.names:
            if name in QUANTITIES:
                raise SpaceError(f"{place}.{name}: the space does not have {name}; add it to 'space' as well")
            raise SpaceError(f"{place}.{name}: there is no such dimension; {nearest(name, space.names)}")
    lengths = {name: len(value) for name, value in config.items() if isinstance(value, list | tuple)}
    for name, length in lengths.items():
        if not QUANTITIES[name].per_layer or not space[name].per_layer:
            raise SpaceError(f"{place}.{name}: is one value for the whole model here, got a list of {length}")
        layers = config.get("layers", length)
        if layers != length:
            raise SpaceError(f"{place}.{name}: has {length} values for {layers} layers; give one per layer")
        config = {**config, "layers": length}
    return config


def _values(space: Space, dimension: Dimension, given: Any, params: Params) -> dict[str, Any]:
    if not dimension.per_layer:
        return {dimension.name: given}
    if isinstance(given, list | tuple):
        return {layer_key(dimension.name, layer): value for layer, value in enumerate(given, start=1)}
    # One value for every layer; where the number of layers is left to the sampler, for as many as there may be.
    layers = int(params.get("layers", max(space["layers"].domain.grid(None))))
    return {layer_key(dimension.name, layer): given for layer in range(1, layers + 1)}


def _outside(dimension: Dimension, value: object, where: str) -> str:
    domain = dimension.domain
    if isinstance(domain, IntRange | FloatRange):
        return f"{where}: {value} lies outside the searched range [{domain.low}, {domain.high}]; it runs as given"
    assert isinstance(domain, Choice)
    if len(domain.values) == 1:
        raise SpaceError(f"{where}: the space fixes it at {domain.values[0]!r}; remove it here, or search it there")
    choices = ", ".join(map(str, domain.values))
    raise SpaceError(f"{where}: {value!r} is not among the choices ({choices}); add it to space.{dimension.name}")
