"""Does a classifier know how sure it may be?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.pictures.measures import calibration
from search.pictures.palette import BLUE, INK, MUTED, ORANGE
from search.pictures.plots import HEADER_INCHES, add_axes, add_legend_above, new_figure, save, share_axes

BOX_INCHES = 3.5
HISTOGRAM_INCHES = 0.85
LEGEND_INCHES = 0.4


def draw_calibration(
    correct: NDArray[Any],
    probability: NDArray[Any],
    path: Path,
    *,
    what: str = "predicted probability",
    threshold: float | None = None,
    subtitle: str = "",
) -> Path:
    """Draw a reliability diagram above the histogram of the probabilities.

    A point below the diagonal is a bin in which the model was surer than it was right. Its bar is the standard
    error of the observed share; a bin of few rows has a long one.

    Args:
        correct: bool (rows,): whether what the probability speaks of came true.
        probability: (rows,), 0 to 1.
        what: the axis's name.
        threshold: marked in the histogram.

    Raises:
        OSError: the file cannot be written.
    """
    found = calibration(correct, probability)
    height = HEADER_INCHES + LEGEND_INCHES + BOX_INCHES + HISTOGRAM_INCHES + 0.75
    figure = new_figure(0.75 + BOX_INCHES + 0.2, height, "Calibration", subtitle)
    axes = add_axes(figure, 0.65, 0.68 + HISTOGRAM_INCHES, BOX_INCHES, BOX_INCHES, up="share that came true")
    share_axes(axes)
    axes.set_xticklabels([])
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=(0, (2, 2)), label="perfectly calibrated")
    filled = found.counts > 0
    counts, observed = found.counts[filled], found.observed[filled]
    error = np.sqrt(np.maximum(observed * (1 - observed), 0.25 / (counts + 1)) / counts)
    reach = np.stack([np.minimum(error, observed), np.minimum(error, 1 - observed)])
    axes.errorbar(
        found.predicted[filled], observed, yerr=reach, color=BLUE, linewidth=1.8, elinewidth=1.0, marker="o",
        markersize=5, label=f"model (expected calibration error {found.error:.3f})",
    )  # fmt: skip
    add_legend_above(axes)
    below = add_axes(figure, 0.65, 0.55, BOX_INCHES, HISTOGRAM_INCHES, across=what, up="rows")
    below.set_xlim(-0.02, 1.02)
    below.bar(found.edges[:-1], found.counts, width=0.094, align="edge", color=BLUE, alpha=0.75)
    below.locator_params(axis="y", nbins=3)
    if threshold is not None:
        for one in (axes, below):
            one.axvline(threshold, color=ORANGE, linewidth=1.4, linestyle=(0, (4, 2)))
        below.text(
            threshold, below.get_ylim()[1], f" threshold {threshold:.3g}", size=7.5, color=INK, va="top",
            ha="left" if threshold < 0.6 else "right",
        )  # fmt: skip
    return save(figure, path)
