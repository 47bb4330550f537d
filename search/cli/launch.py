"""How is a study launched from the command line?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli.options import HomeOption, QuietOption, VerboseOption

if TYPE_CHECKING:
    from search.experiment import Experiment
    from search.study.observer import StudyEnded


def run(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Experiment file (YAML).")] = None,
    data: Annotated[str | None, typer.Option(metavar="SOURCE", help="Data instead of the file's.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column to predict.")] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="binary, multiclass or regression.")] = None,
    study: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the study.")] = None,
    objective: Annotated[str | None, typer.Option(metavar="METRIC", help="E.g. val_accuracy, val_auc.")] = None,
    trials: Annotated[int | None, typer.Option(metavar="N", help="The study's total of trials.")] = None,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="E.g. 90s, 30m, 2h.")] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Most epochs of a trial.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Trials side by side.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Everything random derives from it.")] = None,
    sampler: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, tpe, random, grid, qmc, cmaes or gp.")
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="auto, halving, hyperband, median, percentile, patient, threshold or none."),
    ] = None,
    executor: Annotated[str | None, typer.Option(metavar="NAME", help="local (worker processes) or inline.")] = None,
    tracking: Annotated[
        str | None, typer.Option("--tracking-uri", metavar="URI", help="MLflow server or database.")
    ] = None,
    storage: Annotated[str | None, typer.Option(metavar="URL", help="Optuna storage instead of a journal.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Show where the time went, at the end.")] = False,
    home: HomeOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a study, or go on with one: --trials is its total, so the same command does what is left.

    Examples:

      kerasweep run pima.yaml

      kerasweep run --data pima.csv --target diabetes --trials 40 --workers 2
    """
    from search.errors import ExperimentError
    from search.experiment import load_experiment, parse_experiment, with_changes

    changes: dict[str, Any] = {
        "data.source": None if data is None else source_from_here(data),
        "data.target": target,
        "data.task": task,
        "study": study,
        "objective": objective,
        "training.epochs": epochs,
        "search.trials": trials,
        "search.timeout": timeout,
        "search.workers": workers,
        "search.seed": seed,
        "search.sampler": sampler,
        "search.pruner": pruner,
        "search.executor": executor,
        "search.storage": storage,
        "tracking.uri": tracking,
    }
    if file is not None:
        experiment, place, folder = load_experiment(file, changes), str(file), file.absolute().parent
        launch(experiment, place, folder, home, quiet, verbose, profile)
        return
    if data is None:
        raise ExperimentError("run: needs an experiment file, or --data SOURCE (and --target COLUMN)")
    content = with_changes({"study": study or study_name_for(data)}, changes)
    launch(parse_experiment(content, "run"), "run", Path.cwd(), home, quiet, verbose, profile)


def demo(
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="The study's total of trials.")] = 20,
    study: Annotated[str, typer.Option(metavar="NAME", help="Name of the study.")] = "demo",
    home: HomeOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a small study on a data set that comes with scikit-learn (handwritten digits, 1797 images).

    Example: kerasweep demo
    """
    from search.experiment import parse_experiment

    content = {
        "study": study,
        "data": {"source": "sklearn:digits"},
        "training": {"epochs": 30, "early_stopping": 8},
        "space": {"units": {"int": [16, 128], "log": True}, "layers": {"int": [1, 3]}},
        "start_with": [{"layers": 1, "units": [64], "activation": "relu", "optimizer": "adam", "dropout": 0.2}],
        "search": {"trials": trials, "workers": 2, "seed": 7},
    }
    launch(parse_experiment(content, "demo"), "demo", Path.cwd(), home, quiet, verbose)


def launch(
    experiment: Experiment,
    place: str,
    folder: Path,
    home: Path | None,
    quiet: bool,
    verbose: bool,
    profile: bool = False,
) -> None:
    """Run an experiment under a display that suits the terminal, and print what came out."""
    from search.cli.display import make_display
    from search.cli.interrupt import interruptible
    from search.cli.profile import print_profile
    from search.cli.results import print_result
    from search.home import find_home
    from search.study.run import run_study
    from search.study.stop import StopRequest
    from search.study.worker_failure import WorkerFailure

    stop = StopRequest()
    place_home = find_home(home)
    with make_display(quiet=quiet, verbose=verbose) as display, interruptible(stop):
        try:
            ended = run_study(experiment, home=place_home, place=place, folder=folder, observer=display, stop=stop)
        except WorkerFailure as failure:
            display.close()
            typer.echo(str(failure).rstrip(), err=True)
            typer.echo("kerasweep: the study stopped at the error above; its finished trials are kept", err=True)
            raise typer.Exit(1) from None
    print_result(experiment, ended, place_home, again=_again(place, experiment.study, home), quiet=quiet)
    if profile and ended.profile is not None:
        print_profile(ended.profile)
    _leave(ended)


def _leave(ended: StudyEnded) -> None:
    if ended.ending == "interrupted":
        raise typer.Exit(130)


def _again(place: str, study: str, home: Path | None) -> str:
    where = f" --home {home}" if home is not None else ""
    if place == "demo":
        return f"kerasweep demo{where}"
    return f"kerasweep run {place}{where}" if place != "run" else "the same command"


def study_name_for(source: str) -> str:
    """A study's name from its data: ``pima`` for ``data/pima.csv.gz``, ``digits`` for ``sklearn:digits``."""
    import re

    stem = source.rstrip("/").rpartition("/")[2].rpartition(":")[2].split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "study"


def source_from_here(source: str) -> str:
    """A path on the command line counts from the current folder, not from the experiment file's."""
    path, colon, function = source.rpartition(":")
    if colon and path.endswith(".py"):
        return f"{Path(path).absolute()}:{function}"
    return source if is_named(source) or not source.strip() else str(Path(source).absolute())


def is_named(source: str) -> bool:
    """Whether a source is a name such as ``sklearn:iris`` and not a path."""
    return source.split(":")[0] in ("sklearn", "openml", "keras") and ":" in source
