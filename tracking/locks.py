"""How do several processes on one home folder take turns at setting up its database?"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracking.errors import TrackingError

SETUP_PATIENCE_SECONDS = 180.0  # setting up takes 4 to 15 s; several processes may queue for it
_POLL_SECONDS = 0.05


@contextmanager
def setup_lock(folder: Path, patience_seconds: float = SETUP_PATIENCE_SECONDS) -> Iterator[None]:
    """Hold ``<folder>/mlflow.lock`` while the body runs; the folder is made if missing.

    The lock goes with the process: one that is killed leaves the file but not the lock.

    Raises:
        TrackingError: another process has held it for `patience_seconds`.
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mlflow.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _acquire(handle, path, patience_seconds)
        yield
    finally:
        os.close(handle)  # gives the lock up, too


def _acquire(handle: int, path: Path, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TrackingError(
                    f"{path}: another process has held this lock for {patience_seconds:.0f} s; "
                    "let it finish or stop it, then try again"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
