"""What is a search space, how large is it, and which parameters does one trial of it have?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spaces.catalog import COUNTS, Scalar
from spaces.dimension import Dimension, Params
from spaces.domains import Suggester
from spaces.suggesters import Replay


@dataclass(frozen=True)
class Space:
    """Dimensions in the order in which a trial is asked for them.

    Conditions look back only, and each dimension exists in some trial (``parse_space`` sees to both), except for those
    of layers that the space never has.
    """

    family: str
    dimensions: tuple[Dimension, ...]

    def suggest(self, suggester: Suggester) -> Params:
        """Ask for one value per dimension that exists in this trial (fixed ones are filled in unasked)."""
        params: Params = {}
        for dimension in self.dimensions:
            for key in dimension.keys(params):
                params[key] = dimension.domain.suggest(suggester, key)
        return params

    def replay(self, recorded: Mapping[str, Scalar]) -> Params:
        """The full parameters of a trial from its recorded ones (which need not hold the fixed values)."""
        return self.suggest(Replay(recorded))

    def __getitem__(self, name: str) -> Dimension:
        """The dimension of that name; KeyError if the space has none."""
        for dimension in self.dimensions:
            if dimension.name == name:
                return dimension
        raise KeyError(name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    def contains(self, params: Mapping[str, Scalar]) -> bool:
        """Whether full parameters are a trial of this space: none missing, none too many, each within its range.

        A config to start with may lie outside.
        """
        expected: set[str] = set()
        for dimension in self.dimensions:
            for key in dimension.keys(params):
                if key not in params or not dimension.domain.contains(params[key]):
                    return False
                expected.add(key)
        return expected == set(params)

    @cached_property
    def searched(self) -> tuple[Dimension, ...]:
        """The dimensions that have more than one value, and exist in some trial."""
        return tuple(d for d in self.dimensions if d.domain.size() != 1 and d.name in self._reached)

    @cached_property
    def has_conditions(self) -> bool:
        """Whether some trials have parameters that others lack."""
        fewest = self._counts(min)
        return any(
            d.when or not d.used_with(fewest) or (d.per_layer and self[d.counted_by].domain.size() != 1)
            for d in self.searched
        )

    @cached_property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that change whenever the set of possible trials does."""
        text = json.dumps([self.family, self.describe()], sort_keys=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """The space as a YAML file would say it, in canonical form, nothing left out."""
        return {dimension.name: dimension.describe() for dimension in self.dimensions}

    @cached_property
    def size(self) -> int | None:
        """How many different trials there are; None if infinitely many."""
        if any(dimension.domain.size() is None for dimension in self.searched):
            return None
        return self.grid_size(points=None)

    @cached_property
    def most_layers(self) -> dict[str, int]:
        """The dimensions that count layers, each with the largest number of them."""
        return self._counts(max)

    def _counts(self, pick: Callable[[Iterable[int]], int]) -> dict[str, int]:
        return {name: pick(map(int, self[name].domain.grid(None))) for name in COUNTS if name in self.names}

    @cached_property
    def _reached(self) -> frozenset[str]:
        """The names of the dimensions whose layers the space can have, and which depend on no other one."""
        names: set[str] = set()
        for dimension in self.dimensions:
            if dimension.used_with(self.most_layers) and all(c.dimension in names for c in dimension.when):
                names.add(dimension.name)
        return frozenset(names)

    def grid_size(self, points: int | None) -> int:
        """How many trials a grid with so many points a continuous range has."""
        return self._count(0, {}, points, {})

    def grid_point(self, index: int, points: int | None) -> Params:
        """The trial number ``index`` (0-based) of the grid, computed without listing the others.

        Raises:
            IndexError: if the grid has no such trial.
        """
        if index < 0:
            raise IndexError(f"grid index must be at least 0, got {index}")
        params: Params = {}
        known: dict[Any, int] = {}
        for position, dimension in enumerate(self.dimensions):
            for key in dimension.keys(params):
                index = self._descend(position, key, index, params, points, known)
        return params

    def _descend(
        self, position: int, key: str, index: int, params: Params, points: int | None, known: dict[Any, int]
    ) -> int:
        dimension = self.dimensions[position]
        keys = dimension.keys(params)
        later_layers = len(dimension.domain.grid(points)) ** (len(keys) - 1 - keys.index(key))
        for value in dimension.domain.grid(points):
            below = later_layers * self._count(position + 1, {**params, key: value}, points, known)
            if index < below:
                params[key] = value
                return index
            index -= below
        raise IndexError(f"grid index beyond the last trial, at {key}")

    def _count(self, position: int, params: Params, points: int | None, known: dict[Any, int]) -> int:
        """How many ways there are to go on from here; only values that others depend on are told apart."""
        if position == len(self.dimensions):
            return 1
        state = (position, tuple(params.get(name) for name in self._decisive))
        if state not in known:
            dimension = self.dimensions[position]
            values = dimension.domain.grid(points)
            if dimension.name in self._decisive and dimension.active(params):
                known[state] = sum(
                    self._count(position + 1, {**params, dimension.name: value}, points, known) for value in values
                )
            else:
                ways = len(values) ** len(dimension.keys(params))
                known[state] = ways * self._count(position + 1, params, points, known)
        return known[state]

    @cached_property
    def _decisive(self) -> tuple[str, ...]:
        named = {condition.dimension for d in self.dimensions for condition in d.when}
        return tuple(name for name in self.names if name in named or name in COUNTS)
