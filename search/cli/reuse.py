"""How is the best of a study taken away from the command line?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import BestArgument, HomeOption, QuietOption, StudyArgument, TrialOption, VerboseOption


def best(
    study: StudyArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it here.")] = None,
    trial: TrialOption = None,
    home: HomeOption = None,
) -> None:
    """Write a study's best config as one file that trains, predicts and can be shared.

    Example: kerasweep best pima -o best.yaml
    """
    from search.files import write_text_whole
    from search.home import check_name, find_home
    from search.reuse.lookup import best_of

    found = best_of(find_home(home), check_name(study), trial)
    if output is None:
        typer.echo(found.to_text(), nl=False)
        return
    _writable(output, "-o")
    write_text_whole(output, found.to_text())
    typer.echo(f"{output}: trial {found.trial} of {study}, {found.objective} {found.value:.6g} at epoch {found.epoch}")


def train(
    what: BestArgument,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the model. [default: STUDY-model]"),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Train on all but the test part, for the best epoch's number of epochs.")
    ] = False,
    data: Annotated[str | None, typer.Option(metavar="SOURCE", help="New data with the same columns.")] = None,
    trial: TrialOption = None,
    home: HomeOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a config again: on the same split (the score is the recorded one), on more, or on new data.

    Examples:

      kerasweep train best.yaml -o model

      kerasweep train pima --full
    """
    from search.home import find_home
    from search.messages import EpochReport
    from search.reuse.lookup import find_best
    from search.reuse.retrain import retrain

    config = find_best(find_home(home), what, trial)
    folder = output or Path(f"{config.study}-model")
    _replaceable(folder)

    def on_epoch(report: EpochReport) -> None:
        if verbose:
            values = ", ".join(f"{name} {value:.4g}" for name, value in report.metrics.items())
            where = f"round {report.round} " if config.validation.rounds > 1 else ""
            typer.echo(f"{where}epoch {report.epoch}: {values}", err=True)

    def on_start() -> None:
        if not quiet:
            typer.echo(f"training trial {config.trial} of {config.study} again ...", err=True)

    done = retrain(config, folder, full=full, data=data, on_start=on_start, on_epoch=on_epoch)
    if not quiet:
        for notice in done.notices:
            typer.echo(f"note: {notice}", err=True)
    if done.value is not None:
        spread = f" ± {done.spread!r}" if done.spread is not None else ""
        typer.echo(f"{config.objective}  {done.value!r}{spread} at epoch {done.epoch}")
    else:
        typer.echo(f"trained on all but the test part for {config.epoch} epochs")
    if done.recorded is not None:
        verdict = (
            "the same" if done.recorded == done.value else f"differs by {abs(done.recorded - (done.value or 0)):.3g}"
        )
        spread = f" ± {config.spread!r}" if config.spread is not None else ""
        typer.echo(f"recorded  {done.recorded!r}{spread} at epoch {config.epoch} ({verdict})")
    elif not done.same_data:
        typer.echo("the data is not that of the study, so there is no recorded score to compare")
    if done.scores:
        typer.echo("test  " + ", ".join(f"{name} {value:.4f}" for name, value in done.scores.items()))
    typer.echo(f"model  {folder}  (kerasweep predict {folder} rows.csv)")


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A study's name, or a model folder.")],
    rows: Annotated[str, typer.Argument(metavar="ROWS", help="Table or array with the columns of the data.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="CSV to write. [default: print]")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Predict from raw rows with a study's best model, or with one that 'train' wrote.

    Example: kerasweep predict pima new-patients.csv -o predictions.csv
    """
    from search.home import find_home
    from search.reuse.predict import predict_file

    if output is not None:
        _writable(output, "-o")
    table = predict_file(find_home(home), model, rows)
    text = table.to_csv(index=False)
    if output is None:
        typer.echo(text, nl=False)
        return
    from search.files import write_text_whole

    write_text_whole(output, text)
    typer.echo(f"{output}: {len(table)} predictions")


def _writable(path: Path, option: str) -> None:
    import os

    from search.errors import SearchError

    if path.is_dir():
        raise SearchError(f"{option} {path}: is a folder; name a file")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise SearchError(f"{option} {path}: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise SearchError(f"{option} {path}: the folder {folder} cannot be written; choose another")


def _replaceable(folder: Path) -> None:
    """Never replace a folder that is not a model of ours."""
    from search.errors import SearchError
    from search.portable import SPEC_FILE

    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / SPEC_FILE).is_file()):
        raise SearchError(f"-o {folder}: exists and is no model folder; choose another name")
    _writable(folder / "x", "-o") if folder.is_dir() else _writable(folder, "-o")
