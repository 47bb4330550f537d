"""Which epoch is the best so far, and when has a trial gone long enough without a better one?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spaces.metrics import Direction


def is_better(value: float, than: float | None, direction: Direction) -> bool:
    """Whether ``value`` strictly beats ``than``; a value that is not a number beats nothing."""
    if math.isnan(value):
        return False
    if than is None:
        return True
    return value > than if direction == "maximize" else value < than


@dataclass(frozen=True)
class Best:
    """The best epoch (1-based, the earliest of equals) and its value."""

    epoch: int | None = None
    value: float | None = None

    def after(self, epoch: int, value: float, direction: Direction) -> Best:
        return Best(epoch, value) if is_better(value, self.value, direction) else self

    def is_stale(self, epoch: int, patience: int) -> bool:
        """Whether ``patience`` epochs have passed without a better one; a patience of 0 never ends."""
        return patience > 0 and epoch - (self.epoch or 0) >= patience
