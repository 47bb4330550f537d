"""Who draws the pictures of the best trials, and what happens when that goes wrong? (Nothing is drawn here.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.errors import StudyError
from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.messages import Event, Job, JobLost, PictureJob, PictureResult, WorkerBug
from search.study.gallery import PICTURES
from search.study.observer import Silent
from search.study.run import run_study
from search.study.stop import StopRequest
from search.study.store import load_study
from tracking import Memory, MemoryTracker


class Painter(SimulatedExecutor):
    """Trains as simulated, and ends each picture job as it is told."""

    def __init__(self, paint: Callable[[PictureJob], Event | None], capacity: int = 1) -> None:
        super().__init__(lambda config, seed, epoch: 1 - seed % 997 / 1000, capacity=capacity)
        self._paint = paint
        self.painted: list[PictureJob] = []

    def submit(self, job: Job) -> None:
        if not isinstance(job, PictureJob):
            super().submit(job)
            return
        self.painted.append(job)
        event = self._paint(job)
        if event is not None:
            self._events.append(event)


def paint(job: PictureJob) -> PictureResult:
    job.folder.mkdir(parents=True)
    (job.folder / "roc.png").write_bytes(b"a picture")
    return PictureResult(job.number, ("roc.png",))


class Words(MemoryTracker):
    """Leaves the curves and the study's pages undrawn: they have tests of their own, and take their time."""

    def finish_trial(self, number: int, status: Any, metrics: Any, tags: Any, produce: Any = None) -> None:
        super().finish_trial(number, status, metrics, tags)

    def log_study_files(self, produce: Any) -> None:
        self.check()


class Notices(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def notice(self, text: str) -> None:
        self.texts.append(text)


def run(home: Path, executor: Painter, **given: Any) -> Any:
    content = {
        "study": "iris",
        "data": {"source": "sklearn:iris"},
        "space": {"learning_rate": {"float": [1e-4, 1e-1], "log": True}},
        "training": {"epochs": 2},
        "search": {"trials": 5, "pruner": "none"},
        "tracking": {"keep_models": 3},
    }
    memory = given.pop("memory", Memory())
    experiment = parse_experiment(content, "iris.yaml")
    return run_study(experiment, home=Home(home), executor=executor, tracker=Words(memory), **given)


def drawn(home: Path) -> list[int]:
    done: list[int] = load_study(Home(home), "iris")[0].user_attrs[PICTURES]
    return done


def test_the_kept_models_and_no_others_are_drawn(tmp_path: Path) -> None:
    memory = Memory()
    executor = Painter(paint)
    ended = run(tmp_path, executor, memory=memory)
    best = sorted(ended.rows, key=lambda row: -row.value)[:3]
    assert drawn(tmp_path) == sorted(row.number for row in best) == sorted(job.number for job in executor.painted)
    with_picture = [run.tags["kerasweep.trial"] for run in memory.runs if "evaluation/roc.png" in run.files]
    assert sorted(map(int, with_picture)) == drawn(tmp_path)
    job = executor.painted[0]
    assert job.title == f"iris, trial {job.number}"
    assert job.labels.classes == ("0", "1", "2")


def test_as_many_are_drawn_at_once_as_there_are_workers(tmp_path: Path) -> None:
    waiting: list[PictureJob] = []

    def together(job: PictureJob) -> Event | None:
        waiting.append(job)
        if len(waiting) < 3:
            return None
        executor._events.extend(map(paint, waiting))
        return None

    executor = Painter(together, capacity=3)
    run(tmp_path, executor)
    assert len(drawn(tmp_path)) == 3


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (lambda job: JobLost(job.number, "the worker process ended by itself"), "the worker process ended by itself"),
        (
            lambda job: WorkerBug(job.number, "Traceback ...\nTypeError: cannot be loaded\n"),
            "TypeError: cannot be loaded",
        ),
        (
            lambda job: PictureResult(job.number, left_out={"predictions": "no output is a finite number"}),
            "no output is a finite number",
        ),
    ],
    ids=["lost", "bug", "nothing to draw"],
)
def test_pictures_that_cannot_be_drawn_are_told_of_and_harm_nothing(
    tmp_path: Path, trouble: Callable[[PictureJob], Event], said: str
) -> None:
    notices = Notices()
    ended = run(tmp_path, Painter(trouble), observer=notices)
    assert (ended.ending, ended.scores) == ("complete", {"accuracy": 0.5})
    told = [text for text in notices.texts if "no pictures" in text]
    assert len(told) == 3
    assert all(text.endswith(said) for text in told)
    assert len(drawn(tmp_path)) == 3  # they are not tried again by every run


def test_a_request_to_stop_leaves_the_rest_to_the_next_run(tmp_path: Path) -> None:
    stop = StopRequest()

    def first_only(job: PictureJob) -> PictureResult:
        stop.reason = "Ctrl-C"
        return paint(job)

    memory = Memory()
    ended = run(tmp_path, Painter(first_only), stop=stop, memory=memory)
    assert (ended.ending, len(drawn(tmp_path))) == ("complete", 1)
    again = Painter(paint)
    run(tmp_path, again, memory=memory)
    assert len(again.painted) == 2
    assert len(drawn(tmp_path)) == 3
    idle = Painter(paint)
    run(tmp_path, idle)
    assert idle.submitted == idle.painted == []


def test_a_record_that_was_moved_away_is_no_mistake(tmp_path: Path) -> None:
    stop = StopRequest()

    def stopped(job: PictureJob) -> None:
        stop.reason = "Ctrl-C"

    run(tmp_path, Painter(stopped), stop=stop)
    memory = Memory()
    run(tmp_path, Painter(paint), memory=memory)
    assert memory.trials("iris") == []


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    def full(job: PictureJob) -> Event:
        raise OSError(28, "No space left on device", str(job.folder))

    with pytest.raises(StudyError, match=r"cannot be written \(no space left on device\)"):
        run(tmp_path, Painter(full))
