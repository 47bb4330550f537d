"""How did the search go, trial by trial, and which hyperparameters mattered?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from search.pictures.figure_style import HOVER, light_figure, say_nothing_yet, study_axis
from search.pictures.palette import BLUE, GREEN, MUTED, STATE_COLORS, STATE_MARKERS
from search.pictures.rows import Direction, TrialRow, TrialState, has_value, running_best
from search.pictures.wording import format_result


def history_figure(rows: Sequence[TrialRow], *, objective: str, direction: Direction) -> go.Figure:
    """Draw every trial's value by its number, and the best so far as a step line.

    Trials without a value (diverged, failed) lie on the bad edge of the picture. A value that is the mean of several
    rounds (folds, repeats) has a bar of one standard deviation to either side.
    """
    figure = light_figure(420)
    if not any(row.state != "running" for row in rows):
        return say_nothing_yet(figure, "No trial has ended yet.")
    axis = study_axis([row for row in rows if has_value(row)], direction)
    leaders = running_best(rows, direction)
    if leaders:
        _add_best_so_far(figure, leaders, last=max(row.number for row in rows))
    states: tuple[TrialState, ...] = ("pruned", "diverged", "failed", "complete")
    for state in states:
        members = [row for row in rows if row.state == state]
        if members:
            _add_state(figure, state, members, _bad_edge(axis, direction))
    if leaders:
        _add_best(figure, leaders[-1])
    outside = sum(1 for row in rows if row.value is not None and has_value(row) and not _within(row.value, axis))
    if outside:
        _say_how_many_are_outside(figure, outside, direction)
    goal = "higher is better" if direction == "maximize" else "lower is better"
    figure.update_xaxes(**_numbers_axis([row.number for row in rows]))
    figure.update_yaxes(title_text=f"{objective} ({goal})", **axis)
    return figure


def _bad_edge(axis: Mapping[str, Any], direction: Direction) -> float:
    """The value at the bad end of the axis."""
    low, high = axis.get("range", (0.0, 1.0))
    edge = float(low if direction == "maximize" else high)
    return float(10**edge) if axis.get("type") == "log" else edge


def _add_best_so_far(figure: go.Figure, leaders: Sequence[TrialRow], last: int) -> None:
    """Add the step line, up to the trial with the number ``last``."""
    figure.add_scatter(
        x=[*(row.number for row in leaders), last],
        y=[*(row.value for row in leaders), leaders[-1].value],
        customdata=[*(row.number for row in leaders), leaders[-1].number],
        mode="lines",
        line={"shape": "hv", "color": GREEN, "width": 2},
        name="best so far",
        hovertemplate=HOVER,
    )


def _add_state(figure: go.Figure, state: TrialState, members: Sequence[TrialRow], bad_edge: float) -> None:
    """Add the trials of one state."""
    spreads = [row.spread if row.spread is not None and has_value(row) else 0.0 for row in members]
    figure.add_scatter(
        x=[row.number for row in members],
        y=[row.value if has_value(row) else bad_edge for row in members],
        customdata=[row.number for row in members],
        mode="markers",
        marker={
            "color": STATE_COLORS[state],
            "symbol": STATE_MARKERS[state],
            "size": 8,
            "line": {"width": 1.5 if state == "pruned" else 0},  # only the hollow marker is made of its outline
        },
        error_y={"array": spreads, "thickness": 1, "width": 0} if any(spreads) else None,
        name=f"{state} ({len(members)})",
        hovertemplate=HOVER,
        cliponaxis=False,
    )


def _add_best(figure: go.Figure, best: TrialRow) -> None:
    """Add the star."""
    figure.add_scatter(
        x=[best.number],
        y=[best.value],
        customdata=[best.number],
        mode="markers",
        marker={"color": GREEN, "symbol": "star", "size": 16, "line": {"color": "white", "width": 1}},
        name=f"best: {format_result(best.value, best.spread)} (trial {best.number})",
        hovertemplate=HOVER,
    )


def _say_how_many_are_outside(figure: go.Figure, outside: int, direction: Direction) -> None:
    """Write at the bad edge how many trials lie beyond it."""
    figure.add_annotation(
        text=f"{outside} more beyond this edge (double-click to see all)",
        xref="paper",
        yref="paper",
        x=1,
        y=0.0 if direction == "maximize" else 1.0,
        xanchor="right",
        yanchor="bottom" if direction == "maximize" else "top",
        yshift=12 if direction == "maximize" else -12,  # clear of the markers on the edge
        showarrow=False,
        font={"size": 11, "color": MUTED},
    )


def _numbers_axis(numbers: Sequence[int]) -> dict[str, Any]:
    """The axis of the trials' numbers, with room on both sides."""
    spare = 0.5 + 0.015 * (max(numbers) - min(numbers))
    return {
        "title_text": "trial (number)",
        "range": [min(numbers) - spare, max(numbers) + spare],
        "tickformat": "d",
        "dtick": 1 if len(numbers) < 12 else None,
    }


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
