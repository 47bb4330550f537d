"""Are the samples of an array images, sequences, or just numbers?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from search.data.plans import ArrayPlan, SequencePlan
from search.errors import DataError
from search.portable import PortableError
from search.portable.sequences import real_steps

Layout = Literal["numbers", "image", "sequence"]
SMALLEST_IMAGE = 8


def layout_of(array: NDArray[Any], *, stated: str, hint: str | None = None, family: str | None = None) -> Layout:
    """Tell what the axes of an array (samples, ...) of more than two axes mean.

    What ``data.layout`` states holds; then what the source says (a folder of images, windows). Four axes are an
    image. Three are a sequence for a model of the family ``rnn``, and where NaN stands behind the ends of samples;
    an image for a ``cnn``, for bytes, and where height and width are 8 at least; else just numbers.
    """
    if stated != "auto":
        return cast(Layout, stated)
    if hint is not None and hint != "auto":
        return cast(Layout, hint)
    if array.ndim != 3:
        return "image" if array.ndim == 4 else "numbers"
    if family == "rnn" or padded(array):
        return "sequence"
    if family == "cnn" or array.dtype == np.uint8 or min(array.shape[1:]) >= SMALLEST_IMAGE:
        return "image"
    return "numbers"


def sequence_plan(
    array: NDArray[Any], *, longest: int | None, source: str, place: Callable[[int], str]
) -> tuple[SequencePlan, list[str]]:
    """How sequences (rows, time, features) are prepared, and what is worth saying about it.

    Args:
        longest: of longer ones only the first steps are kept; None keeps all.
        place: how messages call a row (0-based) of ``array``.

    Raises:
        DataError: there is a gap in a sequence, or one has no step.
    """
    try:
        lengths = real_steps(array, place)
    except PortableError as error:
        raise DataError(f"{source}: {error}") from None
    steps = int(lengths.max())
    if longest is not None and steps > longest:
        cut = int((lengths > longest).sum())
        return SequencePlan(longest, masked=True), [
            f"{cut} of {len(lengths)} sequences are longer than {longest} steps; their first {longest} count"
        ]
    return SequencePlan(steps, masked=bool((lengths < steps).any())), []


def array_plan(layout: Layout) -> ArrayPlan:
    """How an array that is no sequence is prepared."""
    return ArrayPlan("image" if layout == "image" else "numbers")


def padded(array: NDArray[Any], time_axis: int = 1) -> bool:
    """Whether a (samples, ...) array of three axes has NaN, and only behind the last steps of samples."""
    if array.ndim != 3 or array.dtype.kind != "f" or not np.isnan(array).any():
        return False
    try:
        real_steps(array if time_axis == 1 else np.swapaxes(array, 1, 2))
    except PortableError:
        return False
    return True
