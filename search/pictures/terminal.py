"""Which trials were best, as a table that fits a terminal?"""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from search.pictures.rows import Direction, TrialRow, TrialState, count_states, leaderboard_order
from search.pictures.wording import format_count, format_params, format_result, format_seconds

# Named colours follow the terminal's own theme, light or dark.
STATE_STYLES: dict[TrialState, str] = {
    "complete": "",
    "pruned": "yellow",
    "diverged": "red",
    "failed": "red",
    "running": "magenta",
}


def render_leaderboard(
    rows: Sequence[TrialRow],
    limit: int | None = 10,
    *,
    objective: str = "value",
    direction: Direction = "maximize",
    width: int = 80,
) -> Table:
    """Return the leaderboard as a table for rich, best first; configs wrap, so that nothing is cut.

    Args:
        rows: the trials, in any order.
        limit: at most so many rows; a line below counts the others. None shows all.
        objective: heading of the values.
        direction: which values are good.
        width: columns of the terminal (``console.width``); a narrow one gets fewer facts beside the config.
    """
    ordered = leaderboard_order(rows, direction)
    shown = ordered if limit is None else ordered[: max(0, limit)]
    heads = _heads([row for _, row in shown], width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.caption_justify = "left"
    for name in heads:
        table.add_column(
            Text(objective if name == "value" else name),
            justify="left" if name in ("state", "config") else "right",
            overflow="fold",
            no_wrap=name != "config",
        )
    for rank, row in shown:
        style = "bold green" if rank == 1 else STATE_STYLES[row.state] if rank is None else ""
        repeats = "" if row.duplicate_of is None else f" (repeats trial {row.duplicate_of})"
        cells = {
            "#": "" if rank is None else str(rank),
            "trial": str(row.number),
            "state": row.state,
            "value": format_result(row.value, row.spread),
            "epoch": epoch_of(row),
            "time": format_seconds(row.seconds),
            "weights": format_count(row.parameters),
            "config": format_params(row.params) + repeats,
        }
        table.add_row(*(Text(cells[name]) for name in heads), style=style)
    rest = [row for _, row in ordered[len(shown) :]]
    if rest:
        counts = ", ".join(f"{count} {state}" for state, count in count_states(rest).items())
        table.caption = Text(f"and {len(rest)} more: {counts}", style="dim")
    elif not rows:
        table.caption = Text("no trial yet", style="dim")
    return table


def _heads(shown: Sequence[TrialRow], width: int) -> list[str]:
    """Choose the columns that leave the config room to be read."""
    heads = ["#", "trial"]
    # A column of states only where they differ: in most tables every row shown is complete.
    if any(row.state != "complete" for row in shown):
        heads.append("state")
    heads.append("value")
    if width >= 56:
        heads.append("epoch")
    if width >= 76:
        heads += ["time", "weights"]
    return [*heads, "config"]


def epoch_of(row: TrialRow) -> str:
    """Write which epoch was best of how many, "23/43"; without a best epoch, how many there were."""
    if row.best_epoch is None:
        return str(row.epochs)
    # Of several rounds these are the median of the best epochs and the mean of all.
    return f"{row.best_epoch}/{round(row.epochs / max(1, len(row.values)))}"
