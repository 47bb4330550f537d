"""How did the metrics of one trial go, epoch by epoch?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.files import write_whole
from search.pictures.palette import BLUE, GRID, INK, MUTED, ORANGE, VERMILION
from search.pictures.sheet import Dashes, Scale, Sheet, epoch_scale, linear_scale, log_scale
from search.pictures.wording import format_value

PANEL_INCHES = (3.7, 2.15)  # one panel with its labels
PLOT_INCHES = (2.88, 1.6)  # the plotted box within
HEADER_INCHES = 0.75
MOST_COLUMNS = 3
NOT_METRICS = frozenset({"epoch", "round"})
PALE_BLUE, PALE_ORANGE = "#b5d3e6", "#f6dda3"  # of single rounds, behind their mean
# A longer curve shows its shape without a marker on every epoch.
MARKED_EPOCHS = 30
LOG_RATIO = 50.0


@dataclass(frozen=True)
class Panel:
    """One metric over the epochs, by training and validation; an epoch without a finite value holds NaN.

    Attributes:
        train, validation: of several rounds their mean, as far as all of them went.
        train_rounds, validation_rounds: each of several rounds; empty for one.
    """

    name: str
    train: tuple[float, ...] | None
    validation: tuple[float, ...] | None
    train_rounds: tuple[tuple[float, ...], ...] = ()
    validation_rounds: tuple[tuple[float, ...], ...] = ()

    @property
    def series(self) -> list[tuple[float, ...]]:
        """The series that exist, validation last: it is drawn on top."""
        return [series for series in (self.train, self.validation) if series is not None]

    @property
    def rounds(self) -> list[tuple[str, tuple[float, ...]]]:
        """The series of single rounds with their colours, training first."""
        return [(PALE_ORANGE, one) for one in self.train_rounds] + [(PALE_BLUE, one) for one in self.validation_rounds]


def panels_of(history: Sequence[Mapping[str, float]], objective: str) -> list[Panel]:
    """Group the metrics of a history into panels: the objective's first, the learning rate's last.

    A learning rate that never changes gets no panel. Epochs that carry a ``round`` are those of several rounds.
    """
    rounds = _rounds(history)
    keys = dict.fromkeys(key for epoch in history for key in epoch if key not in NOT_METRICS)
    names = dict.fromkeys(key.removeprefix("val_") for key in keys)
    order = {"learning_rate": 1, objective.removeprefix("val_"): -1}
    panels: list[Panel] = []
    for name in sorted(names, key=lambda name: order.get(name, 0)):
        found = [[_series(one, key) for one in rounds] if key in keys else [] for key in (name, f"val_{name}")]
        train, validation = (_mean(each) if each else None for each in found)
        if name == "learning_rate" and len(set(train or ())) < 2:
            continue
        each_train, each_validation = ((), ()) if len(rounds) == 1 else (tuple(found[0]), tuple(found[1]))
        panels.append(Panel(name, train, validation, each_train, each_validation))
    return panels


def _rounds(history: Sequence[Mapping[str, float]]) -> list[list[Mapping[str, float]]]:
    """The epochs of each round, in order; all are of one round where none is named."""
    numbers = list(dict.fromkeys(epoch.get("round", 1) for epoch in history))
    return [[epoch for epoch in history if epoch.get("round", 1) == number] for number in numbers] or [[]]


def _mean(rounds: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The mean over the rounds, as far as all of them went."""
    return tuple(sum(values) / len(values) for values in zip(*rounds, strict=False))


def _series(history: Sequence[Mapping[str, float]], key: str) -> tuple[float, ...]:
    values = (float(epoch.get(key, math.nan)) for epoch in history)
    return tuple(value if math.isfinite(value) else math.nan for value in values)


def first_not_finite(panel: Panel) -> int | None:
    """Return the first epoch (1-based) at which a series of the panel has no finite value, or None."""
    epochs = (epoch for series in panel.series for epoch, value in enumerate(series, start=1) if math.isnan(value))
    return min(epochs, default=None)


def value_scale(panel: Panel) -> Scale | None:
    """Return the panel's value axis: logarithmic over magnitudes, else linear; None without finite values."""
    everything = [*panel.series, *(series for _, series in panel.rounds)]
    values = [value for series in everything for value in series if math.isfinite(value)]
    if not values:
        return None
    low, high = min(values), max(values)
    # A metric between 0 and 1, such as accuracy, stays linear however small it starts.
    if low > 0 and high / low >= LOG_RATIO and (high > 1.5 or panel.name == "learning_rate"):
        return log_scale(values)
    return linear_scale(values)


