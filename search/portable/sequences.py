"""How do sequences of numbers, some shorter than others, become one array?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import PortableError

# Fills a sequence behind its last step; the model's masking layer passes over steps that hold nothing else.
MASK_VALUE = -1000.0


@dataclass(frozen=True)
class SequenceInput:
    """Samples of several steps with some numbers (features) each, standardised by feature.

    Attributes:
        shape: (steps of the longest sequence, features).
        means, stds: of each feature, over the real steps of the training rows.
        masked: whether there were shorter sequences. New ones may then have any length: shorter ones are filled
            up with ``MASK_VALUE``, of longer ones the first steps count.
    """

    kind: ClassVar[str] = "sequence"
    shape: tuple[int, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    masked: bool = False

    def transform(self, rows: Any) -> NDArray[np.float32]:
        """Prepare an array (rows, steps, features), or a list of (steps, features) arrays: float32, (rows, *shape).

        In an array, NaN behind the last step of a sequence is padding. Of one feature, (rows, steps) will do.

        Raises:
            PortableError: a shape does not fit, a sequence has a gap or no step, or a length that the model
                cannot take.
        """
        steps, features = self.shape
        values = join_ragged(rows)
        values = values[:, :, None] if values.ndim == 2 and features == 1 else values
        if values.dtype.kind not in "biuf":
            raise PortableError(f"the array must hold real numbers, got dtype {values.dtype}")
        if values.ndim != 3 or values.shape[2] != features:
            size = "steps" if self.masked else str(steps)
            raise PortableError(f"the array must have the shape (rows, {size}, {features}), got {values.shape}")
        lengths = real_steps(values)
        if not self.masked:
            self._refuse_lengths(lengths, values.shape[1])
        kept = min(steps, values.shape[1])
        x = np.full((len(values), steps, features), MASK_VALUE, np.float32)
        scaled = (values[:, :kept] - np.asarray(self.means)) / np.asarray(self.stds)
        real = np.arange(kept) < lengths[:, None]
        x[:, :kept][real] = scaled[real]
        return x

    def _refuse_lengths(self, lengths: NDArray[np.int64], width: int) -> None:
        steps = self.shape[0]
        wrong = lengths != steps
        if width != steps or wrong.any():
            got = f"{lengths[wrong][0]} in row {int(np.argmax(wrong)) + 1}" if wrong.any() else str(width)
            raise PortableError(f"every sequence must have {steps} steps, as all had in training; got {got}")


def join_ragged(rows: Any) -> NDArray[Any]:
    """Make one array of a list of arrays with different numbers of steps, NaN behind the shorter ones.

    An array comes back as it is. Raises PortableError for samples that are not (steps, features).
    """
    if isinstance(rows, np.ndarray) and rows.dtype.kind != "O":
        return rows
    try:
        samples = [np.asarray(row, np.float64) for row in rows]
    except (TypeError, ValueError) as error:
        raise PortableError(f"each sequence must be an array (steps, features) of numbers ({error})") from None
    shapes = {sample.shape for sample in samples}
    if len(shapes) <= 1:
        return np.asarray(samples)
    if len({shape[1:] for shape in shapes}) > 1 or not all(0 < len(shape) < 3 for shape in shapes):
        shown = ", ".join(map(str, sorted(shapes)[:3]))
        raise PortableError(f"the sequences must be arrays (steps, features) of equally many features, got {shown}")
    joined = np.full((len(samples), max(map(len, samples)), *samples[0].shape[1:]), np.nan)
    for place, sample in zip(joined, samples, strict=True):
        place[: len(sample)] = sample
    return joined


def real_steps(values: NDArray[Any], called: Callable[[int], str] | None = None) -> NDArray[np.int64]:
    """How many steps each sequence of (rows, steps, features) has: int64 (rows,).

    Args:
        called: how messages call a row (0-based); None is "row 3".

    Raises:
        PortableError: there is NaN before the last step, infinity, or a sequence without a step.
    """
    count = values.shape[1]
    if values.dtype.kind != "f" or not values.size:
        return np.full(len(values), count, np.int64)
    called = called or (lambda row: f"row {row + 1}")
    missing = np.isnan(values)
    # Behind the last step that holds anything, all is padding.
    filled = ~missing.all(axis=2)
    lengths = np.where(filled.any(axis=1), count - np.argmax(filled[:, ::-1], axis=1), 0)
    if (lengths == 0).any():
        where = called(int(np.argmin(lengths)))
        raise PortableError(f"every sequence must have at least one step, got none in {where}")
    gaps = missing & (np.arange(count) < lengths[:, None])[:, :, None]
    if gaps.any():
        row, step, feature = (int(index[0]) for index in np.nonzero(gaps))
        raise PortableError(
            f"a sequence may hold NaN behind its last step only, got NaN in {called(row)}, step {step + 1} of "
            f"{int(lengths[row])}, feature {feature + 1}; fill the gap in"
        )
    wrong = np.abs(values) > np.finfo(np.float32).max
    if wrong.any():
        row, step, feature = (int(index[0]) for index in np.nonzero(wrong))
        where = f"{called(row)}, step {step + 1}, feature {feature + 1}"
        raise PortableError(f"a sequence must hold finite numbers, got {values[row, step, feature]} in {where}")
    return lengths.astype(np.int64)
