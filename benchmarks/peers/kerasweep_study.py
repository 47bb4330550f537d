"""What does a study take from when its workers have loaded their libraries? (`kerasweep run` is measured as a whole.)

python kerasweep_study.py EXPERIMENT.yaml
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import optuna
import pandas as pd
import psutil
import sklearn.compose
import sklearn.datasets
import sklearn.impute
import sklearn.model_selection
import sklearn.preprocessing
from task import Outcome

import search.data.load
from search.executors.local import LocalExecutor
from search.experiment import load_experiment
from search.home import Home
from search.messages import EpochReport
from search.pictures.rows import TrialRow
from search.study.observer import Silent
from search.study.run import make_executor, run_study

LOADED = (optuna, pd, sklearn, search.data.load)  # what the coordinator would import while the workers do


class Noting(Silent):
    """Notes what came out of each trial."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.histories: dict[int, dict[int, list[float]]] = {}  # trial to round to an accuracy an epoch

    def epoch(self, report: EpochReport) -> None:
        rounds = self.histories.setdefault(report.number, {})
        rounds.setdefault(report.round, []).append(report.metrics["val_accuracy"])

    def trial_finished(self, row: TrialRow) -> None:
        assert row.value is not None, row.reason
        histories = list(self.histories.pop(row.number).values())
        for history in histories:
            self.outcome.add((row.seconds or 0.0) / len(histories), history, row.parameters or 0)


def wait_until_idle(executor: LocalExecutor) -> None:
    """Wait until the workers have imported what they need: they are there, and compute no more."""
    workers, before, still = [psutil.Process(pid) for pid in executor.pids], 0.0, 0
    while still < 4:
        time.sleep(0.25)
        now = sum(sum(worker.cpu_times()[:2]) for worker in workers)
        at_rest = now - before < 0.02 and all(worker.status() == psutil.STATUS_SLEEPING for worker in workers)
        still, before = still + 1 if at_rest else 0, now


def main() -> None:
    """Run the study in a folder of its own, and say what came out."""
    experiment = load_experiment(Path(sys.argv[1]))
    executor = make_executor(experiment.search)
    assert isinstance(executor, LocalExecutor)
    executor.open()
    wait_until_idle(executor)
    outcome = Outcome()
    run_study(experiment, home=Home(Path.cwd() / "home"), executor=executor, observer=Noting(outcome))
    outcome.say()


if __name__ == "__main__":
    main()
