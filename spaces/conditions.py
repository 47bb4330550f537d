"""When does a dimension exist, and can what its conditions ask for ever be?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spaces.catalog import OPTIMIZER_SETTINGS, OPTIMIZERS, QUANTITIES, Scalar
from spaces.dimension import Condition, Dimension
from spaces.domains import Choice
from spaces.errors import SpaceError, nearest
from spaces.values import check_value


def read_conditions(name: str, entry: Mapping[str, Any], place: str) -> tuple[Condition, ...]:
    """The conditions of an entry's ``when``, if it has one, with the one that an optimizer's setting implies.

    Raises:
        SpaceError: if ``when`` is no such mapping, or asks for an optimizer that does not take the setting.
    """
    return _with_implied(name, _written(entry["when"], place) if "when" in entry else (), place)


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
        if dimension.when and dimension.name in ("layers", "units"):
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
