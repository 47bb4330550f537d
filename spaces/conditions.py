"""When does a dimension exist, and can what its conditions ask for ever be?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from spaces.catalog import COUNTS, IMPLIED, QUANTITIES, Scalar
from spaces.dimension import Condition, Dimension
from spaces.domains import Choice
from spaces.errors import SpaceError, guess
from spaces.values import check_value

# What every trial must have, except under what they depend on anyway.
_ALWAYS = {
    **dict.fromkeys((*COUNTS, "filters", "state_size"), ""),
    "units": "widths",
    "units_first": "widths",
    "units_last": "widths",
    "second_from": "second_optimizer",
}


def read_conditions(name: str, entry: Mapping[str, Any], place: str) -> tuple[Condition, ...]:
    """The conditions of an entry's ``when``, if it has one.

    Raises:
        SpaceError: if ``when`` is no such mapping, or asks for an optimizer (schedule, loss) without this setting.
    """
    written = _written(entry["when"], place) if "when" in entry else ()
    implied = IMPLIED.get(name)
    for condition in written:
        if implied is not None and condition.dimension == implied[0] and not _both(condition.values, implied[1]):
            raise SpaceError(
                f"{place}.when.{implied[0]}: {', '.join(map(str, condition.values))} has no {name}; "
                f"it belongs to {', '.join(map(str, implied[1]))}"
            )
    return written


def with_implied(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """The dimensions with what they need of others, whether the file says so or not.

    An optimizer's setting exists only under optimizers that take it, and likewise for schedules and losses; ``units``
    only where they are free. Where the parent is not in the space, its neutral value is what counts.

    Raises:
        SpaceError: for a dimension that no trial could have.
    """
    known = {dimension.name: dimension for dimension in dimensions}
    return [_with_its_own(dimension, known) for dimension in dimensions]


def _with_its_own(dimension: Dimension, known: Mapping[str, Dimension]) -> Dimension:
    implied = _implied(dimension.name, known)
    if implied is None:
        return dimension
    parent, takers = implied
    if parent not in known:
        if QUANTITIES[parent].neutral in takers:
            return dimension
        _refuse_unused(dimension.name, parent, takers)
    if not any(known[parent].domain.contains(value) for value in takers):
        _refuse_unused(dimension.name, parent, takers)
    said = next((condition.values for condition in dimension.when if condition.dimension == parent), takers)
    others = tuple(condition for condition in dimension.when if condition.dimension != parent)
    values = _both(said, takers)
    if parent == "second_optimizer":
        values = tuple(value for value in values if known[parent].domain.contains(value))  # not the whole catalog
    return replace(dimension, when=(*others, Condition(parent, values)))


def _implied(name: str, known: Mapping[str, Dimension]) -> tuple[str, tuple[Scalar, ...]] | None:
    if name == "leaky_slope":
        return _leaky(known)
    # A family without hidden layers, or a space of free widths only, has nothing to ask for.
    return None if name == "units" and "widths" not in known else IMPLIED.get(name)


def _leaky(known: Mapping[str, Dimension]) -> tuple[str, tuple[Scalar, ...]] | None:
    """The slope depends on the activation where that is one for all layers; else some layer must have leaky_relu."""
    kinds = [known[name] for name in ("activation", "conv_activation") if name in known]
    if not any(kind.domain.contains("leaky_relu") for kind in kinds):
        raise SpaceError(
            "space.leaky_slope: no layer can be leaky_relu; remove it, or add leaky_relu to space.activation"
        )
    alone = len(kinds) == 1 and kinds[0].name == "activation" and not kinds[0].per_layer
    return IMPLIED["leaky_slope"] if alone else None


def _both(said: Sequence[Scalar], takers: Sequence[Scalar]) -> tuple[Scalar, ...]:
    return tuple(value for value in said if value in takers)


def _refuse_unused(name: str, parent: str, takers: Sequence[Scalar]) -> NoReturn:
    if parent == "widths":
        instead = "units" if name != "units" else "units_first and units_last"
        raise SpaceError(
            f"space.{name}: belongs to widths: {takers[0]}, which the space does not have; "
            f"write {instead} instead, or {takers[0]} in space.widths"
        )
    allowed = ", ".join(QUANTITIES[parent].names)
    raise SpaceError(
        f"space.{name}: only {', '.join(map(str, takers))} has this setting, and the space has none of them; "
        f"remove it, or add one to space.{parent} (of {allowed})"
    )


def possible(dimension: Dimension, known: Mapping[str, Dimension]) -> bool:
    """Whether each condition, taken by itself, asks for something that the space has."""
    return all(
        any(known[condition.dimension].domain.contains(value) for value in condition.values)
        for condition in dimension.when
    )


def check_conditions(dimensions: Sequence[Dimension]) -> None:
    """Refuse conditions that look forward, go in a circle, or never hold, so that every dimension is in some trial.

    Raises:
        SpaceError: naming the key path and what to do about it.
    """
    position = {dimension.name: index for index, dimension in enumerate(dimensions)}
    known = {dimension.name: dimension for dimension in dimensions}
    for index, dimension in enumerate(dimensions):
        place = f"space.{dimension.name}"
        if dimension.name in _ALWAYS and any(c.dimension != _ALWAYS[dimension.name] for c in dimension.when):
            raise SpaceError(f"{place}.when: every trial needs {dimension.name}; remove the condition")
        for condition in dimension.when:
            parent, where = condition.dimension, f"{place}.when.{condition.dimension}"
            if parent == dimension.name:
                raise SpaceError(f"{where}: a dimension cannot depend on itself; remove the condition")
            if parent not in position:
                raise SpaceError(f"{where}: the space has no {parent}; add it above {dimension.name}")
            if position[parent] > index:
                _refuse_later(dimension, known[parent], known, where)
            _check_parent(known[parent], where)
        _refuse_impossible(dimension, known, place)


def _written(text: Any, place: str) -> tuple[Condition, ...]:
    if not isinstance(text, Mapping) or not text:
        raise SpaceError(f"{place}.when: must map a dimension to its values, e.g. {{optimizer: sgd}}, got {text!r}")
    conditions = []
    for name, values in text.items():
        if name not in QUANTITIES:
            hint = guess(name, QUANTITIES)
            raise SpaceError(f"{place}.when.{name}: there is no such dimension; {hint}'kerasweep spaces' lists them")
        listed = values if isinstance(values, list | tuple) else [values]
        if not listed:
            raise SpaceError(f"{place}.when.{name}: the list of values is empty; name at least one")
        checked = tuple(check_value(name, value, f"{place}.when.{name}") for value in listed)
        conditions.append(Condition(name, checked))
    return tuple(conditions)


def _check_parent(parent: Dimension, where: str) -> None:
    if parent.per_layer:
        raise SpaceError(
            f"{where}: {parent.name} differs from layer to layer; "
            f"add 'shared: true' to space.{parent.name} to depend on it"
        )
    if parent.domain.size() is None:
        raise SpaceError(
            f"{where}: {parent.name} is a continuous range, which hardly ever gives one exact value; "
            f"give space.{parent.name} a step, or a list of choices"
        )


def _refuse_later(dimension: Dimension, parent: Dimension, known: Mapping[str, Dimension], where: str) -> None:
    if _depends_on(parent, dimension.name, known, seen=set()):
        raise SpaceError(f"{where}: {dimension.name} and {parent.name} depend on each other (a cycle); remove one")
    raise SpaceError(f"{where}: {parent.name} comes later; move it above {dimension.name}")


def _depends_on(dimension: Dimension, name: str, known: Mapping[str, Dimension], seen: set[str]) -> bool:
    """Whether ``dimension`` asks for ``name``, perhaps by way of others."""
    seen.add(dimension.name)
    parents = [condition.dimension for condition in dimension.when if condition.dimension in known]
    return name in parents or any(
        _depends_on(known[parent], name, known, seen) for parent in parents if parent not in seen
    )


def _refuse_impossible(dimension: Dimension, known: Mapping[str, Dimension], place: str) -> None:
    for condition in dimension.when:
        parent = known[condition.dimension].domain
        if not any(parent.contains(value) for value in condition.values):
            values = ", ".join(map(repr, condition.values))
            raise SpaceError(
                f"{place}.when.{condition.dimension}: {condition.dimension} is never {values}; "
                f"the space has {parent.describe()}"
            )
    for name, wanted in _demands(dimension, known).items():
        if not any(known[name].domain.contains(value) for value in wanted):
            raise SpaceError(
                f"{place}.when: never holds, as its conditions and those of what it depends on "
                f"ask for different values of {name}; remove one of them"
            )


def _demands(dimension: Dimension, known: Mapping[str, Dimension]) -> dict[str, tuple[Scalar, ...]]:
    """What a dimension asks of all others for itself to exist, its parents' own conditions included."""
    demands: dict[str, tuple[Scalar, ...]] = {}
    for condition in dimension.when:
        inherited = _demands(known[condition.dimension], known)
        for name, values in (*inherited.items(), (condition.dimension, condition.values)):
            both = demands.get(name, values)
            demands[name] = tuple(value for value in both if Choice(values).contains(value))
    return demands
