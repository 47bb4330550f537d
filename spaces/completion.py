"""What joins the dimensions that a space section names, and in which order are all of them asked for?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spaces.catalog import CONDITIONAL_DEFAULTS, IMPLIED, LEADING
from spaces.conditions import possible
from spaces.dimension import Dimension


def leading_first(names: Iterable[str]) -> list[str]:
    """The names with those in front that decide how many parameters the others have; else in the given order."""
    return sorted(names, key=lambda name: LEADING.index(name) if name in LEADING else len(LEADING))


def completed(parsed: Sequence[Dimension], defaults: Sequence[Dimension]) -> list[Dimension]:
    """Add the default dimensions: unconditional ones in front, conditional ones behind what they depend on.

    Args:
        parsed: what the section names.
        defaults: what a space of the family has where the section leaves it out, and where it can be.
    """
    given = {dimension.name for dimension in parsed}
    new = [dimension for dimension in defaults if dimension.name not in given]
    every = {d.name: d for d in (*(d for d in new if not d.when), *parsed)}
    known = {name: every[name] for name in leading_first(every) if name in given or not _ruled_out(name, every)}
    last = [dimension for dimension in new if dimension.when and possible(dimension, known)]
    return [*known.values(), *last]


def follow_ups(dimensions: Sequence[Dimension], epochs: int) -> dict[str, object]:
    """What joins, as a section would say it, because the space has what it belongs to: the ends of a funnel, the
    second phase of a second optimizer, the epochs that a schedule spans."""
    known = {dimension.name: dimension for dimension in dimensions}
    texts = {**CONDITIONAL_DEFAULTS, "span_epochs": epochs}
    return {
        name: text
        for name, text in texts.items()
        if name not in known and IMPLIED[name][0] in known and not _ruled_out(name, known)
    }


def _ruled_out(name: str, known: Mapping[str, Dimension]) -> bool:
    """Whether what it belongs to is in the space, but never as it would have to be."""
    parent, takers = IMPLIED.get(name, ("", ()))
    return parent in known and not any(known[parent].domain.contains(value) for value in takers)