def draw_learning_curves(
    history: Sequence[Mapping[str, float]],
    *,
    best_epoch: int | None,
    title: str,
    objective: str,
    path: Path,
    unit: str = "round",
) -> Path:
    """Draw one panel per metric, training and validation together, as a PNG at 100 dots per inch.

    Args:
        history: one mapping per completed epoch, from metric name to value (``loss``, ``val_loss``, ...).
            Values that are not finite leave a gap, and the first such epoch is marked. Where the mappings have a
            ``round`` (1-based), each round is a thin line and their mean a bold one.
        best_epoch: 1-based epoch whose weights are kept, marked in every panel; None marks nothing.
        title: heading, shortened where it is wider than the picture.
        objective: the metric whose panel comes first.
        path: the file to write; its folder is made.
        unit: what a round is called: ``fold``, ``repeat`` or ``round``.

    Raises:
        OSError: the file cannot be written.
    """
    panels = panels_of(history, objective)
    epochs = max(map(len, _rounds(history)))
    columns = 2 if len(panels) in (0, 1, 2, 4) else MOST_COLUMNS
    rows = max(1, math.ceil(len(panels) / columns))
    sheet = Sheet(columns * PANEL_INCHES[0] + 0.2, HEADER_INCHES + rows * PANEL_INCHES[1] + 0.2)
    _draw_header(sheet, title, panels, best_epoch, unit)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        left = column * PANEL_INCHES[0] + 0.68
        bottom = sheet.height - HEADER_INCHES - (row + 1) * PANEL_INCHES[1] + 0.25
        _draw_panel(sheet, left, bottom, panel, epochs, best_epoch)
        if index + columns >= len(panels):
            sheet.words(left + PLOT_INCHES[0] / 2, bottom - 0.31, "epoch", color=MUTED, align="center")
    if not panels:
        sheet.words(
            sheet.width / 2,
            sheet.height * 0.4,
            "no epoch was completed",
            size=10,
            color=MUTED,
            align="center",
        )
    return write_whole(path, sheet.png())


def _draw_header(sheet: Sheet, title: str, panels: Sequence[Panel], best_epoch: int | None, unit: str) -> None:
    most = int(sheet.width * 11.5)  # characters of this bold face that surely fit
    shown = title if len(title) <= most else title[: most - 1].rstrip() + "…"
    sheet.words(0.18, sheet.height - 0.24, shown, size=10.5, bold=True)
    x, y = 0.18, sheet.height - 0.52
    several = max((len(panel.rounds) for panel in panels), default=0)
    mean = "mean of " if several else ""
    entries: tuple[tuple[str, str, Dashes, bool], ...] = (
        (f"{mean}training", ORANGE, "--", any(panel.train for panel in panels)),
        (f"{mean}validation", BLUE, "-", any(panel.validation for panel in panels)),
        (f"each {unit}", PALE_BLUE, "-", bool(several)),
        ("first value that is not finite", VERMILION, ":", any(map(first_not_finite, panels))),
    )
    if best_epoch is not None:
        sheet.line([x + 0.06], [y], INK, marker="o", size=6, hollow=True)
        sheet.words(x + 0.18, y, f"best epoch: {best_epoch}")
        x += 0.48 + 0.068 * len(f"best epoch: {best_epoch}")
    for words, color, dashes, occurs in entries:
        if occurs:
            sheet.line([x, x + 0.26], [y, y], color, width=1.8, dashes=dashes)
            sheet.words(x + 0.34, y, words)
            x += 0.62 + 0.068 * len(words)


def _draw_panel(sheet: Sheet, left: float, bottom: float, panel: Panel, epochs: int, best_epoch: int | None) -> None:
    """Draw one panel whose plotted box has its lower left corner at (left, bottom) inches."""
    width, height = PLOT_INCHES
    top, across, up = bottom + height, epoch_scale(epochs), value_scale(panel)
    sheet.words(left, top + 0.15, panel.name, size=9, bold=True)
    sheet.line([left, left + width], [bottom, bottom], "#b6c0c9", width=0.8)
    for epoch, label in zip(across.ticks, across.labels, strict=True):
        sheet.words(left + across.place(epoch) * width, bottom - 0.13, label, color=MUTED, align="center")
    if up is None:
        sheet.words(left + width / 2, bottom + height / 2, "no finite value", size=9, color=MUTED, align="center")
        return
    broken = first_not_finite(panel)
    if broken is not None:
        x = left + across.place(broken) * width
        sheet.line([x, x], [bottom, top], VERMILION, width=1.6, dashes=":")
    for tick, label in zip(up.ticks, up.labels, strict=True):
        y = bottom + up.place(tick) * height
        sheet.line([left, left + width], [y, y], GRID, width=0.8)
        sheet.words(left - 0.08, y, label, color=MUTED, align="right")
    marks = best_epoch is not None and 1 <= best_epoch <= epochs
    if best_epoch is not None and marks:
        x = left + across.place(best_epoch) * width
        sheet.line([x, x], [bottom, top], "#9aa5b1", width=0.8)
    xs = [left + across.place(epoch) * width for epoch in range(1, epochs + 1)]
    for color, series in panel.rounds:
        sheet.line(xs[: len(series)], [bottom + up.place(value) * height for value in series], color, width=0.8)
    for series in panel.series:
        ys = [bottom + up.place(value) * height for value in series]
        color, thickness = (BLUE, 1.8) if series is panel.validation else (ORANGE, 1.4)
        dashes: Dashes = "-" if series is panel.validation else "--"
        if panel.name == "learning_rate":
            color, dashes = MUTED, "-"
        thickness *= 1.0 if epochs <= 300 else 0.5
        marker = "o" if epochs <= MARKED_EPOCHS else ""
        sheet.line(xs[: len(ys)], ys, color, width=thickness, dashes=dashes, marker=marker, size=3.4)
    if best_epoch is not None and marks and panel.name != "learning_rate":
        value = panel.series[-1][best_epoch - 1] if best_epoch <= len(panel.series[-1]) else math.nan
        if math.isfinite(value):
            y = bottom + up.place(value) * height
            sheet.line([xs[best_epoch - 1]], [y], INK, marker="o", size=6, hollow=True)
            label_color = INK if panel.validation is None else BLUE
            sheet.words(left + width, top + 0.15, format_value(value), size=9, color=label_color, align="right")
