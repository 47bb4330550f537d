"""What does a study take from when its processes have loaded their libraries? (`kerasweep run` is measured as a whole.)

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
from search.data.prepare import fit_table
from search.experiment import load_experiment
from search.home import Home
from search.messages import EpochReport
from search.pictures.rows import TrialRow
from search.portable import Column
from search.study.observer import Silent
from search.study.run import make_executor, make_tracker, run_study

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


def load_what_tables_need() -> None:
    """Have scikit-learn and Narwhals import the parts of theirs that they put off until a table is prepared."""
    columns = [Column("length", "numeric"), Column("colour", "categorical")]
    frame = pd.DataFrame({"length": [1.0, 2.0], "colour": ["red", "blue"]})
    fit_table(frame, columns).transform(frame)


def wait_until_idle() -> None:
    """Wait until workers and record have imported what they need: they are there, and compute no more."""
    before, still = 0.0, 0
    while still < 4:
        time.sleep(0.25)
        processes = psutil.Process().children(recursive=True)
        now = sum(sum(process.cpu_times()[:2]) for process in processes)
        at_rest = now - before < 0.02 and all(one.status() == psutil.STATUS_SLEEPING for one in processes)
        still, before = still + 1 if at_rest else 0, now


def main() -> None:
    """Run the study in a folder of its own, and say what came out."""
    experiment, home = load_experiment(Path(sys.argv[1])), Home(Path.cwd() / "home")
    executor = make_executor(experiment.search)
    executor.open()
    tracker = make_tracker(experiment, home)  # which imports MLflow and makes its database
    load_what_tables_need()
    wait_until_idle()
    outcome = Outcome()
    run_study(experiment, home=home, executor=executor, tracker=tracker, observer=Noting(outcome))
    outcome.say()


if __name__ == "__main__":
    main()
