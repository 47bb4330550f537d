"""Which one line does a person read when the record cannot be written?"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from tracking.errors import TrackingError
from tracking.urls import is_http, redact_url

_SHOWN_CHARACTERS = 240
_LIBRARIES = frozenset({"mlflow", "sqlalchemy", "alembic", "sqlite3", "requests", "urllib3", "urllib"})
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)

# What the libraries say (lower case) -> what it means and what helps. The first that fits counts.
_RULES: tuple[tuple[str, str], ...] = (
    (
        r"disk is full|no space left|disk quota",
        "no space left on the disk; free some, then run the same command again",
    ),
    (
        r"readonly database|read-only file system|unable to open database|permission denied|not a directory",
        "cannot be written; check its permissions, or choose another place with --home",
    ),
    (
        r"database is locked",
        "another program holds the database; stop it (or wait for it), then run the same command again",
    ),
    (
        r"not a database|disk image is malformed|disk i/o error",
        "is damaged; move it away (kerasweep makes a new one; the study itself is not in it)",
    ),
    (
        r"duplicate column name|table .* already exists",
        "was left half made when its maker was killed; delete it and run the same command again",
    ),
    (
        r"out-of-date database schema",
        "was made by another version of MLflow; back it up, then run `mlflow db upgrade` on it",
    ),
    (
        r"can't locate revision",
        "was made by a newer version of MLflow; update MLflow (pip install -U mlflow)",
    ),
    (
        r"error code 401|unauthorized|unauthenticated",
        "the server does not know you; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
        "or MLFLOW_TRACKING_TOKEN",
    ),
    (
        r"error code 403|permission_denied|forbidden",
        "the server does not allow this; ask for the right to write, or choose another server",
    ),
    (
        r"max retries exceeded|connection (?:refused|aborted|reset|to server)|could not connect|timed out"
        r"|timeout exception|name resolution|failed to resolve|name or service not known",
        "nothing answers there; start the server or correct the address, then run the same command again",
    ),
)


def explain(error: BaseException, uri: str) -> BaseException:
    """Turn a failure of the record into a TrackingError of one line; give back a bug as it is.

    Args:
        error: what was raised while writing.
        uri: where the record is; its secrets are not shown.
    """
    if isinstance(error, TrackingError | Warning):  # a warning made an error: someone wants to see where
        return error
    place = redact_url(uri)
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno in _NO_SPACE:
            return _because(f"{link.filename or place}: {_RULES[0][1]}", error)
        if isinstance(link, OSError) and link.errno in _NOT_WRITABLE:
            return _because(f"{link.filename or place}: {link.strerror}; {_RULES[1][1]}", error)
    library = _library(error)
    if library is None:
        return error
    text = " ".join(str(error).split())
    for pattern, meaning in _RULES:
        if re.search(pattern, text.lower()):
            return _because(f"{place}: {meaning}", error)
    asker = "the tracking server" if is_http(uri) else "MLflow"
    return _because(f"{place}: {asker} refused the record: {redact_url(text)[:_SHOWN_CHARACTERS]}", error)


def _because(line: str, cause: BaseException) -> TrackingError:
    failure = TrackingError(line)
    failure.__cause__ = cause
    return failure


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what led to it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _library(error: BaseException) -> str | None:
    """Name the library whose own error this is. By name, so that nothing need be imported to ask."""
    roots = (kind.__module__.split(".")[0] for kind in type(error).__mro__)
    return next((root for root in roots if root in _LIBRARIES), None)
