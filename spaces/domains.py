"""Which values can one dimension take, and how is one of them suggested?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from spaces.catalog import Scalar


class Suggester(Protocol):
    """What a space asks for values. An ``optuna.Trial`` is one as it stands."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def suggest(self, suggester: Suggester, name: str) -> Scalar:
        return suggester.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def size(self) -> int | None:
        return (self.high - self.low) // self.step + 1

    def grid(self, points: int | None) -> tuple[Scalar, ...]:
        """Every value, or at most ``points`` that lie evenly in the range (evenly in logarithms if log)."""
        count = (self.high - self.low) // self.step + 1
        if points is None or count <= points:
            return tuple(range(self.low, self.high + 1, self.step))
        spaced = _log_spaced(self.low, self.high, points) if self.log else _spaced(self.low, self.high, points)
        snapped = (self.low + round((value - self.low) / self.step) * self.step for value in spaced)
        return tuple(dict.fromkeys(min(value, self.low + (count - 1) * self.step) for value in snapped))

    def contains(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )

    def describe(self) -> dict[str, Any]:
        extras = ({"step": self.step} if self.step != 1 else {}) | ({"log": True} if self.log else {})
        return {"int": [self.low, self.high], **extras}


@dataclass(frozen=True)
class FloatRange:
    """Real numbers from low to high, both included; with a step, only low, low + step, ..."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def suggest(self, suggester: Suggester, name: str) -> Scalar:
        value = suggester.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return value if self.step is None else self._exact(value, self.step)

    def size(self) -> int | None:
        if self.low == self.high:
            return 1
        return None if self.step is None else count_steps(self.low, self.high, self.step) + 1

    def grid(self, points: int | None) -> tuple[Scalar, ...]:
        """Every value of a stepped range; else ``points`` that lie evenly (evenly in logarithms if log)."""
        if self.low == self.high:
            return (self.low,)
        if self.step is not None:
            steps = count_steps(self.low, self.high, self.step)
            return tuple(after_steps(self.low, k, self.step) for k in range(steps + 1))
        if points is None:
            return ()
        return tuple(_log_spaced(self.low, self.high, points) if self.log else _spaced(self.low, self.high, points))

    def contains(self, value: object) -> bool:
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (self.step is None or abs((value - self.low) / self.step % 1 - 0.5) > 0.5 - 1e-6)
        )

    def _exact(self, value: float, step: float) -> float:
        """0.3 for a sampler's 0.30000000000000004, so that one config has one fingerprint; else the value as it is."""
        exact = after_steps(self.low, round((value - self.low) / step), step)
        return exact if abs(value - exact) < 1e-6 * step else value

    def describe(self) -> dict[str, Any]:
        extras: dict[str, Any] = {"step": self.step} if self.step is not None else {}
        return {"float": [self.low, self.high], **extras, **({"log": True} if self.log else {})}


@dataclass(frozen=True)
class Choice:
    """One of several values; a choice of one is a fixed value, and nobody is asked for it."""

    values: tuple[Scalar, ...]

    def suggest(self, suggester: Suggester, name: str) -> Scalar:
        if len(self.values) == 1:
            return self.values[0]
        value: Scalar = suggester.suggest_categorical(name, self.values)
        return value

    def size(self) -> int | None:
        return len(self.values)

    def grid(self, points: int | None) -> tuple[Scalar, ...]:
        return self.values

    def contains(self, value: object) -> bool:
        # 1 == True in Python, and a switch is not a number.
        return any(value == known and isinstance(value, bool) == isinstance(known, bool) for known in self.values)

    def describe(self) -> Any:
        return list(self.values) if len(self.values) > 1 else self.values[0]


Domain = IntRange | FloatRange | Choice


def count_steps(low: float, high: float, step: float) -> int:
    """How many whole steps fit between low and high, in decimals: in binary 0.3 / 0.1 falls short of 3.

    >>> count_steps(0, 0.3, 0.1)
    3
    """
    return int((Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step)))


def after_steps(low: float, steps: int, step: float) -> float:
    """The value so many steps above low, in decimals."""
    return float(Decimal(str(low)) + steps * Decimal(str(step)))


def _spaced(low: float, high: float, points: int) -> list[float]:
    if points == 1:
        return [(low + high) / 2]
    return [low + (high - low) * k / (points - 1) for k in range(points)]


def _log_spaced(low: float, high: float, points: int) -> list[float]:
    logs = _spaced(math.log(low), math.log(high), points)
    # The ends exactly, not to rounding.
    return [math.exp(logs[0])] if points == 1 else [low, *(math.exp(value) for value in logs[1:-1]), high]
