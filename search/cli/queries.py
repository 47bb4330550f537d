"""Which studies are there, how do they stand, and where can one look at them?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli.options import HomeOption, JsonOption, StudyArgument

if TYPE_CHECKING:
    from search.home import Home
    from search.pictures.rows import TrialRow
    from search.study.records import StudyFacts


def list_studies(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the studies in the home folder.

    Example: kerasweep list
    """
    from search.errors import StudyError
    from search.home import find_home

    place = find_home(home)
    summaries = []
    for name in place.studies():
        try:
            summaries.append(_summary(place, name))
        except StudyError as error:
            summaries.append({"study": name, "status": "unreadable", "reason": str(error)})
    if as_json:
        typer.echo(json.dumps(summaries, indent=2))
        return
    if not summaries:
        typer.echo(f"no study in {place.path} yet; 'kerasweep demo' makes one")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from search.pictures.wording import format_result

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("study", "status", "trials", "objective", "best"):
        table.add_column(head, justify="right" if head in ("trials", "best") else "left", no_wrap=head == "study")
    for entry in summaries:
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

    from search.cli.results import result_of
    from search.data.validation import ValidationConfig
    from search.home import check_name, find_home
    from search.pictures.terminal import render_leaderboard
    from search.pictures.wording import format_params
    from search.study.importance import importances
    from search.study.store import load_study

    place, name = find_home(home), check_name(study)
    opened, facts = load_study(place, name)
    rows = _rows(opened)
    weights = dict(importances(opened))
    summary = _summary(place, name)
    if as_json:
        typer.echo(json.dumps({**summary, "importances": weights, "facts": facts.to_attr()}, indent=2))
        return
    console = Console(highlight=False)
    note = f" ({summary['note']})" if summary["note"] else ""
    _line(console, "study", f"{name}, {summary['status']}{note}: {summary['finished']} of {summary['total']} trials")
    _line(console, "data", f"{facts.data_summary} (fingerprint {facts.data})")
    _line(console, "objective", f"{facts.direction} {facts.objective}")
    space = ", ".join(facts.experiment["space"]) or facts.experiment["model"]
    _line(console, "space", f"{space} (fingerprint {facts.space})")
    states = ", ".join(f"{count} {state}" for state, count in summary["states"].items())
    _line(console, "trials", states or "none yet")
    best = next((row for row in rows if row.number == summary["best_trial"]), None)
    if best is not None:
        value = f"{best.value:.6g}"
        if best.spread is not None:
            validation = ValidationConfig.model_validate(facts.experiment.get("validation", {}))
            value = result_of(best, validation)
        _line(console, "best", f"{value} by trial {best.number}: {format_params(best.params)}")
    if summary["test"]:
        _line(console, "test", ", ".join(f"{metric} {value:.4f}" for metric, value in summary["test"].items()))
        if facts.parent_run is not None:
            _line(console, "model", f"runs:/{facts.parent_run}/model in MLflow; kerasweep predict {name} rows.csv")
    if weights:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in list(weights.items())[:6] if share >= 0.005)
        _line(console, "mattered", shares)
    console.print(
        render_leaderboard(
            rows,
            10,
            objective=facts.objective,
            direction=facts.direction,
            width=console.width,
        )
    )


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
    from search.study.store import load_study

    if as_json and as_csv:
        raise SearchError("trials: --json and --csv exclude each other; give one")
    opened, facts = load_study(find_home(home), check_name(study))
    rows = _rows(opened)
    ordered = leaderboard_order(rows, facts.direction)[:limit]
    if as_json:
        typer.echo(json.dumps([_plain(rank, row) for rank, row in ordered], indent=2))
        return
    if as_csv:
        _print_csv([_plain(rank, row) for rank, row in ordered])
        return
    from rich.console import Console

    from search.pictures.terminal import render_leaderboard

    console = Console(highlight=False)
    console.print(
        render_leaderboard(
            rows,
            limit,
            objective=facts.objective,
            direction=facts.direction,
            width=console.width,
        )
    )
    for row in rows:
        if row.reason:
            console.print(f"trial {row.number} {_state(row)}: {row.reason}", markup=False, soft_wrap=True)


