"""How does a classifier trade hits against false alarms, and precision against recall?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from search.pictures.measures import Curve, precision_recall_curve, roc_curve
from search.pictures.palette import INK, MUTED
from search.pictures.plots import (
    HEADER_INCHES,
    LINES,
    add_axes,
    add_legend,
    in_legend,
    new_figure,
    save,
    share_axes,
    thin,
)
from search.pictures.words import shorten

MOST_CLASSES = 10
BOX_INCHES = 3.7
GRID_POINTS = 200


def class_curves(
    curve: Callable[[NDArray[Any], NDArray[Any]], Curve], y: NDArray[Any], scores: NDArray[Any]
) -> dict[int, Curve]:
    """Return the curve of each class against all others, of the classes that some but not all rows have.

    Args:
        y: class indices, (rows,).
        scores: (rows, classes).
    """
    found: dict[int, Curve] = {}
    for index in range(scores.shape[1]):
        positive = y == index
        if positive.any() and not positive.all():
            found[index] = curve(positive, scores[:, index])
    return found


def draw_roc(
    y: NDArray[Any],
    scores: NDArray[Any],
    classes: Sequence[str],
    path: Path,
    *,
    threshold: float | None = None,
    subtitle: str = "",
) -> Path:
    """Draw ROC curves: of the second class where there are two, else of each class against the others.

    Of more than ten classes the ten with the smallest areas are drawn, and the mean of all in any case.

    Args:
        y: class indices, (rows,).
        scores: finite; (rows,) of the second class, or (rows, classes).
        threshold: of two classes, the score that is decided by; marked.

    Raises:
        ValueError: no class is in some but not in all rows.
        OSError: the file cannot be written.
    """
    return _draw(roc_curve, y, scores, classes, path, threshold, "ROC", subtitle)


def draw_precision_recall(
    y: NDArray[Any],
    scores: NDArray[Any],
    classes: Sequence[str],
    path: Path,
    *,
    threshold: float | None = None,
    subtitle: str = "",
) -> Path:
    """Draw precision over recall; arguments and errors as `draw_roc`."""
    return _draw(precision_recall_curve, y, scores, classes, path, threshold, "Precision and recall", subtitle)


def _draw(
    curve: Callable[[NDArray[Any], NDArray[Any]], Curve],
    y: NDArray[Any],
    scores: NDArray[Any],
    classes: Sequence[str],
    path: Path,
    threshold: float | None,
    title: str,
    subtitle: str,
) -> Path:
    roc = curve is roc_curve
    binary = scores.ndim == 1
    curves = class_curves(curve, y, np.column_stack([-scores, scores]) if binary else scores)
    if binary:
        curves.pop(0, None)
    if not curves:
        raise ValueError("only one class occurs")
    beside = 0.2 if binary else 2.5
    figure = new_figure(0.75 + BOX_INCHES + beside, HEADER_INCHES + BOX_INCHES + 0.65, title, subtitle)
    names = ("false positive rate", "true positive rate") if roc else ("recall", "precision")
    axes = add_axes(figure, 0.65, 0.55, BOX_INCHES, BOX_INCHES, across=names[0], up=names[1])
    share_axes(axes)
    _draw_chance(axes, y, binary=binary, roc=roc)
    if binary:
        (index,) = curves
        _draw_line(axes, curves[index], 0, f"{shorten(classes[index], 20)}: {_area(roc)} {curves[index].area:.3f}", roc)
        if threshold is not None:
            _mark_threshold(axes, curves[index], threshold)
        add_legend(axes, loc="lower right" if roc else "lower left")
    else:
        heading = _draw_classes(axes, curves, classes, roc)
        add_legend(axes, title=heading, loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0.0)
    return save(figure, path)


def _draw_classes(axes: Axes, curves: dict[int, Curve], classes: Sequence[str], roc: bool) -> str:
    """Draw the weakest classes and the mean of all; return the legend's heading."""
    weakest = sorted(curves, key=lambda index: (curves[index].area, index))[:MOST_CLASSES]
    grid = np.linspace(0.0, 1.0, GRID_POINTS + 1)
    mean = np.mean([_at(one, grid, roc) for one in curves.values()], axis=0)
    area = float(np.mean([one.area for one in curves.values()]))
    for place, index in enumerate(weakest):
        label = f"{shorten(classes[index], 18)} {_digits(curves[index].area)}"
        _draw_line(axes, curves[index], place, label, roc, width=1.2)
    axes.plot(grid, mean, color=INK, linewidth=2.6, label=f"mean of {len(curves)} classes {_digits(area)}")
    words = f"{_area(roc)},\neach class against the rest"
    return words if len(weakest) == len(curves) else f"{words}\nthe {len(weakest)} weakest of {len(curves)}"


def _draw_line(axes: Axes, curve: Curve, place: int, label: str, roc: bool, width: float = 1.8) -> None:
    color, dashes = LINES[place]
    x, y = thin(curve.x, curve.y)
    style: dict[str, Any] = {"color": color, "linestyle": dashes, "linewidth": width, "label": in_legend(label)}
    if roc:
        axes.plot(x, y, **style)
    else:
        # Between two thresholds precision does not move along a straight line (Davis and Goadrich 2006).
        axes.step(x, y, where="pre", **style)


def _at(curve: Curve, grid: NDArray[Any], roc: bool) -> NDArray[Any]:
    if roc:
        return np.asarray(np.interp(grid, curve.x, curve.y))
    return curve.y[np.clip(np.searchsorted(curve.x, grid, side="left"), 0, len(curve.y) - 1)]


def _draw_chance(axes: Axes, y: NDArray[Any], *, binary: bool, roc: bool) -> None:
    if roc:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=(0, (2, 2)), label="chance" if binary else None)
    elif binary:
        share = float(np.mean(y == 1))
        axes.axhline(share, color=MUTED, linewidth=1.0, linestyle=(0, (2, 2)), label=f"chance: {share:.3g}")


def _mark_threshold(axes: Axes, curve: Curve, threshold: float) -> None:
    """Mark the last point whose rows all score above the threshold."""
    index = max(0, int(np.searchsorted(-curve.thresholds, -threshold, side="left")) - 1)
    x, y = float(curve.x[index]), float(curve.y[index])
    if math.isfinite(x) and math.isfinite(y):
        axes.plot(
            [x], [y], linestyle="none", marker="o", markersize=8, markerfacecolor="white", markeredgecolor=INK,
            markeredgewidth=1.8, zorder=5, label=f"threshold {threshold:.3g}: {x:.2f}, {y:.2f}",
        )  # fmt: skip


def _area(roc: bool) -> str:
    return "AUC" if roc else "average precision"


def _digits(area: float) -> str:
    return f"{area:.3f}" if area < 0.9995 else "1.000"
