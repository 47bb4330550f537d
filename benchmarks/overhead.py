"""What does a study cost beside its training? Run with ``python benchmarks/overhead.py [--trials N] [--epochs N]``.

Trials are simulated (they answer at once), the stores are real: Optuna's journal on this disk, MLflow on SQLite. Three
kinds of time are told apart:

- the coordinator's own, during which a worker may have to wait: asking for a trial and telling its result, and
  receiving, reporting and deciding an epoch;
- the record's, on a thread of its own: MLflow, and drawing each trial's curves;
- the whole, once without and once with the record.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.messages import EpochReport, Event, Job, Reply
from search.study.observer import Silent
from search.study.run import run_study
from spaces import ModelConfig
from tracking import MemoryTracker, Tracker, TrackerApart, local_artifacts, local_uri


def curve(config: ModelConfig, seed: int, epoch: int) -> float:
    """Any curve will do; this one depends on the config, so that the sampler has something to learn."""
    return 1 - 1 / (epoch + 1) - config.hidden[0].dropout * 0.1 + seed % 97 * 1e-5


class Timed(SimulatedExecutor):
    """Measures how long a worker waits: for its next job after a result, and for its decision after a report."""

    def __init__(self, epoch_seconds: float) -> None:
        super().__init__(curve)
        self._pace = epoch_seconds
        self.epoch_seconds: list[float] = []
        self.trial_seconds: list[float] = []
        self._reported = self._ended = 0.0

    def submit(self, job: Job) -> None:
        if self._ended:
            self.trial_seconds.append(time.perf_counter() - self._ended)
        super().submit(job)

    def answer(self, number: int, reply: Reply) -> None:
        self.epoch_seconds.append(time.perf_counter() - self._reported)
        super().answer(number, reply)

    def events(self, timeout_seconds: float) -> list[Event]:
        events = super().events(timeout_seconds)
        if any(isinstance(event, EpochReport) for event in events):
            time.sleep(self._pace)  # training, which leaves the processor to the record's thread
            self._reported = time.perf_counter()
        elif events:
            self._ended = time.perf_counter()
        return events


class Nothing(MemoryTracker):
    """A record that keeps numbers in memory and draws nothing."""

    def finish_trial(self, number: int, status: Any, metrics: Any, tags: Any, produce: Any = None) -> None:
        super().finish_trial(number, status, metrics, tags)

    def log_study_files(self, produce: Any) -> None:
        self.check()


def measure(trials: int, epochs: int, tracker: Tracker, home: Path, pace: float = 0.0) -> tuple[float, Timed]:
    """Run one study; its whole time in seconds (without opening the record) and what its workers waited.

    Args:
        pace: seconds that each epoch pretends to train.
    """
    experiment = parse_experiment(
        {
            "study": "overhead",
            "data": {"source": "sklearn:iris"},
            "training": {"epochs": epochs, "early_stopping": 0},
            "search": {"trials": trials, "pruner": {"name": "median", "startup_trials": trials}, "seed": 1},
        },
        "benchmark",
    )
    executor = Timed(pace)
    began = 0.0

    class Clock(Silent):
        def trial_started(self, number: int, params: Any) -> None:
            nonlocal began
            began = began or time.perf_counter()

    run_study(experiment, home=Home(home), tracker=tracker, executor=executor, observer=Clock())
    return time.perf_counter() - began, executor


def median_ms(seconds: list[float]) -> float:
    """Milliseconds."""
    return sorted(seconds)[len(seconds) // 2] * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pace", type=float, default=0.03, help="seconds an epoch pretends to train, in the last row")
    options = parser.parse_args()
    print(f"{options.trials} trials of {options.epochs} epochs, {platform.processor() or platform.machine()}")
    print(f"{'record':<8} {'whole':>8} {'a trial':>10} {'an epoch':>10}   (medians: what a worker waits)")
    for name, pace in (("none", 0.0), ("mlflow", 0.0), ("mlflow", options.pace)):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            tracker: Tracker = Nothing() if name == "none" else TrackerApart(local_uri(home), local_artifacts(home))
            whole, timed = measure(options.trials, options.epochs, tracker, home, pace)
        trial, epoch = median_ms(timed.trial_seconds), median_ms(timed.epoch_seconds)
        paced = f"   at {pace * 1000:.0f} ms an epoch" if pace else "   at once"
        print(f"{name:<8} {whole:>7.2f}s {trial:>8.1f}ms {epoch:>8.2f}ms{paced}")


if __name__ == "__main__":
    main()
