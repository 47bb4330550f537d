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
    return f"{guess(name, names)}Allowed: {', '.join(names)}"


def guess(name: object, allowed: Iterable[str]) -> str:
    """Tell which allowed name was probably meant, where one is close: for lists too long to be told.

    >>> guess("adma", ["adam", "sgd"])
    "did you mean 'adam'? "
    """
    names, asked = list(allowed), str(name).lower()
    by_lower_case = {known.lower(): known for known in names}
    # Two letters swapped is the commonest slip, and difflib would find adma closer to adamax than to adam.
    swapped = [known for known in by_lower_case if sorted(known) == sorted(asked)]
    close = swapped or difflib.get_close_matches(asked, by_lower_case, n=1)
    return f"did you mean '{by_lower_case[close[0]]}'? " if close else ""
