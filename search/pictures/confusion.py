"""Which classes does a classifier take for which?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from search.pictures.measures import class_scores, most_confused, row_shares
from search.pictures.palette import INK, MUTED
from search.pictures.plots import BLUES, HEADER_INCHES, ORANGES, add_picture_axes, label_ticks, new_figure, save
from search.pictures.words import put, shorten

NUMBERED = 20  # in a larger matrix no number could be read
WITH_SHARES = 12
MOST_LETTERS = 14
LISTED = 14


def draw_confusion(matrix: NDArray[Any], classes: Sequence[str], path: Path, *, subtitle: str = "") -> Path:
    """Draw a confusion matrix: right answers blue, mistakes orange, both darker the larger their share of the row.

    Up to 20 classes have their counts in the cells, up to 12 the shares as well; from three classes on the pairs
    that are confused most are listed beside.

    Args:
        matrix: counts, int (classes, classes); rows are true, columns predicted.
        classes: their names.
        path: the PNG to write; its folder is made.

    Raises:
        OSError: the file cannot be written.
    """
    count = len(classes)
    cell = min(0.95, max(6.4 / count, 0.11)) if count > 3 else 1.15
    size = count * cell
    names = [shorten(name, MOST_LETTERS) for name in classes]
    longest = max(map(len, names))
    letters = 8.0 if cell >= 0.2 else max(4.2, 60 * cell)
    beside = 0.6 + 0.009 * letters * longest
    listed = 2.7 if count > 2 else 0.45
    below = 0.62 if _fits_level(names, cell) else 0.5 + 0.009 * letters * longest
    width, height = beside + size + listed + 0.1, HEADER_INCHES + size + below + 0.12
    height, lift = (max(height, 3.1), max(0.0, 3.1 - height)) if count > 2 else (height, 0.0)
    width = max(width, 3.6)
    figure = new_figure(width, height, "Confusion matrix", subtitle)
    axes = add_picture_axes(figure, beside, below + lift, size, size)
    shares = row_shares(matrix)
    axes.imshow(_colors(shares), interpolation="nearest", aspect="auto")
    turn = {} if _fits_level(names, cell) else {"rotation": 90}
    label_ticks(axes, "x", range(count), names, fontsize=letters, color=INK, **turn)
    label_ticks(axes, "y", range(count), names, fontsize=letters, color=INK)
    axes.set_xlabel("predicted", fontsize=8.5, color=MUTED)
    axes.set_ylabel("true", fontsize=8.5, color=MUTED)
    if count <= NUMBERED:
        _write_numbers(axes, matrix, shares)
    if count > 2:
        _list_confused(figure, beside + size + 0.25, height - HEADER_INCHES - 0.05, matrix, shares, names)
    return save(figure, path)


def _fits_level(names: Sequence[str], cell: float) -> bool:
    return max(map(len, names)) * 0.075 < cell


def _colors(shares: NDArray[Any]) -> NDArray[Any]:
    """Colour of each cell: the root of the share, so that a class confused in one of a hundred rows is seen."""
    depth = np.sqrt(np.clip(shares, 0, 1)) * 0.85
    right = np.eye(len(shares), dtype=bool)
    colors = np.where(right[..., None], BLUES(depth), ORANGES(depth))
    colors[shares == 0] = (*to_rgb("#fbfcfd"), 1.0)
    return colors


def _write_numbers(axes: Axes, matrix: NDArray[Any], shares: NDArray[Any]) -> None:
    count = len(matrix)
    size = 11.0 if count <= 3 else 8.5 if count <= WITH_SHARES else 6.0
    for (row, column), rows in np.ndenumerate(matrix):
        if rows == 0:
            continue
        dark = shares[row, column] > 0.35
        share = f"{100 * shares[row, column]:.0f} %" if shares[row, column] >= 0.005 else "<1 %"
        color = "white" if dark else INK
        lift = 0.13 if count <= WITH_SHARES else 0.0
        axes.text(column, row - lift, f"{rows:,}", size=size, color=color, ha="center", va="center", weight="bold")
        if count <= WITH_SHARES:
            axes.text(column, row + 0.2, share, size=size * 0.75, color=color, ha="center", va="center")


def _list_confused(
    figure: Any, x: float, top: float, matrix: NDArray[Any], shares: NDArray[Any], names: Sequence[str]
) -> None:
    recall = class_scores(matrix)["recall"]
    put(figure, x, top, "most confused", size=8.5, bold=True)
    put(figure, x, top - 0.19, "true → predicted, rows (share of the true class)", size=6.5, color=MUTED)
    pairs = most_confused(matrix, LISTED)
    room = max(3, int((top - 1.0) / 0.175))
    for index, (true, predicted, rows) in enumerate(pairs[:room]):
        words = f"{names[true]} → {names[predicted]}"
        put(figure, x, top - 0.4 - 0.175 * index, words, size=7.5)
        put(
            figure,
            x + 2.3,
            top - 0.4 - 0.175 * index,
            f"{rows:,} ({100 * shares[true, predicted]:.0f} %)",
            size=7.5,
            align="right",
        )
    y = top - 0.4 - 0.175 * min(len(pairs), room)
    if not pairs:
        put(figure, x, y, "none", size=7.5, color=MUTED)
        y -= 0.175
    if np.isfinite(recall).any():
        worst = int(np.nanargmin(recall))
        put(figure, x, y - 0.12, f"lowest recall: {names[worst]} {100 * recall[worst]:.0f} %", size=7.5, color=MUTED)
