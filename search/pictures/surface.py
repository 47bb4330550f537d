"""Where in the plane of two inputs does a model say what?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from search.pictures.palette import BLUE, INK, MUTED, VERMILION
from search.pictures.plots import (
    HEADER_INCHES,
    LINES,
    PALE_TWO_SIDED,
    add_axes,
    add_legend,
    in_legend,
    new_figure,
    save,
)
from search.pictures.words import put, shorten

STEPS = 120
BOX_INCHES = 3.9
MOST_POINTS = 1500
MOST_CLASSES = 10
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def surface_grid(points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Lay a grid over points (rows, 2), with room around; return the values across, up, and (steps², 2) all nodes."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.where(high > low, 0.25 * (high - low), 1.0)
    across, up = (np.linspace(low[axis] - room[axis], high[axis] + room[axis], STEPS) for axis in (0, 1))
    return across, up, np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)


def draw_decision_surface(
    points: NDArray[Any],
    y: NDArray[Any],
    predict: Callable[[NDArray[Any]], NDArray[Any]],
    path: Path,
    *,
    inputs: tuple[str, str],
    classes: Sequence[str] = (),
    threshold: float | None = None,
    target: str = "target",
    subtitle: str = "",
) -> Path:
    """Colour the plane of two inputs by what the model says there, and draw the rows on it.

    Args:
        points: the rows' inputs, (rows, 2), in the units to be shown.
        y: class indices, or numbers of a regression, (rows,).
        predict: from (nodes, 2), in the same units, to (nodes,) probabilities of the second class or numbers of a
            regression, or (nodes, classes).
        inputs: their names.
        classes: empty for a regression.
        threshold: of two classes; None is 0.5.

    Raises:
        ValueError: an output is not a finite number, or there are more than ten classes.
        OSError: the file cannot be written.
    """
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"{len(classes)} classes are more than {MOST_CLASSES} colours")
    across, up, nodes = surface_grid(points)
    outputs = np.asarray(predict(nodes), np.float64)
    if not np.isfinite(outputs).all():
        raise ValueError("an output is not a finite number")
    figure = new_figure(0.75 + BOX_INCHES + 1.45, HEADER_INCHES + BOX_INCHES + 0.65, "Decision surface", subtitle)
    axes = add_axes(figure, 0.65, 0.55, BOX_INCHES, BOX_INCHES, across=inputs[0], up=inputs[1])
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(up[0], up[-1])
    axes.grid(visible=False)
    rows = np.random.default_rng(0).permutation(len(points))[:MOST_POINTS]
    points, y = points[rows], y[rows]
    if outputs.ndim == 2:
        _draw_many(axes, across, up, outputs)
    else:
        _draw_levels(figure, axes, across, up, outputs, classes, 0.5 if threshold is None else threshold, target, y)
    if classes:
        _draw_classes(axes, points, y, classes)
    else:
        _draw_numbers(axes, points, y, _bounds(outputs, y))
    return save(figure, path)


def _draw_numbers(axes: Axes, points: NDArray[Any], y: NDArray[Any], bounds: tuple[float, float]) -> None:
    low, high = bounds
    size = 45 if len(points) <= 30 else 26
    axes.scatter(
        points[:, 0], points[:, 1], c=y, cmap=PALE_TWO_SIDED, vmin=low, vmax=high, s=size, edgecolors=INK,
        linewidths=1.0, zorder=4,
    )  # fmt: skip


def _bounds(outputs: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    values = np.concatenate([outputs, y])
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _draw_levels(
    figure: Figure, axes: Axes, across: NDArray[Any], up: NDArray[Any], outputs: NDArray[Any], classes: Sequence[str],
    threshold: float, target: str, y: NDArray[Any],
) -> None:  # fmt: skip
    """One number at each place: a probability with the line where the decision changes, or a regression's value."""
    field = outputs.reshape(STEPS, STEPS)
    low, high = (0.0, 1.0) if classes else _bounds(outputs, y)
    image = axes.pcolormesh(across, up, field, cmap=PALE_TWO_SIDED, vmin=low, vmax=high, linewidth=0, rasterized=True)
    whole_width, whole_height = figure.get_size_inches()
    place = (0.65 + BOX_INCHES + 0.2) / whole_width, 0.55 / whole_height, 0.13 / whole_width, 2.3 / whole_height
    bar = figure.colorbar(image, cax=figure.add_axes(place))
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=MUTED, labelsize=7.5, length=0)
    words = f"P({shorten(classes[1], 12)})" if classes else shorten(target, 16)
    put(figure, 0.65 + BOX_INCHES + 0.2, 0.55 + 2.45, words, size=8, color=MUTED)
    if classes and field.min() < threshold < field.max():
        axes.contour(across, up, field, levels=[threshold], colors=[INK], linewidths=1.4)


def _draw_many(axes: Axes, across: NDArray[Any], up: NDArray[Any], outputs: NDArray[Any]) -> None:
    """The likeliest class at each place, paler the less sure."""
    hues = np.array([to_rgb(_hue(index)) for index in range(outputs.shape[1])])
    winner, sure = outputs.argmax(axis=1), np.clip(outputs.max(axis=1), 0, 1)
    depth = 0.65 * ((sure - 1 / outputs.shape[1]) / (1 - 1 / outputs.shape[1])).clip(0, 1)[:, None]
    field = (1 - depth) + depth * hues[winner]
    extent = (across[0], across[-1], up[0], up[-1])
    axes.imshow(field.reshape(STEPS, STEPS, 3), origin="lower", extent=extent, aspect="auto", interpolation="nearest")


def _hue(index: int) -> str:
    return LINES[index][0] if index < 7 else ("#8c6bb1", "#a6761d", "#4a4a4a")[index - 7]


def _draw_classes(axes: Axes, points: NDArray[Any], y: NDArray[Any], classes: Sequence[str]) -> None:
    size = 60 if len(points) <= 30 else 22
    for index, name in enumerate(classes):
        members = points[y == index]
        hue = ((VERMILION, BLUE)[index]) if len(classes) == 2 else _hue(index)
        axes.scatter(
            members[:, 0], members[:, 1], s=size, marker=MARKERS[index], color=hue, edgecolors="white", linewidths=1.0,
            zorder=4, label=in_legend(f"{shorten(name, 14)} ({len(members)})"),
        )  # fmt: skip
    add_legend(axes, title="rows, true class", loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0)
