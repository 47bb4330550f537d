"""How is a study browsed in a web browser, without a network and inside MLflow's viewer?

MLflow shows an HTML artifact in a sandboxed frame that reaches no other file, so every page carries all that
it needs. plotly's library is 4.8 MB; packed with gzip (the browser unpacks it) a page takes 2 MB. One page,
``study.html``, holds all pictures; each is also written under a name of its own when asked for.
"""

from __future__ import annotations

import base64
import functools
import gzip
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from search.files import write_whole
from search.pictures.comparisons import parallel_figure, slices_figure
from search.pictures.history import history_figure, importances_figure
from search.pictures.overlay import curves_figure
from search.pictures.page import PAGE
from search.pictures.rows import Direction, TrialRow, count_states, fixed_params, ranked
from search.pictures.template import fill
from search.pictures.wording import format_params, format_result, format_scalar, format_seconds, format_value

# Longer configs are cut in the text shown on hovering; the leaderboard has them whole.
MOST_HOVER_PARAMS = 18
MOST_CONFIG_LETTERS = 200


@dataclass(frozen=True)
class Section:
    """One picture of a page: the name of its file and its link, its heading, a sentence, and the figure."""

    name: str
    heading: str
    caption: str
    figure: go.Figure


def study_sections(
    rows: Sequence[TrialRow],
    *,
    objective: str,
    direction: Direction,
    importances: Mapping[str, float] | None,
    log_params: frozenset[str] = frozenset(),
    curves: Mapping[int, Sequence[float]] | None = None,
    unit: str = "epoch",
) -> list[Section]:
    """Draw all pictures of a study; the learning curves only when ``curves`` are given, a step a ``unit``."""
    fixed = ", ".join(f"{name} = {format_scalar(value)}" for name, value in fixed_params(rows).items() if len(rows) > 1)
    spread = any(row.spread is not None for row in rows)
    sections = [
        Section(
            "optimization_history",
            "Optimization history",
            "Every trial that ended, in the order they started. A pruned trial lies at the value of its last "
            f"{unit}; one without a value (diverged, failed) lies on the edge."
            + (f" Bars: one standard deviation over the {unit}s." if spread else ""),
            history_figure(rows, objective=objective, direction=direction),
        ),
        Section(
            "param_importances",
            "Parameter importances",
            "How much each hyperparameter decides whether a trial is good.",
            importances_figure(importances, objective=objective),
        ),
        Section(
            "parallel_coordinates",
            "Parallel coordinates",
            "One line per complete trial, darker the better. Drag along an axis to keep only the lines that "
            "cross there; drag an axis's name to move it." + (f" Fixed in every trial: {fixed}." if fixed else ""),
            parallel_figure(
                rows, objective=objective, direction=direction, importances=importances, log_params=log_params
            ),
        ),
        Section(
            "slices",
            "Slices",
            "One hyperparameter at a time. Trials that do not have it are left out.",
            slices_figure(
                rows, objective=objective, direction=direction, importances=importances, log_params=log_params
            ),
        ),
    ]
    if curves is not None:
        overlay = Section(
            "learning_curves",
            "Learning curves",
            f"The objective by {unit}, and where trials were stopped; of a long study, the best and latest.",
            curves_figure(rows, curves, objective=objective, direction=direction, unit=unit),
        )
        sections.insert(1, overlay)
    return sections


def write_study_pages(
    rows: Sequence[TrialRow],
    *,
    study: str,
    objective: str,
    direction: Direction,
    importances: Mapping[str, float] | None,
    folder: Path,
    log_params: frozenset[str] = frozenset(),
    curves: Mapping[int, Sequence[float]] | None = None,
    unit: str = "epoch",
    separate: bool = False,
) -> list[Path]:
    """Write ``study.html``, one page with all pictures, 2 MB that open offline.

    Args:
        rows: all trials, in any order; there may be none yet.
        study: the study's name.
        objective: the objective's name.
        direction: which of its values are good.
        importances: share of each hyperparameter, None while not known.
        folder: where to write; it is made.
        log_params: hyperparameters searched, and so drawn, on a logarithmic scale.
        curves: the objective after each epoch, by trial number, for a picture of all learning curves.
        unit: what a step of these is: ``epoch``, or where trials have several rounds ``fold``, ``repeat`` or
            ``round``.
        separate: also write each picture as a page of its own (``slices.html``, ...), 2 MB each.

    Returns:
        The files written, ``study.html`` first.

    Raises:
        OSError: the folder cannot be written.
    """
    ordered = sorted(rows, key=lambda row: row.number)
    sections = study_sections(
        ordered,
        objective=objective,
        direction=direction,
        importances=importances,
        log_params=log_params,
        curves=curves,
        unit=unit,
    )
    summary = summary_line(ordered, objective=objective, direction=direction)
    hover = {row.number: hover_text(row, objective, unit) for row in ordered}
    pages = {"study": sections} | ({section.name: [section] for section in sections} if separate else {})
    return [
        write_whole(folder / f"{name}.html", render_page(study, summary, parts, hover)) for name, parts in pages.items()
    ]


