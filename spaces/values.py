"""May a quantity have this value, in any space at all?"""

from __future__ import annotations

import math
import re
from typing import Any

from spaces.catalog import QUANTITIES, Quantity, Scalar
from spaces.errors import SpaceError, nearest

_FUNCTION = re.compile(r".+\.py:[A-Za-z_]\w*")


def check_value(name: str, value: Any, place: str, *, quantity: Quantity | None = None) -> Scalar:
    """The value if ``name`` may have it in some space; a whole number becomes a float where a float is due.

    Args:
        quantity: bounds that are narrower than those of any space, e.g. one family's.

    Raises:
        SpaceError: naming the place, the rule and the value.
    """
    quantity = quantity or QUANTITIES[name]
    if quantity.kind == "bool":
        if not isinstance(value, bool):
            raise SpaceError(f"{place}: must be true or false, got {value!r} ({quantity.meaning})")
        return value
    if quantity.kind == "name":
        if quantity.functions and is_function(value):
            return str(value)
        if not isinstance(value, str) or value not in quantity.names:
            own = ", or your own as file.py:function" if quantity.functions else ""
            raise SpaceError(f"{place}: {value!r} is not known; {nearest(value, quantity.names)}{own}")
        return value
    return _number(name, quantity, value, place)


def is_function(value: object) -> bool:
    """Whether it names a function of the user's: ``file.py:function``.

    >>> is_function("my_losses.py:dear_shortage"), is_function("mse")
    (True, False)
    """
    return isinstance(value, str) and _FUNCTION.fullmatch(value) is not None


def _number(name: str, quantity: Quantity, value: Any, place: str) -> int | float:
    kind = "a whole number" if quantity.kind == "int" else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpaceError(f"{place}: must be {kind}, got {value!r} ({quantity.meaning})")
    if not _is_finite(value):
        raise SpaceError(f"{place}: must be finite, got {str(value)[:20]} ({quantity.meaning})")
    if quantity.kind == "int" and value != int(value):
        raise SpaceError(f"{place}: must be {kind}, got {value!r} ({quantity.meaning})")
    for broken, rule in (
        (quantity.minimum is not None and value < quantity.minimum, f"at least {quantity.minimum}"),
        (quantity.maximum is not None and value > quantity.maximum, f"at most {quantity.maximum}"),
        (quantity.below is not None and value >= quantity.below, f"below {quantity.below}"),
        (quantity.above is not None and value <= quantity.above, f"above {quantity.above}"),
    ):
        if broken:
            raise SpaceError(f"{place}: must be {rule}, got {value} ({name} is {quantity.meaning})")
    # Adding 0.0 turns -0.0 into 0.0: equal configs must read alike to have one fingerprint.
    return int(value) if quantity.kind == "int" else float(value) + 0.0


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False  # an int beyond every float
