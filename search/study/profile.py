"""Where did a study's time go, in its workers and beside them?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from search.messages import TrialResult
from search.stopwatch import Stopwatch

# What a worker does, in the order in which it does it, and what else its time went into.
OF_WORKERS = ("import", "build", "trace", "train", "validate", "save", "wait", "idle")
OF_COORDINATOR = ("data", "storage", "final")


@dataclass(frozen=True)
class Profile:
    """Wall seconds of one run of a study.

    Attributes:
        workers: how many there were; search_seconds: from the launch to the end of the last trial.
        of_workers: kinds of OF_WORKERS, over all workers; together ``workers`` times ``search_seconds``.
        of_coordinator: kinds of OF_COORDINATOR; they pass beside the workers' time, but for ``final``, which follows.
        tracking: the record's own process; None where the record has none.
    """

    workers: int
    search_seconds: float
    of_workers: Mapping[str, float]
    of_coordinator: Mapping[str, float]
    tracking: float | None


class Profiler:
    """Gathers a Profile while a study runs.

    Attributes:
        watch: for what the coordinator does.
    """

    def __init__(self) -> None:
        self.watch = Stopwatch()
        self._began = time.perf_counter()
        self._searched: float | None = None
        self._of_trials = dict.fromkeys(OF_WORKERS, 0.0)

    def worker_ready(self, import_seconds: float) -> None:
        """A worker has loaded TensorFlow."""
        self._of_trials["import"] += import_seconds

    def trial_ended(self, result: TrialResult) -> None:
        """Take in how a trial spent its time; what it does not say it waited for its coordinator's answers."""
        for kind, seconds in result.spent.items():
            self._of_trials[kind] += seconds
        self._of_trials["wait"] += max(0.0, result.seconds - sum(result.spent.values()))

    def search_ended(self) -> None:
        """The last trial is over."""
        self._searched = time.perf_counter() - self._began

    def profile(self, workers: int, tracking: float | None) -> Profile | None:
        """What has been gathered; None if there was no search."""
        if self._searched is None:
            return None
        spent = sum(self._of_trials.values())
        of_workers = {**self._of_trials, "idle": max(0.0, workers * self._searched - spent)}
        of_coordinator = {kind: self.watch.seconds.get(kind, 0.0) for kind in OF_COORDINATOR}
        return Profile(workers, self._searched, of_workers, of_coordinator, tracking)
