"""Which trials were best, as files: a table for programs (CSV) and one for people (HTML)?"""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Sequence
from pathlib import Path

from search.files import write_whole
from search.pictures.rows import Direction, Scalar, TrialRow, count_states, leaderboard_order, param_names
from search.pictures.template import plain_page
from search.pictures.wording import format_count, format_result, format_scalar, format_seconds

COLUMNS = ("rank", "trial", "state", "value", "best_epoch", "epochs", "seconds", "parameters")
LAST_COLUMNS = ("duplicate_of", "reason")


def write_leaderboard(
    rows: Sequence[TrialRow], *, study: str, objective: str, direction: Direction, folder: Path
) -> list[Path]:
    """Write ``leaderboard.csv`` and ``leaderboard.html``, best first.

    Ranked trials come first; then repeats, pruned, diverged, failed and running trials, without a rank. In
    the CSV, numbers have all their digits (they read back equal), a hyperparameter is a column
    ``params.NAME``, ``value`` is the objective (where it is a mean over rounds, ``spread`` is their standard
    deviation), and a cell is empty where there is nothing to say.

    Returns:
        The two files.

    Raises:
        OSError: the folder cannot be written.
    """
    return [
        write_whole(folder / "leaderboard.csv", leaderboard_csv(rows, direction)),
        write_whole(folder / "leaderboard.html", leaderboard_html(rows, study, objective, direction)),
    ]


def leaderboard_csv(rows: Sequence[TrialRow], direction: Direction) -> str:
    """Return the leaderboard as CSV with a header line and "\\n" line ends."""
    names = param_names(_by_number(rows))
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    # Only trials of several rounds have a spread.
    spread = any(row.spread is not None for row in rows)
    writer.writerow([*COLUMNS, *(["spread"] if spread else []), *(f"params.{name}" for name in names), *LAST_COLUMNS])
    for rank, row in leaderboard_order(rows, direction):
        facts: list[Scalar] = [
            rank,
            row.number,
            row.state,
            row.value,
            row.best_epoch,
            row.epochs,
            row.seconds,
            row.parameters,
        ]
        facts += [row.spread] if spread else []
        params = [row.params.get(name) for name in names]
        writer.writerow([_cell(value) for value in [*facts, *params, row.duplicate_of, row.reason]])
    return content.getvalue()


def _by_number(rows: Sequence[TrialRow]) -> list[TrialRow]:
    return sorted(rows, key=lambda row: row.number)


def _cell(value: Scalar) -> str:
    """Write a value so that it reads back as it was."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def leaderboard_html(rows: Sequence[TrialRow], study: str, objective: str, direction: Direction) -> str:
    """Return the leaderboard as one HTML page that needs neither script nor network."""
    names = param_names(_by_number(rows))
    heads = ["rank", "trial", "state", objective, "best epoch", "epochs", "time", "weights", *names, "note"]
    counts = ", ".join(f"{count} {state}" for state, count in count_states(rows).items()) or "no trial yet"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "\n".join(_html_row(rank, row, names) for rank, row in leaderboard_order(rows, direction))
    return plain_page(
        f"{html.escape(study)}: leaderboard",
        f"{html.escape(counts)}; best {html.escape(objective)} first",
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>",
        _STYLE,
    )


def _html_row(rank: int | None, row: TrialRow, names: Sequence[str]) -> str:
    note = row.reason or ("" if row.duplicate_of is None else f"repeats trial {row.duplicate_of}")
    finite = row.value is not None and math.isfinite(row.value)
    cells = [
        "" if rank is None else str(rank),
        str(row.number),
        row.state,
        format_result(row.value, row.spread) if finite else "",
        "" if row.best_epoch is None else str(row.best_epoch),
        str(row.epochs),
        format_seconds(row.seconds),
        format_count(row.parameters),
        *("" if (value := row.params.get(name)) is None else format_scalar(value) for name in names),
        note,
    ]
    numeric = {index for index in range(8) if index != 2} | {
        8 + index
        for index, name in enumerate(names)
        if isinstance(row.params.get(name), int | float) and not isinstance(row.params.get(name), bool)
    }
    tags = (
        ' class="number"' if index in numeric else ' class="state"' if index == 2 else "" for index in range(len(cells))
    )
    tds = "".join(f"<td{tag}>{html.escape(cell)}</td>" for tag, cell in zip(tags, cells, strict=True))
    return f'<tr class="{row.state}{" best" if rank == 1 else ""}">{tds}</tr>'


_STYLE = """\
  p { margin: 2px 0 14px; color: #52606d; }
  th, td { padding: 4px 10px; text-align: left; white-space: nowrap; border-bottom: 1px solid #e6eaee; }
  th { position: sticky; top: 0; background: #f5f7fa; color: #52606d; font-weight: 600; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; }
  td:last-child { color: #52606d; }
  tr.best td { font-weight: 700; background: #e6f5f0; }
  tr.pruned td, tr.diverged td, tr.failed td, tr.running td { color: #66727f; }
  tr.complete td.state { color: #0072B2; }
  tr.pruned td.state { color: #9a6a00; }
  tr.diverged td.state, tr.failed td.state { color: #b34e00; }
  tbody tr:hover td { background: #f5f7fa; }
"""
