"""Which metrics are sent together, and when?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

METRICS_LIMIT, PARAMS_LIMIT, TAGS_LIMIT = 1000, 100, 100  # MLflow's, per request
T = TypeVar("T")


class Point(NamedTuple):
    """One value of one metric; `time_ms` since 1970, `step` is the completed epoch."""

    key: str
    value: float
    time_ms: int
    step: int


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts of at most `size`, in order."""
    return (items[start : start + size] for start in range(0, len(items), size))


@dataclass
class EpochBuffer:
    """Gathers the metrics of each trial until they are worth a request.

    A trial's points are due `interval_seconds` after the first of them came, or once they fill a request.
    Clock values are seconds of any steady clock.
    """

    interval_seconds: float
    _points: dict[int, list[Point]] = field(default_factory=dict)
    _due: dict[int, float] = field(default_factory=dict)

    def add(self, number: int, points: Iterable[Point], now: float) -> None:
        """Keep a trial's points."""
        kept = self._points.setdefault(number, [])
        kept.extend(points)
        self._due.setdefault(number, now + self.interval_seconds)
        if len(kept) >= METRICS_LIMIT:
            self._due[number] = now

    def take(self, number: int) -> list[Point]:
        """Give a trial's points away, in the order they came."""
        self._due.pop(number, None)
        return self._points.pop(number, [])

    def due(self, now: float) -> list[int]:
        """Name the trials whose points are to be sent now, the longest waiting first."""
        return sorted((n for n, at in self._due.items() if at <= now), key=self._due.__getitem__)

    def waiting(self) -> list[int]:
        """Name every trial that has points here."""
        return list(self._due)

    def pause(self, now: float) -> float | None:
        """Tell in how many seconds the next trial is due; None if there is none."""
        return max(0.0, min(self._due.values()) - now) if self._due else None


def points(metrics: Mapping[str, float], time_ms: int, step: int) -> list[Point]:
    """Write one epoch's metrics as points."""
    return [Point(key, float(value), time_ms, step) for key, value in metrics.items()]
