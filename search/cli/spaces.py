"""Which families, dimensions, optimizers, schedules, losses and metrics does the program show?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console

    from search.space_listings import Listing

FamilyArgument = Annotated[str | None, typer.Argument(metavar="[FAMILY]", help="linear, mlp, cnn, rnn or custom.")]


def spaces(family: FamilyArgument = None, as_json: JsonOption = False) -> None:
    """List what can be searched: families, dimensions and their ranges, optimizers, schedules, losses, metrics.

    Example: kerasweep spaces cnn
    """
    from search.space_listings import as_data, listings
    from spaces.catalog import FAMILIES
    from spaces.errors import SpaceError, nearest

    if family is not None and family not in FAMILIES:
        raise SpaceError(f"there is no model family {family!r}; {nearest(family, FAMILIES)}")
    if as_json:
        typer.echo(json.dumps(as_data(family), indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for listing in listings(family):
        if listing.text:
            console.print(listing.text.replace("`", ""))
        _print(console, listing)


def _print(console: Console, listing: Listing) -> None:
    """A table; where the terminal is too narrow for it, all that a row says stands under each other beside its name."""
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    heads, *rows = ([cell.replace("`", "") for cell in cells] for cells in (listing.heads, *listing.rows))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=listing.title, title_justify="left")
    for index, head in enumerate(heads):
        table.add_column(head, no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    unlimited = console.options.update(max_width=1_000)
    if len(heads) > 3 and Measurement.get(console, unlimited, table).maximum > console.width:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=listing.title, title_justify="left")
        table.add_column(heads[0], no_wrap=True)
        table.add_column(heads[1])
        for name, meaning, *others in rows:
            lines = (f"{head}: {cell}" for head, cell in zip(heads[2:], others, strict=True) if cell)
            table.add_row(name, "\n".join([meaning, *lines]))
    console.print(table)
