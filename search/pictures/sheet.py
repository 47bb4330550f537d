"""How are many small charts drawn in little time?

matplotlib's Axes spend 60 ms or more on a chart, nearly all of it on the machinery of ticks. A sheet takes
lines and words at positions in inches, and a scale says where a value lies and which ticks it has. Only its
objects are used, never pyplot and never its global settings: pictures are drawn on a background thread.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Unpack

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from search.pictures.wording import format_scalar
from search.pictures.words import WordStyle, put

DPI = 100
Dashes = Literal["-", "--", ":"]


@dataclass(frozen=True)
class Scale:
    """A value axis: where values lie between 0 and 1, and the values and labels of its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    log: bool = False

    def place(self, value: float) -> float:
        """Return the position of a value: 0 at the low end, 1 at the high end, NaN for NaN."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear_scale(values: Sequence[float], most_ticks: int = 5) -> Scale:
    """Return a scale over finite values, with a twentieth of their span to spare on both sides."""
    low, high = min(values), max(values)
    # A curve that does not move is drawn in the middle, at a scale that says so.
    room = 0.05 * (high - low) if high - low > 1e-9 * max(abs(low), abs(high), 1e-12) else 0.05 * abs(high) or 1.0
    low, high = low - room, high + room
    ticks = [float(tick) for tick in MaxNLocator(most_ticks).tick_values(low, high) if low <= tick <= high]
    return Scale(low, high, tuple(ticks), tuple(_linear_labels(ticks)))


def _linear_labels(ticks: Sequence[float]) -> list[str]:
    """Write all ticks with the same decimals, as many as their step needs."""
    size = max((abs(tick) for tick in ticks), default=0.0)
    if size >= 1e6 or 0 < size < 1e-3:
        return [format_scalar(tick) for tick in ticks]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    decimals = next((count for count in range(8) if abs(round(step, count) - step) < step * 1e-6), 8)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def log_scale(values: Sequence[float], most_ticks: int = 6) -> Scale:
    """Return a logarithmic scale over positive values that are not all the same."""
    spare = (max(values) / min(values)) ** 0.05
    low, high = min(values) / spare, max(values) * spare
    steps = (1.0,) if high / low > 1e3 else (1.0, 3.0)
    ticks = [float(tick) for tick in LogLocator(subs=steps, numticks=most_ticks).tick_values(low, high)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    return Scale(low, high, tuple(ticks), tuple(format_scalar(tick, digits=1) for tick in ticks), log=True)


def epoch_scale(epochs: int, most_ticks: int = 6) -> Scale:
    """Return the scale of epochs 1 to ``epochs``; its ticks are whole numbers."""
    spare = max(0.5, 0.02 * epochs)
    locator = MaxNLocator(most_ticks, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    ticks = [1] if epochs == 1 else [int(tick) for tick in locator.tick_values(1, epochs) if 1 <= tick <= epochs]
    return Scale(1 - spare, epochs + spare, tuple(map(float, ticks)), tuple(map(str, ticks)))


class Sheet:
    """A white page on which lines and words are put at positions in inches from its lower left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        color: str,
        *,
        width: float = 1.0,
        dashes: Dashes = "-",
        marker: str = "",
        size: float = 3.0,
        hollow: bool = False,
    ) -> None:
        """Draw one line through the points, with a gap at NaN; a marker of ``size`` points on each."""
        self._figure.add_artist(
            Line2D(
                x,
                y,
                color=color,
                linewidth=width,
                linestyle=dashes,
                marker=marker,
                markersize=size,
                markerfacecolor="white" if hollow else color,
                markeredgewidth=1.5 if hollow else 0.0,
                transform=self._figure.dpi_scale_trans,
            )
        )

    def words(self, x: float, y: float, text: str, **style: Unpack[WordStyle]) -> None:
        """Write one line of text whose middle is at height ``y``; styles as `put` takes them."""
        put(self._figure, x, y, text, **style)

    def png(self) -> bytes:
        """Return the page as a PNG of ``DPI`` dots per inch."""
        content = io.BytesIO()
        # Compression level 1 takes a third of the default's time, for a few kilobytes more.
        self._canvas.print_png(content, metadata={"Software": None}, pil_kwargs={"compress_level": 1})
        return content.getvalue()
