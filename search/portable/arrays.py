"""How do arrays of numbers, images above all, come to the scale that a network learns from?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import PortableError


@dataclass(frozen=True)
class ArrayInput:
    """Samples that are arrays: ``(x - offset) * scale``, the shape kept.

    Attributes:
        shape: of one sample.
        layout: whether its axes are those of an image, (height, width) or (height, width, channels).
    """

    kind: ClassVar[str] = "array"
    shape: tuple[int, ...]
    offset: float = 0.0
    scale: float = 1.0
    layout: Literal["numbers", "image"] = "numbers"

    def transform(self, rows: Any) -> NDArray[np.float32]:
        """Prepare what NumPy reads as (rows, *shape): float32, C-contiguous; the caller's array stays as it is.

        Raises:
            PortableError: it is of another shape, holds no numbers, or NaN or infinity.
        """
        values = np.asarray(rows)
        if values.dtype.kind not in "biuf":
            raise PortableError(f"the array must hold real numbers, got dtype {values.dtype}")
        if values.shape[1:] != self.shape or values.ndim == 0:
            expected = ", ".join(str(size) for size in self.shape)
            raise PortableError(f"the array must have the shape (rows, {expected}), got {values.shape}")
        # One copy only: image sets are large. What is too large for float32 becomes infinity, refused below.
        with np.errstate(over="ignore"):
            x = np.array(values, np.float32, order="C")
        if values.dtype.kind == "f" and not np.isfinite(x).all():
            raise PortableError("the array must hold finite numbers only, got NaN or infinity")
        if self.offset:  # of images there is none
            x -= np.float32(self.offset)
        x *= np.float32(self.scale)
        return x
