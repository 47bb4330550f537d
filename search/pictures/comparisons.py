"""Which values go with good trials: all hyperparameters together (parallel coordinates), or each (slices)?"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from search.pictures.dimensions import UNUSED, Dimension, dimension_of, log_ticks, round_ticks
from search.pictures.figure_style import HOVER, light_figure, say_nothing_yet, study_axis, value_axis
from search.pictures.palette import GREEN, INK, LINE_SEQUENCE, ORANGE, SEQUENCE, STATE_MARKERS
from search.pictures.rows import Direction, TrialRow, fixed_params, has_value, param_names, ranked
from search.pictures.wording import format_scalar

SLICE_HEIGHT = 250  # pixels of one row of slices, labels included
AXIS_WIDTH = 84  # pixels between two axes of the parallel coordinates, so that labels do not touch
PAGE_WIDTH = 1120
MANY = 300  # dots of more trials are smaller


def parallel_figure(
    rows: Sequence[TrialRow],
    *,
    objective: str,
    direction: Direction,
    importances: Mapping[str, float] | None = None,
    log_params: frozenset[str] = frozenset(),
) -> go.Figure:
    """Draw every ranked trial as a line across one axis per hyperparameter, to the objective on the right.

    A hyperparameter that a trial does not have is drawn at a place of its own, below the values. One that
    never varies has no axis.
    """
    # The worst first: the best lines are drawn last, on top.
    shown = ranked(rows, direction)[::-1]
    fixed = fixed_params(shown)
    names = [name for name in param_names(shown, importances) if name not in fixed]
    if len(shown) < 2 or not names:
        return say_nothing_yet(light_figure(160), "Needs two complete trials that differ.")
    values = [row.value for row in shown if row.value is not None]
    axes = [_parallel_axis(dimension_of(name, shown, log=name in log_params)) for name in names]
    figure = light_figure(460, margin={"l": 70, "r": 70, "t": 90, "b": 30})
    width = max(PAGE_WIDTH, 140 + len(axes) * AXIS_WIDTH)
    # Labels lean where two neighbours of about 7 pixels a letter would touch.
    letters = max(len(left) + len(right) for left, right in pairwise([*names, objective]))
    leaning = 3.6 * letters + 14 > (width - 140) / len(axes)
    figure.update_layout(width=width, margin_t=86 if leaning else 56)
    figure.add_parcoords(
        dimensions=[*axes, _objective_axis(objective, values, direction)],
        line={
            "color": values,
            "colorscale": LINE_SEQUENCE,
            "reversescale": direction == "minimize",
            "cmin": min(_color_range(values, direction)),
            "cmax": max(_color_range(values, direction)),
        },
        labelangle=-20 if leaning else 0,
        labelfont={"size": 12, "color": INK},
        tickfont={"size": 11, "color": INK},
        rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it already, in the values' own units
        unselected={"line": {"color": "#c9d1d9", "opacity": 0.25}},
    )
    return figure


def _color_range(values: Sequence[float], direction: Direction) -> tuple[float, float]:
    """From the best value to the worst quarter's: one very bad trial must not make all others look alike."""
    ordered = sorted(values, reverse=direction == "maximize")
    best, poor = ordered[0], ordered[(3 * (len(ordered) - 1)) // 4]
    return (best, poor) if best != poor else (best, ordered[-1] if ordered[-1] != best else best + 1.0)


def _parallel_axis(dimension: Dimension) -> dict[str, Any]:
    low, high = min(dimension.used), max(dimension.used)
    span = high - low or 1.0
    # Room below the values for the trials that do not have this hyperparameter.
    unused = low - (1.0 if dimension.kind == "category" else 0.16 * span)
    ticks, labels = list(dimension.ticks), _plain_text(dimension.labels)
    if len(dimension.used) < len(dimension.positions):
        ticks, labels, low = [unused, *ticks], [UNUSED, *labels], unused
    return {
        "label": dimension.name,
        "values": [unused if position is None else position for position in dimension.positions],
        "tickvals": ticks,
        "ticktext": labels,
        "range": [low, high] if low < high else [low - 0.5, high + 0.5],
    }


def _objective_axis(objective: str, values: Sequence[float], direction: Direction) -> dict[str, Any]:
    """The axis of the objective, whose good end is up."""
    axis = value_axis(values, direction)
    low, high = min(values), max(values)
    if axis.get("type") == "log":
        positions = [math.log10(value) for value in values]
        marks = log_ticks(low, high)
        ticks = [math.log10(mark) for mark in marks]
        low, high = min(positions), max(positions)
    else:
        positions = list(values)
        if low == high:
            low, high = axis["range"]
        ticks = marks = round_ticks(low, high)
    labels = [format_scalar(mark) for mark in marks]
    ends = [low, high] if direction == "maximize" else [high, low]
    return {
        "label": f"<b>{objective}</b>",
        "values": positions,
        "tickvals": ticks,
        "ticktext": labels,
        "range": ends,
    }


def slices_figure(
    rows: Sequence[TrialRow],
    *,
    objective: str,
    direction: Direction,
    importances: Mapping[str, float] | None = None,
    log_params: frozenset[str] = frozenset(),
) -> go.Figure:
    """Draw one small chart per hyperparameter: its values across, the objective up.

    Complete trials are dots, darker the later they came; pruned ones are hollow; the best is a star.
    Trials without a value, or without the hyperparameter, are left out.
    """
    complete = ranked(rows, direction)
    pruned = [row for row in rows if row.state == "pruned" and has_value(row)]
    shown = [*complete, *pruned]
    names = [
        name for name in param_names(shown, importances) if len({row.params.get(name) for row in shown} - {None}) > 1
    ]
    if not names:
        return say_nothing_yet(light_figure(160), "Needs two trials with values that differ.")
    columns = min(len(names), 3) if len(names) <= 6 else 4
    grid_rows = math.ceil(len(names) / columns)
    height = 70 + SLICE_HEIGHT * grid_rows
    grid = make_subplots(
        rows=grid_rows,
        cols=columns,
        shared_yaxes=True,
        horizontal_spacing=0.025,
        vertical_spacing=0 if grid_rows == 1 else 66 / (height - 70),
    )
    figure = light_figure(height, margin={"l": 70, "r": 24, "t": 40, "b": 54})
    figure = go.Figure(grid).update_layout(figure.layout)
    for index, name in enumerate(names):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        dimension = dimension_of(name, shown, log=name in log_params)
        _add_slice(figure, place, dimension, shown, len(complete), legend=index == 0)
    span = study_axis(shown, direction)
    figure.update_yaxes(**span)
    figure.update_yaxes(title_text=objective, col=1)
    return figure


def _add_slice(
    figure: go.Figure,
    place: dict[str, int],
    dimension: Dimension,
    shown: Sequence[TrialRow],
    complete: int,
    *,
    legend: bool,
) -> None:
    """Add one chart; of the rows shown, the first ``complete`` ones are ranked trials, best first."""
    newest = max((row.number for row in shown), default=1)
    size = 7 if len(shown) <= MANY else 4
    kinds: list[tuple[str, range, dict[str, Any]]] = [
        (
            "pruned",
            range(complete, len(shown)),
            {"color": ORANGE, "symbol": STATE_MARKERS["pruned"], "size": size - 1, "line": {"width": 1.5}},
        ),
        (
            "complete (darker: later)",
            range(1, complete),
            {"symbol": "circle", "size": size, "colorscale": SEQUENCE},
        ),
        ("best", range(min(1, complete)), {"color": GREEN, "symbol": "star", "size": 14}),
    ]
    for name, indexes, marker in kinds:
        points = [(index, position) for index in indexes if (position := dimension.positions[index]) is not None]
        members = [shown[index] for index, _ in points]
        if "colorscale" in marker:
            marker |= {"color": [row.number for row in members], "cmin": 0, "cmax": max(newest, 1)}
            marker["line"] = {"color": "white", "width": 0.5}
        if members or legend:
            figure.add_scatter(
                x=[
                    position + _aside(dimension, row.number) for (_, position), row in zip(points, members, strict=True)
                ],
                y=[row.value for row in members],
                customdata=[row.number for row in members],
                mode="markers",
                marker=marker,
                name=name,
                legendgroup=name,
                showlegend=legend and len(indexes) > 0,
                hovertemplate=HOVER,
                **place,
            )
    low, high = min(dimension.used), max(dimension.used)
    spare = 0.5 if dimension.kind == "category" else 0.05 * (high - low)
    figure.update_xaxes(
        title={"text": dimension.name, "standoff": 6},
        tickvals=dimension.ticks,
        ticktext=_plain_text(dimension.labels),
        range=[low - spare, high + spare],
        tickangle=0,
        **place,
    )


def _plain_text(labels: Sequence[str]) -> list[str]:
    """Escape labels: plotly reads a few HTML tags in every text."""
    return [html.escape(label, quote=False) for label in labels]


def _aside(dimension: Dimension, number: int) -> float:
    """Move the points of one category apart, each trial always to the same side (golden-ratio steps)."""
    return ((number * 0.618034) % 1 - 0.5) * 0.5 if dimension.kind == "category" else 0.0
