"""How far, and where, is a regression off?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from search.pictures.measures import regression_scores
from search.pictures.palette import BLUE, INK, ORANGE, VERMILION
from search.pictures.plots import BLUES, HEADER_INCHES, add_axes, add_legend_above, group_digits, new_figure, save
from search.pictures.wording import format_value

MOST_POINTS = 3000  # of more rows the density is drawn
BOX_INCHES = 3.8


def draw_predictions(
    true: NDArray[Any],
    predicted: NDArray[Any],
    path: Path,
    *,
    target: str = "target",
    subtitle: str = "",
) -> Path:
    """Draw predicted against true values, in the target's units; the diagonal is a perfect model.

    Up to 3000 rows are points, more are a density. Both axes reach from the 0.1 % to the 99.9 % quantile and a bit.

    Args:
        true, predicted: finite, (rows,).

    Raises:
        OSError: the file cannot be written.
    """
    figure = new_figure(1.05 + BOX_INCHES, HEADER_INCHES + BOX_INCHES + 0.85, "Predicted and true", subtitle)
    axes = add_axes(figure, 0.85, 0.55, BOX_INCHES, BOX_INCHES, across=f"true {target}", up=f"predicted {target}")
    low, high = _range(np.concatenate([true, predicted]))
    _draw_rows(axes, true, predicted, (low, high), (low, high))
    scores = regression_scores(true, predicted)
    errors = f"RMSE {format_value(scores['rmse'])}, MAE {format_value(scores['mae'])}"
    words = f"perfect (here R² {scores['r2']:.3f}, {errors})"
    axes.plot([low, high], [low, high], color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label=words)
    add_legend_above(axes)
    return save(figure, path)


def draw_residuals(
    true: NDArray[Any],
    predicted: NDArray[Any],
    path: Path,
    *,
    target: str = "target",
    subtitle: str = "",
) -> Path:
    """Draw predicted minus true over predicted, with the running median, and beside it their histogram.

    Args:
        true, predicted: finite, (rows,).

    Raises:
        OSError: the file cannot be written.
    """
    figure = new_figure(7.3, HEADER_INCHES + 4.05, "Residuals", subtitle)
    residual = predicted - true
    low, high = _range(residual)
    reach = max(abs(low), abs(high))
    axes = add_axes(figure, 0.85, 0.55, 3.9, 3.2, across=f"predicted {target}", up="predicted - true")
    _draw_rows(axes, predicted, residual, _range(predicted), (-reach, reach))
    axes.axhline(0, color=INK, linewidth=1.1, linestyle=(0, (4, 2)))
    middle = _running_median(predicted, residual)
    if middle is not None:
        axes.plot(*middle, color=ORANGE, linewidth=2.0, marker="o", markersize=3.5, label="median")
        add_legend_above(axes)
    beside = add_axes(figure, 5.1, 0.55, 2.0, 3.2, across="rows")
    beside.set_ylim(-reach, reach)
    beside.set_yticklabels([])
    bins = int(np.clip(np.sqrt(len(residual)), 8, 60))
    beside.hist(residual, bins=bins, range=(-reach, reach), orientation="horizontal", color=BLUE, alpha=0.75)
    beside.locator_params(axis="x", nbins=4)
    bias = float(np.mean(residual))
    beside.axhline(bias, color=VERMILION, linewidth=1.6, linestyle=(0, (1, 1)), label=f"mean {format_value(bias)}")
    beside.axhline(0, color=INK, linewidth=1.1, linestyle=(0, (4, 2)))
    add_legend_above(beside)
    return save(figure, path)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Where nearly all values lie: one wild row must not squeeze the others into a corner."""
    low, high = (float(edge) for edge in np.quantile(values, [0.001, 0.999]))
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _draw_rows(
    axes: Axes, x: NDArray[Any], y: NDArray[Any], across: tuple[float, float], up: tuple[float, float]
) -> None:
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    axes.locator_params(nbins=6)
    group_digits(axes)
    if len(x) <= MOST_POINTS:
        size = float(np.clip(9000 / max(1, len(x)), 5, 40))
        axes.scatter(x, y, s=size, color=BLUE, alpha=float(np.clip(400 / max(1, len(x)), 0.25, 0.8)), linewidths=0)
        return
    density, *edges = np.histogram2d(x, y, bins=110, range=[across, up])
    shown = np.ma.masked_equal(density.T, 0)
    axes.pcolormesh(*edges, shown, cmap=BLUES, norm=LogNorm(0.5, max(1.0, float(density.max()))))


def _running_median(x: NDArray[Any], y: NDArray[Any], groups: int = 12) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Medians of x and y in groups of equal size, by x; None for too few rows or one x only."""
    groups = min(groups, len(x) // 10)
    if groups < 3 or np.ptp(x) == 0:
        return None
    order = np.array_split(np.argsort(x, kind="stable"), groups)
    return np.array([np.median(x[rows]) for rows in order]), np.array([np.median(y[rows]) for rows in order])
