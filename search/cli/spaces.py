"""Which families, dimensions, optimizers, schedules, losses and metrics does the program show?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from search.cli.options import JsonOption

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
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    for listing in listings(family):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=listing.title, title_justify="left")
        for index, head in enumerate(listing.heads):
            table.add_column(head.replace("`", ""), no_wrap=index == 0)
        for row in listing.rows:
            table.add_row(*(cell.replace("`", "") for cell in row))
        if listing.text:
            console.print(listing.text.replace("`", ""))
        console.print(table)
