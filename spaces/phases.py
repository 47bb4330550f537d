"""Can an optimizer do what is asked of it: clip gradients in one way, and hand over to a second one in time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from spaces.dimension import Dimension
from spaces.errors import SpaceError

CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_FIRST = 2  # the second phase's first epoch at the earliest: the first phase needs one


def in_epochs(name: str, text: Any, epochs: int) -> Any:
    """An entry of a space section; where it is ``second_from`` as a fraction of all epochs, then in epochs.

    >>> in_epochs("second_from", 0.5, 100), in_epochs("second_from", {"float": [0.2, 0.8]}, 10)
    (51, {'int': [3, 9]})
    """
    if name != "second_from":
        return text
    if isinstance(text, Mapping) and "float" in text and isinstance(text["float"], list | tuple):
        others = {key: value for key, value in text.items() if key not in ("float", "step")}
        return {"int": [_epoch(value, epochs) for value in text["float"]], **others}
    if isinstance(text, Mapping) and "choice" in text:
        return {**text, "choice": in_epochs(name, text["choice"], epochs)}
    if isinstance(text, list | tuple):
        return [_epoch(value, epochs) for value in text]
    return _epoch(text, epochs)


def check_clipping(dimensions: Sequence[Dimension]) -> None:
    """Refuse two ways of clipping in one trial: Keras's optimizers take one.

    Raises:
        SpaceError: naming the second.
    """
    clipping = [d for d in dimensions if d.name in CLIPPING and d.domain.describe() != 0]
    for first, second in combinations(clipping, 2):
        if not any(c.dimension == first.name and not any(c.values) for c in second.when):
            raise SpaceError(
                f"space.{second.name}: clips gradients, and so does {first.name}; keep one of the two, "
                f"or add 'when: {{{first.name}: 0}}'"
            )


def check_second_phase(dimensions: Sequence[Dimension], epochs: int) -> None:
    """Refuse a second phase that would begin after the last epoch.

    Raises:
        SpaceError: with the epochs that there are.
    """
    known = {dimension.name: dimension for dimension in dimensions}
    second = known.get("second_optimizer")
    if second is None or second.domain.describe() == "none":
        return
    if epochs < _FIRST:
        raise SpaceError(
            f"space.second_optimizer: needs at least {_FIRST} epochs, got {epochs}; "
            "raise training.epochs, or remove second_optimizer"
        )
    start = known.get("second_from")
    latest = max((int(value) for value in start.domain.grid(None)), default=0) if start is not None else 0
    if latest > epochs:
        raise SpaceError(
            f"space.second_from: must be at most {epochs}, the training's epochs, got {latest}; "
            "lower it, or raise training.epochs"
        )


def _epoch(value: Any, epochs: int) -> Any:
    """The first epoch behind a fraction of all; other values as they are."""
    if isinstance(value, float) and 0 <= value < 1:
        return min(max(_FIRST, round(value * epochs) + 1), max(_FIRST, epochs))
    return value
