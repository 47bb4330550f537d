"""Where is a model most wrong?"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.files import write_whole
from search.messages import Mistake
from search.pictures.palette import INK, MUTED
from search.pictures.plots import (
    HEADER_INCHES,
    LINES,
    add_axes,
    add_picture_axes,
    add_sheet,
    new_figure,
    place_picture,
    save,
)
from search.pictures.wording import format_scalar
from search.pictures.words import put, shorten
from spaces.data_spec import MASK_VALUE

MOST = 100  # mistakes that are listed
MOST_IMAGES = 25
MOST_LINES = 12
MOST_TABLE_ROWS, MOST_TABLE_COLUMNS = 15, 12


def worst_classifications(
    y: NDArray[Any], predicted: NDArray[Any], probabilities: NDArray[Any], classes: Sequence[str]
) -> tuple[Mistake, ...]:
    """Return the wrong rows to whose true class the model gave least, at most 100.

    Args:
        y, predicted: class indices, (rows,).
        probabilities: (rows, classes).
    """
    wrong = np.flatnonzero(y != predicted)
    order = wrong[np.argsort(probabilities[wrong, y[wrong]], kind="stable")][:MOST]
    return tuple(
        Mistake(int(row), classes[int(y[row])], classes[int(predicted[row])], float(probabilities[row, predicted[row]]))
        for row in order
    )


def worst_predictions(true: NDArray[Any], predicted: NDArray[Any]) -> tuple[Mistake, ...]:
    """Return the rows of a regression that are furthest off, at most 100; (rows,) in the target's units."""
    order = np.argsort(-np.abs(predicted - true), kind="stable")[:MOST]
    return tuple(Mistake(int(row), float(true[row]), float(predicted[row])) for row in order)


