"""Which colours mean what, in every picture of a study?

The hues are those of Okabe and Ito (2008), which people with any common colour blindness tell apart; no
picture relies on colour alone (states differ in marker, training and validation in dashes).
"""

from __future__ import annotations

from search.pictures.rows import TrialState

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
INK = "#1f2933"
MUTED = "#66727f"
GRID = "#e6eaee"

STATE_COLORS: dict[TrialState, str] = {
    "complete": BLUE,
    "pruned": ORANGE,
    "diverged": VERMILION,
    "failed": "#4a4a4a",
    "running": PURPLE,
}
STATE_MARKERS: dict[TrialState, str] = {
    "complete": "circle",
    "pruned": "diamond-open",
    "diverged": "x",
    "failed": "cross",
    "running": "circle-open",
}
# One hue from pale to dark: poor or early trials fade, good or late ones stand out.
SEQUENCE: list[tuple[float, str]] = [
    (0.0, "#d3e3f0"),
    (0.35, "#8fbfde"),
    (0.7, "#2f83bd"),
    (1.0, "#08306b"),
]
# Thin lines need more ink than dots to be seen at all.
LINE_SEQUENCE: list[tuple[float, str]] = [
    (0.0, "#c3d3e2"),
    (0.4, "#86b4d6"),
    (0.75, "#2171b5"),
    (1.0, "#041f4a"),
]
