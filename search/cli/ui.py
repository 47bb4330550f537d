"""Where can one look at the studies in a browser?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import HomeOption

if TYPE_CHECKING:
    from search.home import Home


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
    from tracking import local_uri, serve, study_link
    from tracking.reach import check_tracking_uri
    from tracking.server import check_address
    from tracking.urls import is_http

    place = find_home(home)
    if tracking is not None and not is_http(tracking):
        check_tracking_uri(tracking)
    uri = tracking or local_uri(place.path)
    if study is not None:
        _check_recorded(uri, place, check_name(study))
    if tracking is not None:
        typer.echo(study_link(uri, study) if study is not None else tracking)
        return
    if not place.path.is_dir():
        raise StudyError(f"--home {place.path}: does not exist; 'kerasweep demo' makes a first study")
    parent = _parent_run(place, study)

    def announce(url: str) -> None:
        _print_links(place, uri, url, study, parent)

    check_address(host, port, allowed_host or ())
    typer.echo("starting MLflow's server ...", err=True)
    serve(place.path, host, port, allowed_hosts=tuple(allowed_host or ()), announce=announce)


def _check_recorded(uri: str, place: Home, study: str) -> None:
    """Refuse a study that the record does not have."""
    from search.errors import StudyError
    from spaces.errors import nearest
    from tracking import experiment_id

    if experiment_id(uri, study) is None:
        known = place.studies()
        raise StudyError(
            f"there is no study '{study}' in {place.path}; "
            + (nearest(study, known) if known else "'kerasweep run FILE' makes one")
        )


def _print_links(place: Home, uri: str, url: str, study: str | None, parent: str | None) -> None:
    from tracking import experiment_id, study_link

    for name in [study] if study is not None else place.studies():
        if experiment_id(uri, name) is not None:
            typer.echo(f"{name}  {study_link(uri, name, url)}")
    if parent is not None and study is not None:
        typer.echo(f"pictures  {study_link(uri, study, url, run_id=parent)}")
    typer.echo(f"serving {place.path} at {url} (Ctrl-C ends it)", err=True)
    sys.stdout.flush()


def _parent_run(home: Home, study: str | None) -> str | None:
    if study is None or study not in home.studies():
        return None
    from search.study.reading import read_study

    return read_study(home, study).facts.parent_run
