"""How does a bug in a worker, or a mistake found there, come back to where the study was started?"""

from __future__ import annotations

from search.errors import SearchError
from search.messages import WorkerBug


class WorkerFailure(Exception):
    """A bug in a worker, or in what the user wrote for it; carries the worker's traceback."""


def failure_of(event: WorkerBug) -> Exception:
    """What to raise: a mistake that reads as one line, else the traceback."""
    return SearchError(event.mistake) if event.mistake else WorkerFailure(event.traceback)