def mistakes_csv(mistakes: Sequence[Mistake], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the mistakes as CSV: row, true, predicted, probability or error, and the raw inputs.

    Args:
        columns: names of the raw inputs; empty where they do not fit into a table.
        rows: their values, a row for each mistake.
    """
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow([*_first_columns(mistakes), *columns])
    for one, values in zip(mistakes, rows if columns else [()] * len(mistakes), strict=True):
        writer.writerow([one.row, one.true, one.predicted, _last(one), *values])
    return content.getvalue()


def _last(mistake: Mistake) -> float:
    if mistake.probability is not None:
        return round(mistake.probability, 6)
    return float(mistake.predicted) - float(mistake.true)


def write_mistakes(
    path: Path, mistakes: Sequence[Mistake], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> Path:
    """Write `mistakes_csv`. Raises OSError where the file cannot be written."""
    return write_whole(path, mistakes_csv(mistakes, columns, rows))


def draw_mistake_images(images: NDArray[Any], mistakes: Sequence[Mistake], path: Path, *, subtitle: str = "") -> Path:
    """Draw the worst mistakes as a grid of their pictures, with true and predicted class and its probability.

    Args:
        images: (mistakes, height, width) or (mistakes, height, width, 1 or 3), any scale; of more channels the first.

    Raises:
        OSError: the file cannot be written.
    """
    shown = mistakes[:MOST_IMAGES]
    columns = min(5, len(shown))
    rows = -(-len(shown) // columns)
    cell, words = 1.25, 0.42
    height = HEADER_INCHES + rows * (cell + words) + 0.05
    figure = new_figure(max(3.6, 0.2 + columns * (cell + 0.17)), height, "Worst mistakes", subtitle)
    pixels = _as_pixels(images[: len(shown)])
    sheet = add_sheet(figure)
    for index, (one, picture) in enumerate(zip(shown, pixels, strict=True)):
        row, column = divmod(index, columns)
        left = 0.16 + column * (cell + 0.17)
        bottom = height - HEADER_INCHES - row * (cell + words) - cell
        high, wide = picture.shape[:2]
        across, up = cell * min(1.0, wide / high), cell * min(1.0, high / wide)
        place = left + (cell - across) / 2, bottom + (cell - up) / 2
        place_picture(sheet, picture, *place, across, up, cmap="gray", vmin=0, vmax=1)
        chance = "" if one.probability is None else f" {100 * one.probability:.0f} %"
        said, middle = f"→ {shorten(str(one.predicted), 12)}{chance}", left + cell / 2
        put(figure, middle, bottom - 0.12, shorten(str(one.true), 17), size=7.5, align="center")
        put(figure, middle, bottom - 0.26, said, size=7.5, color="#b34e00", align="center")
    return save(figure, path)


def _as_pixels(images: NDArray[Any]) -> NDArray[Any]:
    """Bring images to 0 to 1, all by one scale, with three channels or none."""
    pictures = np.asarray(images, np.float64)
    if pictures.ndim == 4 and pictures.shape[-1] != 3:
        pictures = pictures[..., 0]
    low, high = float(pictures.min()), float(pictures.max())
    # What lies between 0 and 1 was pixels divided by 255: a dark image then stays dark.
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 and high > 0.5 else (low, high)
    return (pictures - low) / ((high - low) or 1.0)


def draw_mistake_lines(sequences: NDArray[Any], mistakes: Sequence[Mistake], path: Path, *, subtitle: str = "") -> Path:
    """Draw the worst mistakes of a model of sequences: a small chart each, a line a feature.

    Args:
        sequences: (mistakes, steps, features); steps filled with ``MASK_VALUE`` are left out. More than ten
            features are drawn as a picture instead, time across.

    Raises:
        OSError: the file cannot be written.
    """
    shown = mistakes[:MOST_LINES]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    box, row_height = (2.3, 1.15), 1.72
    height = HEADER_INCHES + rows * row_height + 0.1
    figure = new_figure(max(3.6, 0.3 + columns * 2.75), height, "Worst mistakes", subtitle)
    for place, (one, steps) in enumerate(zip(shown, sequences, strict=False)):
        row, column = divmod(place, columns)
        left, bottom = 0.45 + column * 2.75, height - HEADER_INCHES - row * row_height - box[1] - 0.2
        steps = steps[~np.all(steps == MASK_VALUE, axis=-1)]
        if steps.shape[-1] > len(LINES):
            axes = add_picture_axes(figure, left, bottom, *box)
            axes.imshow(steps.T, aspect="auto", cmap="Blues", interpolation="nearest")
        else:
            axes = add_axes(figure, left, bottom, *box)
            axes.tick_params(labelsize=6.5)
            axes.locator_params(axis="x", integer=True, nbins=6)
            for feature, (color, dashes) in zip(steps.T, LINES, strict=False):
                axes.plot(np.arange(1, len(steps) + 1), feature, color=color, linestyle=dashes, linewidth=1.1)
        put(figure, left, bottom + box[1] + 0.12, _headline(one), size=7.5)
    return save(figure, path)


def _headline(mistake: Mistake) -> str:
    if mistake.probability is None:
        return f"true {_word(mistake.true)}, predicted {_word(mistake.predicted)}"
    return f"{shorten(str(mistake.true), 14)} → {shorten(str(mistake.predicted), 14)} {100 * mistake.probability:.0f} %"


def draw_mistake_table(
    mistakes: Sequence[Mistake],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    path: Path,
    *,
    subtitle: str = "",
) -> Path:
    """Draw the first mistakes as a table: what is true, what was predicted, and the first raw inputs.

    Args:
        columns, rows: as `mistakes_csv`; at most 15 rows and 12 columns are drawn.

    Raises:
        OSError: the file cannot be written.
    """
    names = [*_first_columns(mistakes), *columns[:MOST_TABLE_COLUMNS]]
    heads = [_head(name) for name in names]
    cells = [
        [str(one.row), _word(one.true), _word(one.predicted), f"{_last(one):.3g}", *map(_word, values)]
        for one, values in zip(mistakes[:MOST_TABLE_ROWS], (row[:MOST_TABLE_COLUMNS] for row in rows), strict=False)
    ]
    widths = [0.16 + 0.071 * max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    height = HEADER_INCHES + 0.24 * (len(cells) + 1) + 0.35
    figure = new_figure(max(4.0, 0.3 + sum(widths)), height, "Worst mistakes", subtitle)
    top, edge = height - HEADER_INCHES, 0.04
    for index, (head, width) in enumerate(zip(heads, widths, strict=True)):
        edge += width
        put(figure, edge, top - 0.05, head, size=7.5, bold=index < 4, color=MUTED, align="right")
        color = {1: INK, 2: "#b34e00"}.get(index, MUTED)
        for row, values in enumerate(cells):
            put(figure, edge, top - 0.3 - 0.24 * row, values[index], size=7.5, color=color, align="right")
    further = len(columns) - MOST_TABLE_COLUMNS
    words = f"and {further} more columns in mistakes.csv" if further > 0 else "all listed in mistakes.csv"
    put(figure, 0.16, 0.16, words, size=7, color=MUTED)
    return save(figure, path)


def _first_columns(mistakes: Sequence[Mistake]) -> list[str]:
    """What a table says of each mistake before its raw inputs."""
    return [
        "row",
        "true",
        "predicted",
        "probability" if any(one.probability is not None for one in mistakes) else "error",
    ]


def _head(name: str) -> str:
    return shorten(name, 14)


def _word(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return "" if math.isnan(value) else format_scalar(value, digits=4)
    return shorten(str(value), 16)