def ui(
    study: Annotated[str | None, typer.Argument(metavar="STUDY", help="Print the link to this study.")] = None,
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Port to serve on.")] = 5000,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to serve on.")] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name by which browsers may ask; needed beyond loopback.")
    ] = None,
    tracking: Annotated[
        str | None, typer.Option("--tracking-uri", metavar="URI", help="A tracking server: print its link only.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Serve MLflow's pages on this machine and print the link to a study.

    Example: kerasweep ui pima
    """
    from search.errors import StudyError
    from search.home import check_name, find_home
    from spaces.errors import nearest
    from tracking import experiment_id, local_uri, serve, study_link
    from tracking.reach import check_tracking_uri
    from tracking.server import check_address
    from tracking.urls import is_http

    place = find_home(home)
    if tracking is not None and not is_http(tracking):
        check_tracking_uri(tracking)
    uri = tracking or local_uri(place.path)
    if study is not None and experiment_id(uri, check_name(study)) is None:
        known = place.studies()
        raise StudyError(
            f"there is no study '{study}' in {place.path}; "
            + (nearest(study, known) if known else "'kerasweep run FILE' makes one")
        )
    if tracking is not None:
        typer.echo(study_link(uri, study) if study is not None else tracking)
        return
    if not place.path.is_dir():
        raise StudyError(f"--home {place.path}: does not exist; 'kerasweep demo' makes a first study")

    parent = _parent_run(place, study)

    def announce(url: str) -> None:
        for name in [study] if study is not None else place.studies():
            if experiment_id(uri, name) is not None:
                typer.echo(f"{name}  {study_link(uri, name, url)}")
        if parent is not None and study is not None:
            typer.echo(f"pictures  {study_link(uri, study, url, run_id=parent)}")
        typer.echo(f"serving {place.path} at {url} (Ctrl-C ends it)", err=True)
        sys.stdout.flush()

    check_address(host, port, allowed_host or ())
    typer.echo("starting MLflow's server ...", err=True)
    serve(place.path, host, port, allowed_hosts=tuple(allowed_host or ()), announce=announce)


def _summary(home: Home, name: str) -> dict[str, Any]:
    from search.pictures.rows import count_states, ranked
    from search.study.records import ENDING, SCORES
    from search.study.store import load_study

    opened, facts = load_study(home, name)
    rows = _rows(opened)
    ranking = ranked(rows, facts.direction)
    best = ranking[0] if ranking else None
    running = home.study(name).is_locked()
    finished = sum(row.state != "running" for row in rows)
    total = _total(facts)
    status, note = _standing(opened.user_attrs.get(ENDING, ""), running=running, all_done=finished >= total)
    scores = opened.user_attrs.get(SCORES, {})
    return {
        "study": name,
        "status": status,
        "note": note,
        "finished": finished,
        "total": total,
        "states": {
            ("interrupted" if state == "running" and not running else state): count
            for state, count in count_states(rows).items()
        },
        "objective": facts.objective,
        "direction": facts.direction,
        "best": best.value if best else None,
        "spread": best.spread if best else None,
        "best_trial": best.number if best else None,
        "test": scores.get(str(best.number), {}) if best else {},
    }


def _standing(ending: str, *, running: bool, all_done: bool) -> tuple[str, str]:
    """How a study stands, and what is to be said about it; ``ending`` is how its last run ended, if it did."""
    if running:
        return "running", ""
    if all_done:
        return "complete", ""
    match ending:
        case "exhausted":
            return "complete", "every config of its space is tried"
        case "timeout":
            return "timed out", "'run' goes on with it"
        case "interrupted":
            return "interrupted", "'run' goes on with it"
    return "unfinished", ""


def _parent_run(home: Home, study: str | None) -> str | None:
    if study is None or study not in home.studies():
        return None
    from search.study.store import load_study

    return load_study(home, study)[1].parent_run


def _total(facts: StudyFacts) -> int:
    return int(facts.experiment["search"]["trials"])


def _rows(study: Any) -> list[TrialRow]:
    from search.study.records import to_rows

    return to_rows(study.get_trials(deepcopy=False))


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


def _line(console: Any, head: str, text: str) -> None:
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_column(width=9, style="bold")
    line.add_row(head, Text(text))
    console.print(line)
