"""How did the objective of many trials go, epoch by epoch, and where were the poor ones stopped?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from search.pictures.figure_style import HOVER, light_figure, say_nothing_yet, value_axis
from search.pictures.palette import BLUE, GREEN, ORANGE, VERMILION
from search.pictures.rows import Direction, TrialRow, with_shown_curve


def curves_figure(
    rows: Sequence[TrialRow],
    curves: Mapping[int, Sequence[float]],
    *,
    objective: str,
    direction: Direction,
    unit: str = "epoch",
) -> go.Figure:
    """Draw the objective by epoch of many trials: where pruning cut, and how the best one went.

    Args:
        rows: the trials.
        curves: the objective after each completed epoch, by trial number; what is missing is not drawn. Where trials
            have several rounds: the mean so far after each round.
        objective: its name.
        direction: which values are good.
        unit: of the steps: ``epoch``, ``fold``, ``repeat`` or ``round``.
    """
    figure = light_figure(420)
    with_curve = [row for row in rows if curves.get(row.number)]
    if not with_curve:
        return say_nothing_yet(figure, f"No trial has completed {'an' if unit == 'epoch' else 'a'} {unit} yet.")
    leaders, stopped = with_shown_curve(with_curve, direction)
    groups: list[tuple[str, Sequence[TrialRow], dict[str, Any]]] = [
        ("stopped early", stopped, {"color": ORANGE, "width": 1.2}),
        ("complete", leaders[1:], {"color": BLUE, "width": 1.2}),
        ("best", leaders[:1], {"color": GREEN, "width": 3.5}),
    ]
    for name, members, line in groups:
        if not members:
            continue
        x, y, numbers = _joined(members, curves)
        figure.add_scatter(
            x=x,
            y=y,
            customdata=numbers,
            mode="lines",
            line=line,
            opacity=1.0 if name == "best" else 0.5,
            name=name if name == "best" else f"{name} ({len(members)})",
            hovertemplate=f"{unit} " + "%{x}: %{y:.4f}<br>%{text}<extra></extra>",
        )
    ends = [row for row in stopped if math.isfinite(curves[row.number][-1])]
    if ends:
        figure.add_scatter(
            x=[len(curves[row.number]) for row in ends],
            y=[curves[row.number][-1] for row in ends],
            customdata=[row.number for row in ends],
            mode="markers",
            marker={"color": VERMILION, "symbol": "x", "size": 6},
            name="stopped here",
            hovertemplate=HOVER,
        )
    seen = [value for row in (*leaders, *stopped) for value in curves[row.number] if math.isfinite(value)]
    figure.update_xaxes(title_text=f"completed {unit}s", rangemode="tozero", tickformat="d")
    mean = "" if unit == "epoch" else f" (mean of the {unit}s so far)"
    figure.update_yaxes(title_text=f"{objective}{mean}", **value_axis(seen, direction))
    return figure


def _joined(
    members: Sequence[TrialRow], curves: Mapping[int, Sequence[float]], most_points: int = 200
) -> tuple[list[int | None], list[float | None], list[int | None]]:
    """Put many curves into one trace, a gap after each: hundreds of traces would make the page slow."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for row in members:
        curve = curves[row.number]
        stride = math.ceil(len(curve) / most_points)
        epochs = sorted({*range(1, len(curve) + 1, stride), len(curve)})
        x += [*epochs, None]
        y += [*(curve[epoch - 1] if math.isfinite(curve[epoch - 1]) else None for epoch in epochs), None]
        numbers += [*([row.number] * len(epochs)), None]
    return x, y, numbers
