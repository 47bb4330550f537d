"""Which values may a user's own model be started with, before anybody knows what it will ask for?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.errors import ExperimentError
from spaces.quantity import Scalar

_NAMES_SHOWN = 12


def check_pins(start_with: tuple[Mapping[str, Any], ...]) -> list[dict[str, Scalar]]:
    """The values of ``start_with``, by the names that the model will ask for.

    Raises:
        ExperimentError: for a value that is none.
    """
    for index, config in enumerate(start_with):
        for name, value in config.items():
            if not isinstance(value, int | float | str | bool):
                rule = "must be a number, a word, true or false"
                raise ExperimentError(f"start_with[{index}].{name}: {rule}, got {value!r}")
    return [dict(config) for config in start_with]


def unasked(pinned: Mapping[str, Scalar], asked: Mapping[str, Scalar], index: int) -> str:
    """What there is to say about values to start with that no model asked for; empty if there are none."""
    never = [name for name in pinned if name not in asked]
    if not never:
        return ""
    names = ", ".join(list(asked)[:_NAMES_SHOWN]) or "nothing"
    return f"start_with[{index}]: the model did not ask for {', '.join(never)}; it asked for {names}"
