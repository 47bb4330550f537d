"""How is MLflow brought up: quietly, in bounded time, once per database?"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tracking.errors import TrackingError
from tracking.locks import setup_lock
from tracking.urls import is_http, redact_url, sqlite_path, without_userinfo

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it starts at import, and is on unless told otherwise
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # it logs migrations, and tracebacks of errors that it also raises
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it prints links at the end of each run
    "MLFLOW_UV_AUTO_DETECT": "false",  # would put the uv.lock of the current folder into every model
    # Four attempts within about 6 s. MLflow's own 7 retries take minutes: nobody learns what is wrong.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_PROBE_TIMEOUT_SECONDS = 3.0
_PROBE_PAUSES_SECONDS = (0.5, 1.5)


def quiet_environment() -> None:
    """Set MLflow's switches in this process, where its user has not. Must come before MLflow is imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def connect(uri: str, artifact_root: Path | None) -> Any:
    """Give an ``mlflow.MlflowClient`` whose store is ready for use.

    Args:
        uri: tracking URI.
        artifact_root: where a new local database's default experiment keeps its files.

    Raises:
        TrackingError: no server answers, or another process does not let go of the database's lock.
        Exception: what MLflow and its database raise; `tracking.failures.explain` knows them.
    """
    if is_http(uri):
        await_server(uri)
    quiet_environment()
    from mlflow import MlflowClient

    database = sqlite_path(uri)
    # MLflow's migrations are not safe against each other; its check of the schema fails in the midst of one.
    with nullcontext() if database is None else setup_lock(database.parent):
        if database is not None and not database.exists():
            _create_database(database, artifact_root or database.parent / "artifacts")
        client = MlflowClient(tracking_uri=uri)  # opens the store
        client.search_experiments(max_results=1)  # asks the server
    return client


def _create_database(database: Path, artifact_root: Path) -> None:
    """Make the database under another name and move it into place: a kill leaves none, never half a one."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    draft = database.with_name(f".{database.name}.new")  # we hold the lock, so nobody else uses the name
    draft.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"sqlite:///{draft}", artifact_root.as_uri())
    store.engine.dispose()
    draft.replace(database)


def await_server(url: str) -> None:
    """Return once something answers at the URL, whatever it says.

    Raises:
        TrackingError: nothing did in three tries. MLflow itself would wait longer and say less.
    """
    for pause in (*_PROBE_PAUSES_SECONDS, None):
        reason = _unreachable(f"{url.rstrip('/')}/health")
        if reason is None:
            return
        if pause is not None:
            time.sleep(pause)
    raise TrackingError(f"{redact_url(url)}: nothing answers there ({reason}); start the server or correct the address")


def _unreachable(url: str) -> str | None:
    """Tell why nothing answers at the URL; None if something does."""
    import http.client
    import ssl
    import urllib.error
    import urllib.request

    try:
        # Userinfo must go: urllib takes it for part of the host name.
        with urllib.request.urlopen(without_userinfo(url), timeout=_PROBE_TIMEOUT_SECONDS):
            return None
    except urllib.error.HTTPError:
        return None  # an answer: a server with a prefix, or behind a login, has no page here
    except urllib.error.URLError as error:
        # Certificates are for MLflow to judge: it may be set up with others than urllib.
        return None if isinstance(error.reason, ssl.SSLError) else str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:  # reset or late after connecting; no URL at all
        return redact_url(str(error))