def summary_line(rows: Sequence[TrialRow], *, objective: str, direction: Direction) -> str:
    """Say how far the study is: trials by state, and the best one."""
    counts = ", ".join(f"{count} {state}" for state, count in count_states(rows).items())
    words = f"{len(rows)} trial{'' if len(rows) == 1 else 's'}" + (f": {counts}" if counts else "")
    ranking = ranked(rows, direction)
    if not ranking:
        return words
    best = ranking[0]
    config = format_params(best.params)
    config = config if len(config) <= MOST_CONFIG_LETTERS else config[: MOST_CONFIG_LETTERS - 1] + "…"
    return f"{words}. Best {objective} {format_result(best.value, best.spread)} (trial {best.number}): {config}"


def hover_text(row: TrialRow, objective: str, unit: str = "round") -> str:
    """Describe a trial in a few short lines of the HTML that plotly knows; ``unit`` is what a round is called."""
    head = f"<b>trial {row.number}</b>, {row.state}"
    lines = [head if row.duplicate_of is None else f"{head}, repeats trial {row.duplicate_of}"]
    if row.value is not None:
        epoch = "" if row.best_epoch is None else f" at epoch {row.best_epoch} of {_epochs_of(row)}"
        lines.append(f"{html.escape(objective)} {format_result(row.value, row.spread)}{epoch}")
        if row.values:
            lines.append(f"{unit}s: {html.escape(_rounds_text(row.values))}")
    if row.reason:
        lines.append(html.escape(row.reason if len(row.reason) <= 80 else row.reason[:79] + "…"))
    if row.seconds is not None:
        lines.append(format_seconds(row.seconds))
    params = [f"{html.escape(name)}: {html.escape(format_scalar(value))}" for name, value in row.params.items()]
    lines += params[:MOST_HOVER_PARAMS]
    if len(params) > MOST_HOVER_PARAMS:
        lines.append(f"and {len(params) - MOST_HOVER_PARAMS} more")
    return "<br>".join(lines)


def _epochs_of(row: TrialRow) -> int:
    """The epochs of a trial; of several rounds their mean."""
    return round(row.epochs / max(1, len(row.values)))


def _rounds_text(values: Sequence[float], most: int = 10) -> str:
    words = ", ".join(format_value(value) for value in values[:most])
    return words if len(values) <= most else f"{words}, ... ({len(values)})"


def render_page(study: str, summary: str, sections: Sequence[Section], hover: Mapping[int, str]) -> str:
    """Return one whole page: heading, links, pictures, and the library that draws them."""
    links = "".join(f'<a href="#{part.name}">{html.escape(part.heading)}</a>' for part in sections)
    bodies = "".join(
        f'<section id="{part.name}"><h2>{html.escape(part.heading)}</h2><p>{html.escape(part.caption)}</p>'
        f'<div class="scroll"><div class="picture" id="picture-{part.name}"></div></div></section>'
        for part in sections
    )
    figures = ",".join(f"{json.dumps(part.name)}:{part.figure.to_json()}" for part in sections)
    # Within a script, "</" would end it early.
    data = f'{{"hover":{json.dumps(hover)},"figures":{{{figures}}}}}'.replace("</", "<\\/")
    return fill(
        PAGE,
        TITLE=html.escape(f"{study}: {sections[0].heading.lower() if len(sections) == 1 else 'study'}"),
        STUDY=html.escape(study),
        SUMMARY=html.escape(summary),
        LINKS=f"<nav>{links}</nav>" if len(sections) > 1 else "",
        BODIES=bodies,
        DATA=data,
        LIBRARY=_packed_library(),
    )


@functools.cache
def _packed_library() -> str:
    """plotly's library as base64 of gzip; packing takes a quarter of a second, once per process."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode("utf-8"), 9, mtime=0)).decode("ascii")
