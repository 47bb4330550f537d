"""How do rows become the several inputs of one model?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .arrays import ArrayInput
from .errors import PortableError
from .sequences import SequenceInput
from .table import TableInput
from .tokens import TokenInput

OneInput = TableInput | ArrayInput | SequenceInput | TokenInput


@dataclass(frozen=True)
class SeveralInputs:
    """Inputs by name, each prepared in its own way.

    Attributes:
        parts: how each input is prepared.
        by_name: whether raw rows come as a mapping of the inputs' names to their rows; else they are the rows of
            one table, of which each input takes its columns.
    """

    kind: ClassVar[str] = "inputs"
    parts: Mapping[str, OneInput]
    by_name: bool = False

    def transform(self, rows: Any) -> dict[str, NDArray[Any]]:
        """Prepare raw rows: one array an input, as its own ``transform`` says, equally many rows in each.

        A table may also come as a mapping of the inputs' names.

        Raises:
            PortableError: an input is missing, does not fit, or has another number of rows.
        """
        named = isinstance(rows, Mapping) and all(name in rows for name in self.parts)
        if self.by_name and not named:
            raise PortableError(f"the rows must be a mapping of the inputs {self._listed()}, got {_got(rows)}")
        x = {}
        for name, part in self.parts.items():
            try:
                x[name] = part.transform(rows[name] if named else rows)
            except PortableError as error:
                raise PortableError(f"input '{name}': {error}") from None
        counts = {name: len(array) for name, array in x.items()}
        if len(set(counts.values())) > 1:
            shown = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
            raise PortableError(f"all inputs must have the same number of rows, got {shown}")
        return x

    def _listed(self) -> str:
        return ", ".join(map(repr, self.parts))


def _got(rows: Any) -> str:
    if isinstance(rows, Mapping):
        return f"only {', '.join(map(repr, list(rows)[:10])) or 'an empty one'}"
    shape = getattr(rows, "shape", None)
    return type(rows).__name__ + ("" if shape is None else f" of the shape {np.shape(rows)}")
