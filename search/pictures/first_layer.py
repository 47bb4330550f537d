"""What does the first layer of a network look for?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.pictures.palette import MUTED
from search.pictures.plots import HEADER_INCHES, TWO_SIDED, add_sheet, new_figure, place_picture, save
from search.pictures.words import put, shorten

MOST_PICTURES = 64
COLUMNS = 8


def draw_weights(
    kernel: NDArray[Any],
    shape: tuple[int, ...],
    path: Path,
    *,
    names: Sequence[str] = (),
    subtitle: str = "",
) -> Path:
    """Draw the weights of each neuron of a dense layer as a picture of the input: blue adds, orange takes away.

    The neurons with the largest weights (Euclidean norm) come first, 64 at most. All share one scale of colours.

    Args:
        kernel: (pixels, neurons).
        shape: of the input, (height, width) or (height, width, channels); channels are added up.
        names: of the neurons, where they are classes; then their order is kept.

    Raises:
        ValueError: the kernel does not fit the shape.
        OSError: the file cannot be written.
    """
    if kernel.ndim != 2 or kernel.shape[0] != math.prod(shape):
        raise ValueError(f"a kernel {kernel.shape} does not fit an input {shape}")
    pictures = np.moveaxis(kernel.reshape(*shape, -1), -1, 0)
    if pictures.ndim == 4:
        pictures = pictures.sum(axis=-1)
    return _draw_grid(pictures, names, path, "Weights of the first layer", subtitle, "neuron")


def draw_filters(kernel: NDArray[Any], path: Path, *, subtitle: str = "") -> Path:
    """Draw the filters of a convolution, those with the largest weights first, 64 at most.

    Args:
        kernel: (height, width, channels, filters), or (steps, features, filters) of a convolution over time. Three
            channels are drawn in colour (grey is zero), other numbers of channels are added up.

    Raises:
        ValueError: the kernel has another number of axes.
        OSError: the file cannot be written.
    """
    if kernel.ndim not in (3, 4):
        raise ValueError(f"a kernel {kernel.shape} is not one of a convolution over one or two axes")
    filters = np.moveaxis(kernel, -1, 0)
    if filters.ndim == 4 and filters.shape[-1] != 3:
        filters = filters.sum(axis=-1)
    return _draw_grid(filters, (), path, "Filters of the first convolution", subtitle, "filter")


def _draw_grid(pictures: NDArray[Any], names: Sequence[str], path: Path, title: str, subtitle: str, what: str) -> Path:
    norms = np.sqrt(np.sum(np.square(pictures.reshape(len(pictures), -1)), axis=1))
    order = np.arange(len(pictures)) if names else np.argsort(-norms, kind="stable")
    shown = order[:MOST_PICTURES]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    high, wide = pictures.shape[1:3]
    longest = max(high, wide)
    cell = (
        float(np.clip(7.0 / columns, 0.8, 1.25)) * wide / longest,
        float(np.clip(7.0 / columns, 0.8, 1.25)) * high / longest,
    )
    cell = (max(cell[0], 0.3), max(cell[1], 0.3))
    gap = 0.24
    width = max(4.2, 0.3 + columns * (cell[0] + 0.1))
    words = f"{len(shown)} of {len(pictures)} {what}s, largest first; " if len(shown) < len(pictures) else ""
    figure = new_figure(width, HEADER_INCHES + rows * (cell[1] + gap) + 0.42, title, subtitle)
    bound = float(np.max(np.abs(pictures[shown]))) or 1.0
    top = HEADER_INCHES + rows * (cell[1] + gap) + 0.42 - HEADER_INCHES
    sheet = add_sheet(figure)
    for place, index in enumerate(shown):
        row, column = divmod(place, columns)
        left, bottom = 0.16 + column * (cell[0] + 0.1), top - (row + 1) * (cell[1] + gap) + gap * 0.6
        picture = pictures[index]
        if picture.ndim == 3:
            place_picture(sheet, 0.5 + 0.5 * picture / bound, left, bottom, *cell)
        else:
            place_picture(sheet, picture, left, bottom, *cell, cmap=TWO_SIDED, vmin=-bound, vmax=bound)
        label = shorten(names[index], int(cell[0] * 13)) if names else str(index + 1)
        put(figure, left + cell[0] / 2, bottom - 0.08, label, size=6.5, color=MUTED, align="center")
    kind = "grey is zero" if pictures.ndim == 4 else f"blue adds, orange takes away, to ±{bound:.2g}"
    put(figure, 0.16, 0.17, f"{words}{kind}", size=7.5, color=MUTED)
    return save(figure, path)
