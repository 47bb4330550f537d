"""Which values does a call such as ``hp.Int("units", 8, 64, step=8)`` allow, and is the call in order?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from search.errors import ModelError
from spaces.catalog import Scalar
from spaces.domains import Choice, FloatRange, IntRange, after_steps, count_steps

SAMPLINGS = ("linear", "log", "reverse_log")
_MOST_VALUES = 10_000


def int_domain(place: str, low: Any, high: Any, step: Any = None, sampling: str | None = "linear") -> IntRange | Choice:
    """Whole numbers from low to high, both included.

    With ``log`` or ``reverse_log`` a step is a factor: 2 to 32 by a step of 2 is 2, 4, 8, 16, 32 (from the other end:
    32, 30, 26, 18, 2). Without a step, ``log`` searches evenly in logarithms and ``reverse_log`` evenly.

    Raises:
        ModelError: naming the call, the rule and the value.
    """
    low, high = _whole(f"{place}: min_value", low), _whole(f"{place}: max_value", high)
    step = None if step is None else _whole(f"{place}: step", step)
    chosen = _check(place, low, high, step, sampling)
    if chosen != "linear" and step is not None:
        return Choice(tuple(dict.fromkeys(int(value) for value in _by_factor(place, low, high, step, chosen))))
    step = step or 1
    return IntRange(low, high - (high - low) % step, step, chosen == "log")


def float_domain(
    place: str, low: Any, high: Any, step: Any = None, sampling: str | None = "linear"
) -> FloatRange | Choice:
    """Real numbers from low to high, both included; steps as for whole numbers.

    Raises:
        ModelError: naming the call, the rule and the value.
    """
    low, high = _real(f"{place}: min_value", low), _real(f"{place}: max_value", high)
    step = None if step is None else _real(f"{place}: step", step)
    chosen = _check(place, low, high, step, sampling)
    if step is None:
        return FloatRange(low, high, None, chosen == "log")
    if chosen != "linear":
        return Choice(tuple(_by_factor(place, low, high, step, chosen)))
    return FloatRange(low, after_steps(low, count_steps(low, high, step), step), step)


def choice_domain(place: str, values: Iterable[Any]) -> Choice:
    """One of several values of one type: whole numbers, numbers, words, or true and false.

    Raises:
        ModelError: naming the call, the rule and the value.
    """
    known = [plain(f"{place}: values", value) for value in values]
    if not known:
        raise ModelError(f"{place}: needs at least one value to choose from")
    kinds = {type(value) for value in known}
    if len(kinds) > 1:
        raise ModelError(f"{place}: values must all be of one type, got {known}")
    return Choice(tuple(dict.fromkeys(known)))


def plain(place: str, value: Any) -> Scalar:
    """A number, a word or a truth value; NumPy's own become Python's. Raises ModelError for anything else."""
    if not isinstance(value, bool | int | float | str) and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise ModelError(
            f"{place}: must be numbers, words or true and false, got {value!r}; "
            "let the model choose among names, and turn the name into what it stands for"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"{place}: must be finite, got {value}")
    return value


def _check(place: str, low: float, high: float, step: float | None, sampling: str | None) -> str:
    chosen = (sampling or "linear").lower()
    if chosen not in SAMPLINGS:
        raise ModelError(f"{place}: sampling must be one of {', '.join(SAMPLINGS)}, got {sampling!r}")
    if low > high:
        raise ModelError(f"{place}: min_value must be at most max_value, got {low} and {high}")
    if chosen != "linear" and low <= 0:
        raise ModelError(f"{place}: min_value must be above 0 with sampling={chosen!r}, got {low}")
    if step is not None and chosen == "linear" and step <= 0:
        raise ModelError(f"{place}: step must be above 0, got {step}")
    if step is not None and chosen != "linear" and step <= 1:
        raise ModelError(f"{place}: step must be above 1 with sampling={chosen!r} (it is a factor), got {step}")
    return chosen


def _by_factor(place: str, low: float, high: float, step: float, sampling: str) -> list[float]:
    count = int(math.log(high / low, step) + 1e-8) + 1
    if count > _MOST_VALUES:
        raise ModelError(f"{place}: a step of {step} gives {count} values, at most {_MOST_VALUES}; leave step out")
    values = [low * step**k for k in range(count)]
    return values if sampling == "log" else [high + low - value for value in values]


def _whole(place: str, value: Any) -> int:
    number = _real(place, value)
    if number != int(number):
        raise ModelError(f"{place} must be a whole number, got {value!r}")
    return int(number)


def _real(place: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, str | bool) or not math.isfinite(number):
        raise ModelError(f"{place} must be a number, got {value!r}")
    return number
