"""Which studies are there, and how do they and their trials stand?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli.options import HomeOption, JsonOption, StudyArgument

if TYPE_CHECKING:
    from rich.console import Console

    from search.pictures.rows import TrialRow
    from search.study.records import StudyFacts
    from search.study.standing import Standing


def list_studies(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the studies in the home folder.

    Example: kerasweep list
    """
    from search.errors import StudyError
    from search.home import find_home
    from search.study.standing import standing_of

    place = find_home(home)
    entries: list[dict[str, Any]] = []
    for name in place.studies():
        try:
            entries.append(asdict(standing_of(place, name)))
        except StudyError as error:
            entries.append({"study": name, "status": "unreadable", "reason": str(error)})
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
    elif not entries:
        typer.echo(f"no study in {place.path} yet; 'kerasweep demo' makes one")
    else:
        _print_studies(entries)


def _print_studies(entries: Sequence[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from search.pictures.wording import format_result

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("study", "status", "trials", "objective", "best"):
        table.add_column(head, justify="right" if head in ("trials", "best") else "left", no_wrap=head == "study")
    for entry in entries:
        if entry["status"] == "unreadable":
            table.add_row(entry["study"], entry["reason"], "", "", "")
            continue
        table.add_row(
            entry["study"],
            entry["status"] + (f" ({entry['note']})" if entry["note"] else ""),
            f"{entry['finished']}/{entry['total']}",
            entry["objective"],
            format_result(entry["best"], entry["spread"]),
        )
    Console(highlight=False).print(table)


def show(study: StudyArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show how a study stands: data, space, trials, best config, what mattered.

    Example: kerasweep show pima
    """
    from rich.console import Console

    from search.home import check_name, find_home
    from search.study.importance import known_importances
    from search.study.reading import read_study
    from search.study.standing import stands

    place, name = find_home(home), check_name(study)
    read, running = read_study(place, name), place.study(name).is_locked()
    facts, standing = read.facts, stands(read, running=running)
    weights = dict(known_importances(place, name, read.rows, running=running))
    if as_json:
        typer.echo(json.dumps({**asdict(standing), "importances": weights, "facts": facts.to_attr()}, indent=2))
        return
    console, rows = Console(highlight=False), read.rows
    for head, text in _lines(standing, facts, rows):
        _line(console, head, text)
    if weights:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in list(weights.items())[:6] if share >= 0.005)
        _line(console, "mattered", shares)
    _print_leaderboard(console, rows, 10, facts)


def _lines(standing: Standing, facts: StudyFacts, rows: Sequence[TrialRow]) -> Iterator[tuple[str, str]]:
    """What there is to say of a study, each with its heading."""
    from search.cli.results import result_of
    from search.data.validation import ValidationConfig
    from search.pictures.wording import format_params

    note = f" ({standing.note})" if standing.note else ""
    yield "study", f"{standing.study}, {standing.status}{note}: {standing.finished} of {standing.total} trials"
    yield "data", f"{facts.data_summary} (fingerprint {facts.data})"
    yield "objective", f"{facts.direction} {facts.objective}"
    space = ", ".join(facts.experiment["space"]) or facts.experiment["model"]
    yield "space", f"{space} (fingerprint {facts.space})"
    yield "trials", ", ".join(f"{count} {state}" for state, count in standing.states.items()) or "none yet"
    best = next((row for row in rows if row.number == standing.best_trial), None)
    if best is not None:
        value = f"{best.value:.6g}"
        if best.spread is not None:
            validation = ValidationConfig.model_validate(facts.experiment.get("validation", {}))
            value = result_of(best, validation)
        yield "best", f"{value} by trial {best.number}: {format_params(best.params)}"
    if standing.test:
        yield "test", ", ".join(f"{metric} {value:.4f}" for metric, value in standing.test.items())
        if facts.parent_run is not None:
            model = f"runs:/{facts.parent_run}/model in MLflow"
            yield "model", f"{model}; kerasweep predict {standing.study} rows.csv"


def trials(
    study: StudyArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="At most so many.")] = None,
) -> None:
    """List a study's trials, best first, with how each ended.

    Example: kerasweep trials pima --csv > trials.csv
    """
    from search.errors import SearchError
    from search.home import check_name, find_home
    from search.pictures.rows import leaderboard_order
    from search.study.reading import read_study

    if as_json and as_csv:
        raise SearchError("trials: --json and --csv exclude each other; give one")
    read = read_study(find_home(home), check_name(study))
    rows, facts = read.rows, read.facts
    ordered = leaderboard_order(rows, facts.direction)[:limit]
    if as_json:
        typer.echo(json.dumps([_plain(rank, row) for rank, row in ordered], indent=2))
        return
    if as_csv:
        _print_csv([_plain(rank, row) for rank, row in ordered])
        return
    from rich.console import Console

    console = Console(highlight=False)
    _print_leaderboard(console, rows, limit, facts)
    for row in rows:
        if row.reason:
            console.print(f"trial {row.number} {_state(row)}: {row.reason}", markup=False, soft_wrap=True)


def _print_leaderboard(console: Console, rows: Sequence[TrialRow], limit: int | None, facts: StudyFacts) -> None:
    from search.pictures.terminal import render_leaderboard

    table = render_leaderboard(rows, limit, objective=facts.objective, direction=facts.direction, width=console.width)
    console.print(table)


def _state(row: TrialRow) -> str:
    return "unfinished" if row.state == "running" else row.state


def _plain(rank: int | None, row: TrialRow) -> dict[str, Any]:
    return {
        "rank": rank,
        "trial": row.number,
        "state": row.state,
        "value": row.value,
        "spread": row.spread,
        "best_epoch": row.best_epoch,
        "epochs": row.epochs,
        "seconds": row.seconds,
        "parameters": row.parameters,
        "duplicate_of": row.duplicate_of,
        "reason": row.reason,
        "params": dict(row.params),
    }


_HEADS = (
    "rank", "trial", "state", "value", "spread", "best_epoch", "epochs", "seconds", "parameters", "duplicate_of",
    "reason",
)  # fmt: skip


def _print_csv(entries: list[dict[str, Any]]) -> None:
    import csv

    names = list(dict.fromkeys(name for entry in entries for name in entry["params"]))
    writer = csv.writer(sys.stdout)
    writer.writerow([*_HEADS, *names])
    for entry in entries:
        values = [entry[head] for head in _HEADS] + [entry["params"].get(name) for name in names]
        writer.writerow(["" if value is None else value for value in values])


def _line(console: Console, head: str, text: str) -> None:
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_column(width=9, style="bold")
    line.add_row(head, Text(text))
    console.print(line)
