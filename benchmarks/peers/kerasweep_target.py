"""When does a study first have a trial that is good enough? All that `kerasweep run` does, stopped there.

python kerasweep_target.py EXPERIMENT.yaml ACCURACY
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from task import Outcome

from search.experiment import load_experiment
from search.home import Home
from search.pictures.rows import TrialRow
from search.study.observer import Silent
from search.study.run import run_study
from search.study.stop import StopRequest


class UntilGoodEnough(Silent):
    """Asks the study to end with the first trial that reaches the accuracy, and notes when that was."""

    def __init__(self, outcome: Outcome, accuracy: float, stop: StopRequest) -> None:
        self.outcome, self.accuracy, self.stop = outcome, accuracy, stop
        self.reached_at: float | None = None

    def trial_finished(self, row: TrialRow) -> None:
        if row.value is None or self.reached_at is not None:
            return
        self.outcome.add(row.seconds or 0.0, [row.value], row.parameters or 0)
        if row.value >= self.accuracy:
            self.reached_at, self.stop.reason = time.time(), "good enough"


def main() -> None:
    """Run the study in a folder of its own, and say what came out."""
    stop = StopRequest()
    watching = UntilGoodEnough(Outcome(), float(sys.argv[2]), stop)
    run_study(load_experiment(Path(sys.argv[1])), home=Home(Path.cwd() / "home"), observer=watching, stop=stop)
    watching.outcome.say(**({"reached_at": watching.reached_at} if watching.reached_at else {}))


if __name__ == "__main__":
    main()
