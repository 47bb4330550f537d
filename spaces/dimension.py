"""What does one entry of a space say: its values, its condition, and whether each layer has its own?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaces.catalog import PER_LAYER_BY_DEFAULT, QUANTITIES, Scalar
from spaces.domains import Choice, Domain

Params = dict[str, Scalar]


@dataclass(frozen=True)
class Condition:
    """Holds where an earlier dimension has one of some values; where that dimension is absent, it does not."""

    dimension: str
    values: tuple[Scalar, ...]

    def holds(self, params: Mapping[str, Scalar]) -> bool:
        return self.dimension in params and Choice(self.values).contains(params[self.dimension])


@dataclass(frozen=True)
class Dimension:
    """A named domain; it exists in a trial where all its conditions hold and some layer uses it.

    A condition on a conditional dimension nests: where that one is absent, so is this one.

    Attributes:
        needs: the dimensions that count the layers which use it, each with the least number of them; one that is
            reached will do. Empty where it does not take layers.
    """

    name: str
    domain: Domain
    when: tuple[Condition, ...] = ()
    per_layer: bool = False
    needs: tuple[tuple[str, int], ...] = ()

    def active(self, params: Mapping[str, Scalar]) -> bool:
        return self.used_with(params) and all(condition.holds(params) for condition in self.when)

    def used_with(self, counts: Mapping[str, Scalar]) -> bool:
        """Whether a model with so many layers has one that uses it; ``counts`` may hold other parameters too."""
        return not self.needs or any(int(counts.get(count, 0)) >= least for count, least in self.needs)

    def keys(self, params: Mapping[str, Scalar]) -> tuple[str, ...]:
        """The names of this dimension's parameters in one trial: ``units_1``, ``units_2``, ... or ``dropout``."""
        if not self.active(params):
            return ()
        if not self.per_layer:
            return (self.name,)
        layers = int(params[self.counted_by])
        return tuple(layer_key(self.name, layer) for layer in range(1, layers + 1))

    @property
    def counted_by(self) -> str:
        """The dimension that counts this one's layers; empty where it has none."""
        return QUANTITIES[self.name].counted_by

    def describe(self) -> Any:
        """What a YAML file would say, in canonical form."""
        extras: dict[str, Any] = {}
        if self.when:
            extras["when"] = {c.dimension: list(c.values) if len(c.values) > 1 else c.values[0] for c in self.when}
        if self.per_layer or self.name in PER_LAYER_BY_DEFAULT:
            extras["shared"] = not self.per_layer
        text = self.domain.describe()
        if not extras:
            return text
        return {**(text if isinstance(text, dict) else {"choice": _as_list(text)}), **extras}


def layer_key(name: str, layer: int) -> str:
    """The parameter name of a per-layer dimension; layers count from 1, from the input."""
    return f"{name}_{layer}"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
