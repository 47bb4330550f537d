"""What can be said of one thing that a space sets: its kind, its bounds, and what holds where it is left out?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scalar = int | float | str | bool


@dataclass(frozen=True)
class Quantity:
    """One thing that a space can set.

    Attributes:
        kind: "int", "float", "bool" or "name".
        meaning: a phrase for messages and docs.
        minimum, maximum: hard bounds (inclusive); None is unbounded.
        below: an exclusive upper bound, e.g. 1 for a dropout rate.
        above: an exclusive lower bound, e.g. 0 for a learning rate.
        names: the allowed names of a "name".
        functions: whether a "name" may also be the user's own, written as ``file.py:function``.
        counted_by: the dimension that counts the layers, where it may differ from layer to layer; else empty.
        neutral: the value where the space does not set it; None means that every trial must have one
            (or, for a learning rate and optimizer settings, that Keras's own default holds).
        suggested: the documented range to search it over: what ``name: auto`` in a space stands for.
        otherwise: what holds where it is left out, in words, where ``neutral`` does not say it all.
    """

    kind: Literal["int", "float", "bool", "name"]
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    below: float | None = None
    above: float | None = None
    names: tuple[str, ...] = ()
    functions: bool = False
    counted_by: str = ""
    neutral: Scalar | None = None
    suggested: object = None
    otherwise: str = ""

    @property
    def per_layer(self) -> bool:
        """Whether it may differ from layer to layer."""
        return bool(self.counted_by)
