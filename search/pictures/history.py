"""How did the search go, trial by trial, and which hyperparameters mattered?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from search.pictures.figure_style import HOVER, light_figure, say_nothing_yet, study_axis
from search.pictures.palette import BLUE, GREEN, MUTED, STATE_COLORS, STATE_MARKERS
from search.pictures.rows import Direction, TrialRow, TrialState, has_value, running_best
from search.pictures.wording import format_value


def history_figure(rows: Sequence[TrialRow], *, objective: str, direction: Direction) -> go.Figure:
    """Draw every trial's value by its number, and the best so far as a step line.

    Trials without a value (diverged, failed) lie on the bad edge of the picture.
    """
    figure = light_figure(420)
    valued = [row for row in rows if has_value(row)]
    if not any(row.state != "running" for row in rows):
        return say_nothing_yet(figure, "No trial has ended yet.")
    axis = study_axis(valued, direction)
    low, high = axis.get("range", (0.0, 1.0))
    edge = low if direction == "maximize" else high
    bad_edge = 10**edge if axis.get("type") == "log" else edge
    leaders = running_best(rows, direction)
    if leaders:
        last = max(row.number for row in rows)
        figure.add_scatter(
            x=[*(row.number for row in leaders), last],
            y=[*(row.value for row in leaders), leaders[-1].value],
            customdata=[*(row.number for row in leaders), leaders[-1].number],
            mode="lines",
            line={"shape": "hv", "color": GREEN, "width": 2},
            name="best so far",
            hovertemplate=HOVER,
        )
    states: tuple[TrialState, ...] = ("pruned", "diverged", "failed", "complete")
    for state in states:
        members = [row for row in rows if row.state == state]
        outline = 1.5 if state == "pruned" else 0  # only the hollow marker is made of its outline
        if members:
            figure.add_scatter(
                x=[row.number for row in members],
                y=[row.value if has_value(row) else bad_edge for row in members],
                customdata=[row.number for row in members],
                mode="markers",
                marker={
                    "color": STATE_COLORS[state],
                    "symbol": STATE_MARKERS[state],
                    "size": 8,
                    "line": {"width": outline},
                },
                name=f"{state} ({len(members)})",
                hovertemplate=HOVER,
                cliponaxis=False,
            )
    if leaders:
        figure.add_scatter(
            x=[leaders[-1].number],
            y=[leaders[-1].value],
            customdata=[leaders[-1].number],
            mode="markers",
            marker={"color": GREEN, "symbol": "star", "size": 16, "line": {"color": "white", "width": 1}},
            name=f"best: {format_value(leaders[-1].value)} (trial {leaders[-1].number})",
            hovertemplate=HOVER,
        )
    outside = sum(1 for row in valued if row.value is not None and not _within(row.value, axis))
    if outside:
        words = f"{outside} more beyond this edge (double-click to see all)"
        bad_end = 0.0 if direction == "maximize" else 1.0
        figure.add_annotation(
            text=words,
            xref="paper",
            yref="paper",
            x=1,
            y=bad_end,
            xanchor="right",
            yanchor="bottom" if direction == "maximize" else "top",
            yshift=12 if direction == "maximize" else -12,  # clear of the markers on the edge
            showarrow=False,
            font={"size": 11, "color": MUTED},
        )
    goal = "higher is better" if direction == "maximize" else "lower is better"
    numbers = [row.number for row in rows]
    spare = 0.5 + 0.015 * (max(numbers) - min(numbers))
    span = [min(numbers) - spare, max(numbers) + spare]
    figure.update_xaxes(title_text="trial (number)", range=span, tickformat="d", dtick=1 if len(numbers) < 12 else None)
    figure.update_yaxes(title_text=f"{objective} ({goal})", **axis)
    return figure


def _within(value: float, axis: Mapping[str, Any]) -> bool:
    low, high = axis["range"]
    return bool(low <= (math.log10(value) if axis.get("type") == "log" else value) <= high)


def importances_figure(importances: Mapping[str, float] | None, *, objective: str) -> go.Figure:
    """Draw one bar per hyperparameter, the most important on top."""
    if not importances:
        return say_nothing_yet(
            light_figure(160), "Not known yet: importances need several complete trials that differ."
        )
    ordered = sorted(importances.items(), key=lambda item: item[1])
    figure = light_figure(100 + 26 * len(ordered), bargap=0.3)
    figure.update_layout(margin_t=32, showlegend=False)
    figure.add_bar(
        x=[weight for _, weight in ordered],
        y=[name for name, _ in ordered],
        orientation="h",
        marker={"color": BLUE},
        text=[f"{weight:.2f}" if weight >= 0.005 else "<0.01" for _, weight in ordered],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    most = max(importances.values())
    figure.update_xaxes(title_text=f"importance for {objective} (share)", range=[0, 1.1 * most if most > 0 else 1])
    figure.update_yaxes(showgrid=False, type="category", ticksuffix="  ")
    return figure
