"""Can a study be kept where it is to be kept? Asked before data is read, a worker starts or a file is written."""

from __future__ import annotations

import os
from importlib.util import find_spec

from search.errors import StudyError
from search.experiment import Experiment
from search.home import Home
from tracking.errors import TrackingError
from tracking.reach import check_tracking_uri, database_problem
from tracking.urls import local_uri, redact_url, sqlite_path


def check_places(experiment: Experiment, home: Home) -> None:
    """See that the sampler is installed, and that home, storage and tracking server can be written to.

    Raises:
        StudyError: naming ``--home``, ``search.sampler`` or ``search.storage``.
        TrackingError: naming ``tracking.uri`` or ``MLFLOW_TRACKING_URI``.
    """
    check_sampler(experiment)
    home.check()
    storage = experiment.search.storage
    problem = None if storage is None else database_problem(storage)
    if storage is not None and problem is not None:
        raise StudyError(f"search.storage {redact_url(storage)}: {problem}")
    given = experiment.tracking.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        check_local(home)
        return
    try:
        check_tracking_uri(given)
    except TrackingError as error:
        place = "tracking.uri" if experiment.tracking.uri else "MLFLOW_TRACKING_URI"
        raise TrackingError(f"{place} {error}") from error


def check_sampler(experiment: Experiment) -> None:
    """See that the sampler's library is installed. Raises StudyError if it is not."""
    if experiment.search.sampler.name == "gp" and find_spec("torch") is None:
        raise StudyError("search.sampler: gp needs PyTorch, which is not installed; pip install 'kerasweep[gp]'")


def check_local(home: Home) -> None:
    """See that MLflow's database in the home folder is one, if it is there.

    Raises:
        TrackingError: if it is not, or the folder's name cannot stand in a database URL.
    """
    database = sqlite_path(local_uri(home.path))
    if database is not None and database.exists() and (problem := database_problem(local_uri(home.path))):
        raise TrackingError(f"{database}: {problem}; the studies themselves are not in it")
