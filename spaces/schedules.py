"""What is the learning rate at every step of a training?

Times are in epochs, a fraction of one counting as so many steps; rates are fractions of the optimizer's own learning
rate r. Writing u for the epochs since warm-up ended, each schedule is the one of ``keras.optimizers.schedules``:

    constant         r
    exponential      r * decay_rate ** (u / decay_epochs)                            ExponentialDecay
    staircase        r * decay_rate ** floor(u / decay_epochs)                       ... with staircase=True
    polynomial       r * (e + (1 - e) * (1 - u / span) ** power)                     PolynomialDecay
    cosine           r * (e + (1 - e) * (1 + cos(pi * u / span)) / 2)                CosineDecay
    cosine_restarts  the same within each period; period i (from 0) is first_restart * restart_factor ** i epochs
                     long and starts at r * restart_peak ** i                        CosineDecayRestarts
    plateau          r, times plateau_factor at each plateau (``Plateau`` below)     ReduceLROnPlateau

with e = end_fraction, and span = span_epochs, or all that is left after warm-up. Cosine decay and its restarts:
Loshchilov and Hutter, SGDR, arXiv:1608.03983. Warm-up is linear from 0 (Goyal et al., arXiv:1706.02677).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spaces.metrics import Direction

if TYPE_CHECKING:
    from spaces.model_config import ScheduleConfig

Rates = NDArray[np.float32]
_LEAST_GAIN = 1e-4  # Keras's min_delta


def rates(schedule: ScheduleConfig | None, learning_rate: float, *, steps_per_epoch: int, epochs: int) -> Rates:
    """The learning rate of each step: float32, (steps_per_epoch * epochs,).

    A plateau's are those of a training that meets none; ``Plateau`` scales them.

    >>> from spaces.model_config import ScheduleConfig
    >>> halving = ScheduleConfig(name="staircase", settings={"decay_rate": 0.5, "decay_epochs": 1})
    >>> rates(halving, 0.4, steps_per_epoch=2, epochs=2).tolist() == [np.float32(r) for r in (0.4, 0.4, 0.2, 0.2)]
    True
    """
    steps = np.arange(steps_per_epoch * epochs, dtype=np.float64)
    if schedule is None:
        return np.full(len(steps), learning_rate, np.float32)
    warmup = schedule.warmup_epochs * steps_per_epoch
    settings = dict(schedule.settings)
    if not settings.get("span_epochs"):
        settings["span_epochs"] = max(epochs - schedule.warmup_epochs, 1 / steps_per_epoch)
    after = np.maximum(steps - warmup, 0.0) / steps_per_epoch
    fractions = _FRACTIONS[schedule.name](after, settings)
    if warmup:
        fractions = np.where(steps < warmup, steps / warmup, fractions)
    return (learning_rate * fractions).astype(np.float32)


def exponential(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    """``decay_rate ** (u / decay_epochs)``."""
    return settings.get("decay_rate", 0.9) ** (u / settings.get("decay_epochs", 10.0))


def staircase(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    """``decay_rate ** floor(u / decay_epochs)``."""
    # A whole number of decays can come out a rounding error short of itself.
    return settings.get("decay_rate", 0.9) ** np.floor(u / settings.get("decay_epochs", 10.0) + 1e-9)


def polynomial(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    """From 1 to ``end_fraction`` in ``span_epochs``, as ``(1 - u / span) ** power``."""
    end = settings.get("end_fraction", 0.0)
    return end + (1.0 - end) * (1.0 - np.minimum(u / settings["span_epochs"], 1.0)) ** settings.get("power", 1.0)


def cosine(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    """From 1 to ``end_fraction`` in ``span_epochs`` along half a cosine wave."""
    end = settings.get("end_fraction", 0.0)
    return end + (1.0 - end) * 0.5 * (1.0 + np.cos(np.pi * np.minimum(u / settings["span_epochs"], 1.0)))


def cosine_restarts(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    """Half cosine waves one after another, each ``restart_factor`` times as long as the one before."""
    growth, end = settings.get("restart_factor", 2.0), settings.get("end_fraction", 0.0)
    done = u / settings.get("first_restart", 10.0)
    if growth == 1.0:
        period = np.floor(done + 1e-9)
        within = done - period
    else:
        # Periods of length growth**i add up to (growth**i - 1) / (growth - 1).
        period = np.floor(np.log1p(done * (growth - 1.0)) / math.log(growth) + 1e-9)
        within = (done - (growth**period - 1.0) / (growth - 1.0)) / growth**period
    wave = 0.5 * settings.get("restart_peak", 1.0) ** period * (1.0 + np.cos(np.pi * np.maximum(within, 0.0)))
    return end + (1.0 - end) * wave


def _constant(u: NDArray[Any], settings: Mapping[str, float]) -> NDArray[Any]:
    return np.ones_like(u)


_FRACTIONS: dict[str, Callable[[NDArray[Any], Mapping[str, float]], NDArray[Any]]] = {
    "constant": _constant,
    "exponential": exponential,
    "staircase": staircase,
    "polynomial": polynomial,
    "cosine": cosine,
    "cosine_restarts": cosine_restarts,
    "plateau": _constant,
}


@dataclass(frozen=True)
class Plateau:
    """How far a plateau schedule has come; the rule of ``keras.callbacks.ReduceLROnPlateau`` without a cooldown.

    Attributes:
        factor: what the learning rate is multiplied by once ``patience`` epochs in a row have not beaten the best value
            by more than 0.0001.
        floor: the least fraction of the first learning rate.
        fraction: of the first learning rate, now.
    """

    factor: float
    patience: int
    floor: float
    fraction: float = 1.0
    best: float | None = None
    wait: int = 0

    @classmethod
    def of(cls, schedule: ScheduleConfig | None) -> Plateau | None:
        """The beginning of a plateau schedule; None for any other."""
        if schedule is None or schedule.name != "plateau":
            return None
        settings = schedule.settings
        return cls(
            settings.get("plateau_factor", 0.5),
            int(settings.get("plateau_patience", 5)),
            settings.get("end_fraction", 0.0),
        )

    def after(self, value: float, direction: Direction) -> Plateau:
        """The state after an epoch with this value."""
        gain = math.inf if self.best is None else (value - self.best) * (1 if direction == "maximize" else -1)
        if gain > _LEAST_GAIN:
            return replace(self, best=value, wait=0)
        if self.wait + 1 < self.patience or self.fraction <= self.floor:
            return replace(self, wait=self.wait + 1)
        return replace(self, fraction=max(self.fraction * self.factor, self.floor), wait=0)
