"""Which trials' model files are worth their place on disk?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spaces.metrics import Direction


@dataclass(frozen=True)
class Kept:
    """A model file of a finished trial."""

    number: int
    value: float
    path: Path
    size_bytes: int


def select(models: Iterable[Kept], *, count: int, disk_bytes: int, direction: Direction) -> list[Kept]:
    """The best ``count`` models that fit into ``disk_bytes`` together, best first; the very best stays in any case."""
    sign = -1 if direction == "maximize" else 1
    ranked = sorted(models, key=lambda model: (sign * model.value, model.number))
    kept: list[Kept] = []
    used = 0
    for model in ranked[:count]:
        if kept and used + model.size_bytes > disk_bytes:
            break
        kept.append(model)
        used += model.size_bytes
    return kept


def value_to_beat(kept: list[Kept], count: int) -> float | None:
    """What a new trial must beat to be kept; None while there is room."""
    return kept[-1].value if len(kept) >= count else None
