"""Who else, beside an Optuna trial, can a space ask for values?"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from spaces.catalog import Scalar
from spaces.errors import SpaceError


class Replay:
    """Gives back recorded values, so that a recorded trial becomes the same model again."""

    def __init__(self, params: Mapping[str, Scalar]) -> None:
        self._params = params

    def _value(self, name: str) -> Any:
        if name not in self._params:
            raise SpaceError(f"{name}: the recorded parameters have no such value; they belong to another space")
        return self._params[name]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._value(name))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._value(name))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._value(name)


class Extreme:
    """Always the smallest, or always the largest, value; a switch is off, or on; of names the first, or last."""

    def __init__(self, *, largest: bool) -> None:
        self._largest = largest

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return low + (high - low) // step * step if self._largest else low

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return high if self._largest else low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if all(isinstance(choice, int | float) for choice in choices):
            return max(choices) if self._largest else min(choices)
        return choices[-1] if self._largest else choices[0]


class Sampled:
    """Independent draws, uniform over each range (over its logarithm where it says so)."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        if log:
            return min(high, max(low, round(math.exp(self._random.uniform(math.log(low), math.log(high))))))
        return self._random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if step is not None:
            return low + step * self._random.randint(0, math.floor((high - low) / step + 1e-9))
        if log:
            return min(high, max(low, math.exp(self._random.uniform(math.log(low), math.log(high)))))
        return self._random.uniform(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)
