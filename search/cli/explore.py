"""How does one begin: draft an experiment from a data file, and see that it will run before it does?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from search.forecast import Forecast
    from search.study.plan import Plan


def init(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data file or set, e.g. table.csv, sklearn:iris.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="File to write. [default: NAME.yaml]")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column to predict. [default: guessed]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Look at a data file and draft a commented experiment for it.

    Example: kerasweep init pima.csv --target diabetes
    """
    from search.cli.launch import study_name_for
    from search.draft import describe_columns, draft
    from search.errors import ExperimentError
    from search.files import write_text_whole

    name = study_name_for(data)
    path = output or Path(f"{name}.yaml")
    if path.is_dir():
        raise ExperimentError(f"-o {path}: is a folder; name a file in it")
    if path.exists() and not force:
        raise ExperimentError(f"{path}: exists already; --force replaces it, -o names another file")
    if not path.absolute().parent.is_dir():
        raise ExperimentError(f"{path}: its folder does not exist; make it first")
    summary, text = draft(data, study=name, target=target, folder=Path.cwd(), beside=path.absolute().parent)
    typer.echo(describe_columns(summary))
    write_text_whole(path, text)
    typer.echo(f"{path} written; next: kerasweep check {path}, then kerasweep run {path}")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file (YAML).")],
    data: Annotated[str | None, typer.Option(metavar="SOURCE", help="Data instead of the file's.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column to predict.")] = None,
    models: Annotated[int, typer.Option(metavar="N", min=0, help="Random models to try, beside the extremes.")] = 3,
) -> None:
    """Load the data, train the smallest, the largest and a few random models briefly, forecast time and memory.

    Nothing is written. Example: kerasweep check pima.yaml
    """
    from rich.console import Console

    from search.cli.launch import source_from_here
    from search.experiment import load_experiment
    from search.forecast import forecast
    from search.study.plan import make_plan
    from search.study.preflight import check_sampler

    changes = {"data.source": None if data is None else source_from_here(data), "data.target": target}
    experiment = load_experiment(file, changes)
    check_sampler(experiment)
    plan = make_plan(experiment, place=str(file), folder=file.absolute().parent)
    console = Console(highlight=False)
    say = partial(console.print, markup=False, soft_wrap=True)
    for line in _facts(plan):
        say(line)
    typer.echo("training a few models briefly ...", err=True)
    result = forecast(plan, random_models=models)
    console.print(_tried_table(result))
    for line in _forecast_lines(plan, result):
        say(line)
    options = {"--data": data, "--target": target}
    given = "".join(f" {option} {value}" for option, value in options.items() if value is not None)
    say(f"\nit will run: kerasweep run {file}{given}")


def _facts(plan: Plan) -> Iterator[str]:
    dataset, space = plan.dataset, plan.space
    sizes = ", ".join(f"{len(part)} {name}" for name, part in dataset.parts.items())
    size = "infinitely many" if space.size is None else f"{space.size:,}"
    yield f"data       {dataset.rows} rows, {dataset.columns} columns: {sizes}"
    yield f"task       {dataset.task_reason}"
    if plan.model_source:
        yield f"model      {plan.model_source}, which says what is searched while it is built"
    else:
        yield f"space      {size} configurations over {', '.join(d.name for d in space.searched) or 'nothing'}"
    validation = plan.experiment.validation
    if validation.rounds > 1:
        folds = f"{validation.folds} folds of the {len(dataset.train)} train rows" if validation.folds else ""
        repeats = f"{validation.repeats} times with other seeds" if validation.repeats > 1 else ""
        yield f"validation {', '.join(filter(None, (folds, repeats)))}: {validation.rounds} trainings a trial"
    yield f"objective  {plan.direction} {plan.objective}"
    yield from (f"note       {notice}" for notice in plan.notices)


def _tried_table(result: Forecast) -> Table:
    from rich import box
    from rich.table import Table

    from search.pictures.wording import format_count, format_params
    from search.units import format_duration

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("model", "weights", "start", "epoch", "config"):
        table.add_column(head, justify="left" if head in ("model", "config") else "right")
    for tried in result.tried:
        table.add_row(
            tried.name,
            format_count(tried.parameters),
            format_duration(tried.start_seconds),
            format_duration(tried.epoch_seconds)
            if tried.epoch_seconds >= 10
            else f"{tried.epoch_seconds * 1000:.0f} ms",
            format_params(tried.params),
        )
    return table


def _forecast_lines(plan: Plan, result: Forecast) -> Iterator[str]:
    from search.units import format_bytes, format_duration

    search = plan.experiment.search
    likely, most = format_duration(result.likely_seconds), format_duration(result.most_seconds)
    workers = f"{result.workers} worker{'s' if result.workers > 1 else ''}"
    yield f"forecast   {search.trials} trials with {workers}: about {likely}, at most {most} without pruning"
    if search.timeout is not None and result.likely_seconds > search.timeout:
        yield f"note       search.timeout ends the study after {format_duration(search.timeout)}, before that"
    together, machine = format_bytes(result.memory_bytes * result.workers), format_bytes(result.machine_bytes)
    yield f"memory     {format_bytes(result.memory_bytes)} a worker, {together} together; this machine has {machine}"
