"""How does a mistake in a search space read to the person who made it?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpaceError(Exception):
    """An expected mistake in a space or in a set of hyperparameters: one line with place, rule and remedy."""


def nearest(name: object, allowed: Iterable[str]) -> str:
    """Tell which allowed name was probably meant, and which names there are.

    >>> nearest("adma", ["adam", "sgd"])
    "did you mean 'adam'? Allowed: adam, sgd"
    """
    names = list(allowed)
    close = difflib.get_close_matches(str(name), names, n=1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}Allowed: {', '.join(names)}"
