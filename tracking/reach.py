"""Can a record be kept at an address? Asked before any work is done, and without importing MLflow."""

from __future__ import annotations

from pathlib import Path

from tracking.errors import TrackingError
from tracking.mlflow_setup import await_server
from tracking.urls import is_http, redact_url, sqlite_path

DATABASES = ("postgresql", "mysql", "mssql", "sqlite")
# Addresses that only MLflow itself can judge.
_OTHERS = ("databricks", "databricks-uc", "uc")


def check_tracking_uri(uri: str) -> None:
    """Return if MLflow could keep a record there.

    Raises:
        TrackingError: the URI is of no kind that MLflow writes to, or nothing answers there; secrets are not shown.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if is_http(uri):
        await_server(uri)
    elif scheme in DATABASES and "://" in uri:
        problem = database_problem(uri)
        if problem is not None:
            raise TrackingError(f"{redact_url(uri)}: {problem}")
    elif scheme not in _OTHERS:
        raise TrackingError(
            f"{redact_url(uri)}: is no address that MLflow can write to; "
            "give http://HOST:PORT, sqlite:////PATH/mlflow.db or postgresql://USER@HOST/NAME"
        )


def database_problem(url: str) -> str | None:
    """Why a database (an SQLAlchemy URL) cannot be used, with the remedy and without secrets; None if it can.

    A SQLite file that is not there yet is not made.
    """
    file = sqlite_path(url)
    if file is not None:
        return _file_problem(file)
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = sqlalchemy.create_engine(url)
    except (SQLAlchemyError, ValueError):  # a port that is no number is a plain ValueError
        return "is no database URL; write one such as postgresql://USER@HOST/NAME or sqlite:////PATH/FILE.db"
    except ImportError as error:
        return f"its driver {error.name or ''} is not installed; pip install it, or name another in the URL"
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except SQLAlchemyError as error:
        reason = redact_url(" ".join(str(getattr(error, "orig", None) or error).split()))
        return f"cannot be opened ({reason[:200]}); start the database or correct the URL"
    finally:
        engine.dispose()
    return None


def _file_problem(file: Path) -> str | None:
    if not file.exists():
        return None if file.parent.is_dir() else f"the folder {file.parent} does not exist; make it first"
    import sqlite3
    from contextlib import closing
    from urllib.parse import quote

    try:
        # Not read-only: what a killed process left half written is taken back by whoever next opens the database.
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=rw", uri=True)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.Error as error:
        return f"cannot be read as a database ({error}); restore it from a backup, or move it away"
    return None
