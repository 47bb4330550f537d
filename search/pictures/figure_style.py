"""What do all figures of a study share: style, hover text, and how far an axis of values reaches?

Figures take plain rows. A point carries its trial's number as ``customdata``; the page turns it into the text
shown on hovering, so that a text is stored once, not once per picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from search.pictures.palette import GRID, INK, MUTED
from search.pictures.rows import Direction, TrialRow, ranked

HOVER = "%{text}<extra></extra>"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# A value axis shows the bad side down to this many interquartile ranges, lest one bad trial flatten the rest.
SPREAD = 6.0
FEW = 8  # of fewer values, all are shown


def light_figure(height: int, **layout: Any) -> go.Figure:
    """Return an empty figure in the house style: white, thin grid lines, dark text."""
    axis: dict[str, Any] = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": "#b6c0c9",
        "ticks": "",
        "automargin": True,
    }
    axis["title"] = {"font": {"size": 13, "color": MUTED}, "standoff": 10}
    style = {
        "height": height,
        "template": {"layout": {"xaxis": axis, "yaxis": axis}},
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 70, "r": 24, "t": 40, "b": 54},
        "hoverlabel": {
            "bgcolor": "white",
            "bordercolor": "#9aa5b1",
            "align": "left",
            "font": {"size": 12, "color": INK, "family": FONT},
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
    }
    return go.Figure(layout={**style, **layout})


def say_nothing_yet(figure: go.Figure, words: str) -> go.Figure:
    """Write in the middle of an empty figure why it is empty."""
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(text=words, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"color": MUTED})
    figure.update_layout(height=160)
    return figure


def value_axis(values: Sequence[float], direction: Direction, typical: Sequence[float] | None = None) -> dict[str, Any]:
    """Return type and range of an axis of objective values: all the good ones, the bad ones as far as useful.

    How far is useful is read from the ``typical`` values (by default, from all). Positive values that are
    to be small and that span more than two magnitudes get a logarithmic axis.
    """
    if not values:
        return {}
    ordered = sorted(values, reverse=direction == "maximize")
    best, worst = ordered[0], ordered[-1]
    if direction == "minimize" and best > 0 and worst / best > 100:
        spare = 0.05 * math.log10(worst / best)
        return {"type": "log", "range": [math.log10(best) - spare, math.log10(worst) + spare], "dtick": 1}
    usual = sorted(typical or values, reverse=direction == "maximize")
    quarter, three_quarters = usual[len(usual) // 4], usual[(3 * len(usual)) // 4]
    reach = SPREAD * abs(three_quarters - quarter)
    if reach > 0 and len(usual) >= FEW:
        worst = max(worst, quarter - reach) if direction == "maximize" else min(worst, quarter + reach)
    spare = 0.06 * abs(best - worst) or 0.05 * abs(best) or 1.0
    return {"range": [min(best, worst) - spare, max(best, worst) + spare]}


def study_axis(rows: Sequence[TrialRow], direction: Direction) -> dict[str, Any]:
    """Return the axis of trials' values: pruned ones, stopped while still poor, must not flatten others."""
    values = [row.value for row in rows if row.value is not None and math.isfinite(row.value)]
    complete = [row.value for row in ranked(rows, direction) if row.value is not None]
    return value_axis(values, direction, typical=complete if len(complete) >= FEW else values)
