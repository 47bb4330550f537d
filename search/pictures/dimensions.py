"""Where does a hyperparameter's value lie on an axis, and which ticks does the axis have?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search.pictures.rows import Scalar, TrialRow
from search.pictures.wording import format_scalar

# Up to this many whole numbers each get a tick of their own.
MOST_STEPS = 12
UNUSED = "not used"


@dataclass(frozen=True)
class Dimension:
    """The axis of one hyperparameter; positions are values, their log10, or indexes of categories.

    Attributes:
        name: the hyperparameter.
        positions: where each trial lies, in the order of the rows; None where the trial does not have it.
        ticks: positions of the ticks, rising.
        labels: their texts.
        kind: how values became positions.
    """

    name: str
    positions: tuple[float | None, ...]
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    kind: str

    @property
    def used(self) -> list[float]:
        """The positions of the trials that have the hyperparameter."""
        return [position for position in self.positions if position is not None]


def dimension_of(name: str, rows: Sequence[TrialRow], *, log: bool) -> Dimension:
    """Lay out one hyperparameter over the trials that have it (at least one must)."""
    values = [row.params.get(name) for row in rows]
    present = [value for value in values if value is not None]
    numeric = [float(value) for value in present if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numeric) < len(present):
        return _categories(name, values)
    if log and min(numeric) > 0:
        positions = tuple(None if value is None else math.log10(float(value)) for value in values)
        ticks = log_ticks(min(numeric), max(numeric))
        return Dimension(name, positions, *_labelled({math.log10(tick): format_scalar(tick) for tick in ticks}), "log")
    positions = tuple(None if value is None else float(value) for value in values)
    whole = all(isinstance(value, int) for value in present)
    ticks = round_ticks(min(numeric), max(numeric), whole=whole)
    return Dimension(name, positions, *_labelled({tick: format_scalar(_plain(tick)) for tick in ticks}), "linear")


def _categories(name: str, values: Sequence[Scalar]) -> Dimension:
    # Sorted by how they read, so that a refreshed picture keeps its order; false comes before true.
    labels = sorted({format_scalar(value, digits=6) for value in values if value is not None})
    places = {label: float(index) for index, label in enumerate(labels)}
    positions = tuple(None if value is None else places[format_scalar(value, digits=6)] for value in values)
    return Dimension(name, positions, tuple(places.values()), tuple(labels), "category")


def _labelled(ticks: dict[float, str]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    return tuple(ticks), tuple(ticks.values())


def _plain(value: float) -> Scalar:
    return int(value) if value == int(value) and abs(value) < 1e6 else value


def round_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about five round values between low and high; all of them for a short run of whole numbers."""
    if whole and high - low < MOST_STEPS:
        return [float(tick) for tick in range(int(low), int(high) + 1)]
    span = high - low
    if span <= 0:
        return [low]
    magnitude = 10.0 ** math.floor(math.log10(span / 4))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if span / (factor * magnitude) <= 6)
    if whole:
        step = max(1.0, step)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round values between low and high: 1, 2 and 5 of each decade, or 1 alone over many decades."""
    if low == high:
        return [low]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        candidates = [float(f"{factor}e{decade}") for decade in decades for factor in factors]
        ticks = [tick for tick in candidates if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) >= 4:
            return ticks
    return ticks if len(ticks) >= 2 else [low, high]
