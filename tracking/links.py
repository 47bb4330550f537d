"""Where in MLflow's pages does one find a study?"""

from __future__ import annotations

import base64
import json
import os
from contextlib import closing
from typing import Any

from tracking.errors import TrackingError
from tracking.urls import is_http, redact_url, sqlite_path, without_userinfo

DEFAULT_URL = "http://127.0.0.1:5000"
_TIMEOUT_SECONDS = 10.0


def study_link(uri: str, study: str, base_url: str = DEFAULT_URL, *, run_id: str | None = None) -> str:
    """Give the page of a study: ``http://127.0.0.1:5000/#/experiments/<id>/runs?...``, the table of its runs.

    Args:
        uri: tracking URI, a local database's or a server's.
        base_url: the server that shows a local database; not used when `uri` is a server itself.
        run_id: the parent run; gives the page with the study's pictures instead.

    Raises:
        TrackingError: the record has no such study, or cannot be read.
    """
    number = experiment_id(uri, study)
    if number is None:
        raise TrackingError(
            f"{redact_url(uri)}: holds no study named {study!r}; `kerasweep list` names those there are"
        )
    page = "runs" if run_id is None else f"runs/{run_id}/artifacts/study.html"
    # Without the query MLflow 3 opens its pages for traces of language models, which are empty here.
    query = "?workflowType=machine_learning"
    return f"{without_userinfo(uri if is_http(uri) else base_url).rstrip('/')}/#/experiments/{number}/{page}{query}"


def experiment_id(uri: str, name: str) -> str | None:
    """Look up the id of MLflow's experiment of that name; None if there is none.

    This asks SQLite or the server directly, because importing MLflow to ask takes 3 s. The table and the
    route are as old as MLflow itself. Other databases are asked through MLflow.
    """
    if is_http(uri):
        return _ask_server(uri, name)
    database = sqlite_path(uri)
    if database is None:
        return _ask_mlflow(uri, name)
    if not database.exists():
        return None
    import sqlite3
    from urllib.parse import quote

    query = "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'active'"
    try:
        # Read-only, so that looking neither makes nor changes a file.
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
            row = connection.execute(query, (name,)).fetchone()
    except sqlite3.Error as error:
        raise TrackingError(f"{database}: cannot be read ({error}); is it MLflow's database?") from error
    return None if row is None else str(row[0])


def _ask_server(url: str, name: str) -> str | None:
    import urllib.error
    import urllib.parse
    import urllib.request

    base = without_userinfo(url).rstrip("/")
    query = urllib.parse.urlencode({"experiment_name": name})
    request = urllib.request.Request(f"{base}/api/2.0/mlflow/experiments/get-by-name?{query}", headers=_login(url))
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            experiment: dict[str, Any] = json.load(answer)["experiment"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise TrackingError(f"{redact_url(url)}: the server refused to look up the study ({error})") from error
    except (OSError, ValueError, KeyError) as error:
        raise TrackingError(
            f"{redact_url(url)}: no MLflow server answers there ({redact_url(str(error))}); "
            "start it or correct the address"
        ) from error
    return str(experiment["experiment_id"]) if experiment.get("lifecycle_stage") != "deleted" else None


def _login(url: str) -> dict[str, str]:
    """Give the headers that log in as MLflow would: by the URL's user, or by its environment variables."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    user = unquote(parts.username or "") or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = unquote(parts.password or "") or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _ask_mlflow(uri: str, name: str) -> str | None:
    from tracking.mlflow_setup import quiet_environment

    quiet_environment()
    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=uri).get_experiment_by_name(name)
    return None if found is None or found.lifecycle_stage == "deleted" else str(found.experiment_id)
