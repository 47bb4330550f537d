"""Is a config that is trained once more the same model, whoever asks for it, and what if its worker is lost?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from test_study_run import Words, curve, run

from search.errors import SearchError
from search.executors.inline import InlineExecutor
from search.executors.simulated import SimulatedExecutor
from search.home import Home
from search.messages import Job, JobLost, ScoreJob, TrialJob
from search.portable import PortableModel
from search.reuse.lookup import best_of
from search.reuse.retrain import retrain
from search.study.observer import Silent

ONE: dict[str, Any] = {"search": {"trials": 1, "pruner": "none"}}


class LosesScorings(SimulatedExecutor):
    """Loses the worker that scores, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(curve)
        self.times = times

    def submit(self, job: Job) -> None:
        if isinstance(job, ScoreJob) and self.times:
            self.times -= 1
            self._events.append(JobLost(job.number, "the worker process ended by itself (SIGKILL)"))
        else:
            super().submit(job)


class HasNoRoom(SimulatedExecutor):
    """Trains to the end and cannot save the model."""

    def submit(self, job: Job) -> None:
        super().submit(replace(job, save_to=None) if isinstance(job, TrialJob) else job)


class Notices(Silent):
    def __init__(self) -> None:
        self.told: list[str] = []

    def notice(self, text: str) -> None:
        self.told.append(text)


def test_the_end_of_a_search_and_training_again_leave_the_same_model(tmp_path: Path) -> None:
    changes = {**ONE, "training": {"epochs": 3, "early_stopping": 1, "threads": 1}, "validation": {"folds": 2}}
    ended = run(tmp_path, executor=InlineExecutor(), tracker=Words(), **changes)
    assert ended.best is not None
    again = retrain(best_of(Home(tmp_path), "iris"), tmp_path / "model")
    assert (again.value, again.spread, again.epoch) == (ended.best.value, ended.best.spread, ended.best.best_epoch)
    assert (again.recorded, again.scores) == (ended.best.value, ended.scores)
    rows = load_iris(as_frame=True).data
    first, second = (PortableModel.load(folder) for folder in (Home(tmp_path).study("iris").best, tmp_path / "model"))
    assert first.predict(rows).equals(second.predict(rows))


def test_a_worker_lost_at_the_end_of_a_search_is_replaced_once(tmp_path: Path) -> None:
    assert run(tmp_path / "once", executor=LosesScorings(1), **ONE).scores == {"accuracy": 0.5}
    with pytest.raises(SearchError, match="trial 0: its model could not be finished, the worker died twice; run again"):
        run(tmp_path / "twice", executor=LosesScorings(2), **ONE)
    executor = SimulatedExecutor(curve)
    assert run(tmp_path / "twice", executor=executor, **ONE).scores == {"accuracy": 0.5}
    assert not any(isinstance(job, TrialJob) for job in executor.submitted), "what was trained is kept"


def test_a_model_that_finds_no_room_is_told(tmp_path: Path) -> None:
    observer = Notices()
    ended = run(tmp_path, executor=HasNoRoom(curve), observer=observer, validation={"folds": 2}, **ONE)
    assert observer.told[-1] == "trial 0: no model, it could not be trained on all rows (the disk is full)"
    assert ended.scores == {}
