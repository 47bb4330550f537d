"""How do charts with matplotlib's axes get the house style, any words and a small file?

Only matplotlib's objects are used, never pyplot and never its global settings: pictures are drawn in workers and on
background threads.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from search.files import write_whole
from search.pictures.palette import BLUE, GREEN, GRID, INK, MUTED, ORANGE, PURPLE, SEQUENCE, VERMILION
from search.pictures.sheet import DPI
from search.pictures.words import drawable, put, shorten

HEADER_INCHES = 0.62
EDGE = "#b6c0c9"
# Lines that are told apart by hue and by dashes; the first two are the house's own.
LINES: tuple[tuple[str, Any], ...] = (
    (BLUE, "-"),
    (ORANGE, "-"),
    (GREEN, "-"),
    (VERMILION, "-"),
    (PURPLE, "-"),
    ("#56B4E9", "-"),
    (INK, (0, (5, 1.5))),
    (BLUE, (0, (1.2, 1.2))),
    (VERMILION, (0, (5, 1.5))),
    (GREEN, (0, (1.2, 1.2))),
)
BLUES = LinearSegmentedColormap.from_list("house-blue", [(0.0, "#ffffff"), *SEQUENCE[1:]])
ORANGES = LinearSegmentedColormap.from_list("house-orange", ["#ffffff", "#f6c99b", VERMILION, "#7a3400"])
PALE_TWO_SIDED = LinearSegmentedColormap.from_list(
    "house-pale", ["#dd7a33", "#f3cba8", "#ffffff", "#a5cde6", "#2e86bd"]
)
TWO_SIDED = LinearSegmentedColormap.from_list("house-two-sided", ["#7a3400", VERMILION, "#ffffff", BLUE, "#08306b"])


def new_figure(width: float, height: float, title: str, subtitle: str = "") -> Figure:
    """Return an empty white figure of (width, height) inches with its heading in the upper left corner."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    put(figure, 0.16, height - 0.22, shorten(title, int(width * 11.5)), size=10.5, bold=True)
    if subtitle:
        put(figure, 0.16, height - 0.45, shorten(subtitle, int(width * 15)), color=MUTED)
    return figure


def add_axes(
    figure: Figure, left: float, bottom: float, width: float, height: float, *, across: str = "", up: str = ""
) -> Axes:
    """Add a plotted box at inches, with thin grid lines and the names of its axes."""
    whole_width, whole_height = figure.get_size_inches()
    axes = figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(EDGE)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=8, length=0, pad=4)
    axes.set_xlabel(drawable(across), fontsize=8.5, color=INK, parse_math=False)
    axes.set_ylabel(drawable(up), fontsize=8.5, color=INK, parse_math=False)
    return axes


def add_picture_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add a box at inches that holds a picture: no grid, no ticks, a thin frame."""
    axes = add_axes(figure, left, bottom, width, height)
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(EDGE)
        spine.set_linewidth(0.6)
    return axes


def add_sheet(figure: Figure) -> Axes:
    """Add a box over the whole figure, measured in inches, for many pictures: a box for each takes 20 ms."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    width, height = figure.get_size_inches()
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_autoscale_on(False)
    return axes


def place_picture(
    sheet: Axes, picture: NDArray[Any], left: float, bottom: float, width: float, height: float, **style: Any
) -> None:
    """Put a picture, (height, width) or (height, width, 3), at inches of a sheet, in a thin frame."""
    extent = (left, left + width, bottom, bottom + height)
    sheet.imshow(picture, extent=extent, aspect="auto", interpolation="nearest", **style)
    frame = Rectangle((left, bottom), width, height, fill=False, edgecolor=EDGE, linewidth=0.6)
    sheet.add_patch(frame)


def add_legend(axes: Axes, *, title: str | None = None, **place: Any) -> None:
    """Add a legend without a frame's weight, its words as they are."""
    settings = {"loc": "best", "fontsize": 8, "frameon": True, "framealpha": 0.85, "edgecolor": "none"}
    legend = axes.legend(title=title, title_fontsize=8, handlelength=2.2, **{**settings, **place})
    legend.set_zorder(10)
    for text in legend.get_texts():
        text.set_color(INK)
        text.set_parse_math(False)
        text.set_text(drawable(text.get_text()))
    legend.get_title().set_color(MUTED)


def add_legend_above(axes: Axes, **settings: Any) -> None:
    """Add a legend above the plotted box, where no data can lie under it; the box needs room there."""
    add_legend(axes, loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.1, **settings)


def group_digits(axes: Axes) -> None:
    """Write the ticks of both axes as 300,000 and 0.25."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.7g}"))


def label_ticks(
    axes: Axes, which: Literal["x", "y"], positions: Sequence[float], labels: Sequence[str], **style: Any
) -> None:
    """Write words at positions of an axis, as they are."""
    texts = [drawable(label) for label in labels]
    setter = axes.set_xticks if which == "x" else axes.set_yticks
    setter(list(positions), texts, parse_math=False, **style)


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG of ``DPI`` dots per inch."""
    content = io.BytesIO()
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.print_png(content, metadata={"Software": None})
    return content.getvalue()


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG, whole; its folder is made.

    Raises:
        OSError: the file cannot be written.
    """
    return write_whole(path, png(figure))


def in_legend(text: str) -> str:
    """A label that appears: matplotlib leaves out those that begin with an underscore."""
    return f" {text}" if text.startswith("_") else text


def thin(x: NDArray[Any], y: NDArray[Any], most: int = 1000) -> tuple[NDArray[Any], NDArray[Any]]:
    """Keep at most so many points of a curve, the ends among them: more than a picture can show are slow to draw."""
    if len(x) <= most:
        return x, y
    rows = np.unique(np.linspace(0, len(x) - 1, most).round().astype(np.int64))
    return x[rows], y[rows]


def share_axes(axes: Axes) -> None:
    """Let both axes run from 0 to 1, with a little room."""
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
