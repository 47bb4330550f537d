"""Does a study keep its promises, whatever its trials do? (Trials are simulated; the stores are real.)"""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import optuna
import pytest
from program import run_here

from search.errors import StudyError
from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.messages import Job, TrialJob
from search.study.observer import Silent, StudyEnded
from search.study.records import ATTEMPTS, StudyFacts, to_rows
from search.study.run import run_study
from search.study.stop import StopRequest
from search.study.store import load_study
from search.study.worker_failure import WorkerFailure
from spaces import ModelConfig
from tracking import Memory, MemoryTracker, TrackingError

SPACE: dict[str, Any] = {
    "layers": {"int": [1, 3]},
    "units": {"int": [4, 64], "log": True},
    "activation": "relu",
    "batch_norm": False,
    "dropout": {"float": [0, 0.5]},
    "optimizer": "adam",
    "learning_rate": {"float": [1e-4, 1e-1], "log": True},
}
TINY_SPACE: dict[str, Any] = {
    **SPACE,
    "layers": 1,
    "units": {"choice": [4, 8], "shared": True},
    "dropout": [0.0, 0.1],
    "learning_rate": 0.01,
}


def curve(config: ModelConfig, seed: int, epoch: int) -> float:
    """Best at a learning rate of 0.01, rising with the epochs; a little noise by seed."""
    distance = abs(math.log10(config.optimizer.learning_rate or 1) + 2)
    return 1 - 0.2 * distance - 0.5 / (epoch + 1) - config.hidden[0].dropout * 0.1 + (seed % 97) * 1e-5


class Words(MemoryTracker):
    """Keeps words and numbers, and leaves the pictures undrawn: they have tests of their own, and take their time."""

    def finish_trial(self, number: int, status: Any, metrics: Any, tags: Any, produce: Any = None) -> None:
        super().finish_trial(number, status, metrics, tags)

    def log_study_files(self, produce: Any) -> None:
        self.check()


def run(
    home: Path,
    *,
    executor: SimulatedExecutor | None = None,
    tracker: MemoryTracker | None = None,
    stop: StopRequest | None = None,
    observer: Silent | None = None,
    **changes: Any,
) -> StudyEnded:
    content: dict[str, Any] = {
        "study": "iris",
        "data": {"source": "sklearn:iris"},
        "space": SPACE,
        "training": {"epochs": 9, "batch_size": 16, "early_stopping": 0},
        "search": {"trials": 8, "seed": 3},
    }
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) and key != "space" else value
    return run_study(
        parse_experiment(content, "iris.yaml"),
        home=Home(home),
        executor=executor or SimulatedExecutor(curve),
        tracker=tracker or Words(),
        stop=stop,
        observer=observer,
    )


def rows_of(home: Path, name: str = "iris") -> list[Any]:
    return to_rows(load_study(Home(home), name)[0].get_trials())


def test_a_study_has_exactly_its_total_of_trials_all_of_them_over(tmp_path: Path) -> None:
    ended = run(tmp_path)
    assert ended.ending == "complete"
    assert [row.number for row in ended.rows] == list(range(8))
    assert all(row.state in ("complete", "pruned") for row in ended.rows)
    assert ended.best is not None
    assert ended.best.value == max(row.value for row in ended.rows if row.state == "complete")


def test_one_worker_gives_the_same_study_twice(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    assert [(r.params, r.value, r.state) for r in first.rows] == [(r.params, r.value, r.state) for r in second.rows]


def test_a_study_in_two_goes_is_the_study_in_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", search={"trials": 14})
    run(tmp_path / "b", search={"trials": 5})
    resumed = run(tmp_path / "b", search={"trials": 14})
    assert [(r.params, r.value) for r in resumed.rows] == [(r.params, r.value) for r in whole.rows]


def test_running_again_says_that_there_is_nothing_left(tmp_path: Path) -> None:
    run(tmp_path)
    executor = SimulatedExecutor(curve)
    ended = run(tmp_path, executor=executor)
    assert (ended.ending, ended.left, ended.parent_run) == ("complete", 0, None)
    assert executor.submitted == []


def test_every_pruned_trial_says_when_and_against_what(tmp_path: Path) -> None:
    pruned = [row for row in run(tmp_path, search={"trials": 20}).rows if row.state == "pruned"]
    assert pruned
    for row in pruned:
        assert f"at epoch {row.epochs} is below" in row.reason
        assert "val_accuracy" in row.reason


def test_without_a_pruner_all_trials_run_their_epochs(tmp_path: Path) -> None:
    ended = run(tmp_path, search={"pruner": "none"})
    assert {(row.state, row.epochs) for row in ended.rows} == {("complete", 9)}


@pytest.mark.parametrize("pruner", ["halving", "hyperband", "median", {"name": "percentile", "percentile": 50}])
@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes"])
def test_every_pair_of_sampler_and_pruner_runs(tmp_path: Path, sampler: str, pruner: Any) -> None:
    ended = run(tmp_path, search={"trials": 6, "sampler": sampler, "pruner": pruner})
    assert len(ended.rows) == 6


def test_known_good_configs_run_first_and_are_completed(tmp_path: Path) -> None:
    pins = [{"units": [12, 2], "learning_rate": 0.01}, {"dropout": 0.25}]
    first, second = run(tmp_path, start_with=pins, search={"trials": 3}).rows[:2]
    assert (first.params["layers"], first.params["units_1"], first.params["units_2"]) == (2, 12, 2)
    assert first.params["learning_rate"] == 0.01
    assert "dropout" in first.params
    assert second.params["dropout"] == 0.25


@pytest.mark.parametrize("sampler", ["auto", "grid"])
def test_a_small_space_is_tried_whole_and_no_config_twice(tmp_path: Path, sampler: str) -> None:
    executor = SimulatedExecutor(curve)
    ended = run(tmp_path, executor=executor, space=TINY_SPACE, search={"trials": 30, "sampler": sampler})
    assert ended.ending == "exhausted"
    assert len({json.dumps(row.params) for row in ended.rows}) == len(ended.rows) == 4
    assert ended.left == 26


def test_how_a_study_stands_is_told_as_it_is(tmp_path: Path) -> None:
    def told(home: Path) -> tuple[str, str]:
        (entry,) = json.loads(run_here("list", "--json", "--home", str(home)).out)
        return entry["status"], entry["note"]

    run(tmp_path / "all", space=TINY_SPACE, search={"trials": 30})
    assert told(tmp_path / "all") == ("complete", "every config of its space is tried")
    assert "iris, complete (every config of its space is tried): 4 of 30 trials" in run_here(
        "show", "iris", "--home", str(tmp_path / "all")
    ).out.replace("\n", " ")
    run(tmp_path / "late", search={"timeout": 1e-9})
    assert told(tmp_path / "late") == ("timed out", "'run' goes on with it")
    run(tmp_path / "late", search={"trials": 2})
    assert told(tmp_path / "late") == ("complete", "")
    run(tmp_path / "cut", stop=StopRequest("Ctrl-C"))
    assert told(tmp_path / "cut") == ("interrupted", "'run' goes on with it")
    with pytest.raises(WorkerFailure):
        run(tmp_path / "cut", executor=SimulatedExecutor(curve, bug=1))
    assert told(tmp_path / "cut") == ("unfinished", "")


def test_a_config_that_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    executor = SimulatedExecutor(curve)
    ended = run(tmp_path, executor=executor, space=TINY_SPACE, search={"trials": 12, "sampler": "random"})
    trained = [job for job in executor.submitted if isinstance(job, TrialJob)]
    assert len({job.config.fingerprint for job in trained}) == len(trained) <= 4
    copies = [row for row in ended.rows if row.duplicate_of is not None]
    assert len(copies) + len(trained) == len(ended.rows)
    for copy in copies:
        original = ended.rows[copy.duplicate_of or 0]
        assert (copy.value, copy.state, copy.params) == (original.value, original.state, original.params)
        assert f"same config as trial {original.number}" in copy.reason


def test_a_diverged_trial_never_ranks_and_tells_its_epoch(tmp_path: Path) -> None:
    def diverging(config: ModelConfig, seed: int, epoch: int) -> float:
        return math.nan if epoch == 3 and config.hidden[0].units < 24 else curve(config, seed, epoch) + 10 * epoch

    tracker = Words()
    ended = run(tmp_path, executor=SimulatedExecutor(diverging), tracker=tracker, search={"pruner": "none"})
    diverged = [row for row in ended.rows if row.state == "diverged"]
    assert diverged
    assert ended.best is not None
    assert ended.best.state == "complete"
    assert {row.reason for row in diverged} == {"diverged at epoch 3 (loss nan)"}
    study, _ = load_study(Home(tmp_path), "iris")
    assert study.best_trial.number == ended.best.number
    told = study.trials[diverged[0].number]
    assert (told.state, told.constraints) == (optuna.trial.TrialState.PRUNED, {"diverged": 1.0})


def test_a_lost_worker_costs_nothing_but_a_second_attempt(tmp_path: Path) -> None:
    unharmed = run(tmp_path / "a")
    harmed = run(tmp_path / "b", executor=SimulatedExecutor(curve, lose=(2, 5)))
    assert [(r.params, r.value) for r in harmed.rows] == [(r.params, r.value) for r in unharmed.rows]


def test_a_worker_lost_twice_fails_its_trial_and_no_other(tmp_path: Path) -> None:
    ended = run(tmp_path, executor=SimulatedExecutor(curve, lose=(2, 2)))
    assert [row.number for row in ended.rows if row.state == "failed"] == [2]
    assert "SIGKILL), twice" in ended.rows[2].reason
    assert len(ended.rows) == 8


def test_a_bug_stops_the_study_and_keeps_what_is_finished(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailure, match="ZeroDivisionError: simulated"):
        run(tmp_path, executor=SimulatedExecutor(curve, bug=3))
    assert [row.state for row in rows_of(tmp_path)[3:]] == ["running"]
    resumed = run(tmp_path)
    assert len(resumed.rows) == 8
    assert all(row.state != "running" for row in resumed.rows)


def test_ctrl_c_leaves_trials_that_go_on_under_their_numbers(tmp_path: Path) -> None:
    stop, tracker = StopRequest(), Words()

    class PressCtrlC(Silent):
        def epoch(self, report: Any) -> None:
            if report.number == 3:
                stop.reason = "Ctrl-C"

    keep_all = {"pruner": "none"}
    ended = run(tmp_path, stop=stop, observer=PressCtrlC(), tracker=tracker, search=keep_all)
    assert (ended.ending, ended.left) == ("interrupted", 5)
    study, _ = load_study(Home(tmp_path), "iris")
    assert "interrupted after epoch" in study.trials[3].user_attrs[ATTEMPTS][0]
    resumed = run(tmp_path, search=keep_all)
    whole = run(tmp_path / "whole", search=keep_all)
    assert [(r.params, r.value) for r in resumed.rows] == [(r.params, r.value) for r in whole.rows]


def test_trials_left_by_a_killed_coordinator_go_on_or_are_closed(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    class DiesAtTrial3(SimulatedExecutor):
        def events(self, timeout_seconds: float) -> list[Any]:
            if any(getattr(job, "number", 0) == 3 for job in self.submitted):
                raise Killed
            return super().events(timeout_seconds)

    for home, total, state in ((tmp_path / "on", 8, ("complete", "pruned")), (tmp_path / "off", 3, ("failed",))):
        with pytest.raises(Killed):
            run(home, executor=DiesAtTrial3(curve))
        ended = run(home, search={"trials": total})
        assert ended.rows[3].state in state
        assert all(row.state != "running" for row in ended.rows)
    assert "interrupted after epoch 0: its coordinator ended" in ended.rows[3].reason


class Killed(Exception):
    """The coordinator's end, as far as it can tell."""


def status_of(memory: Memory, number: int) -> str:
    """What the record says of a trial: the status of its newest run."""
    return next(run.status for run in memory.trials("iris") if run.name == f"trial {number}")


def kill_at_trial(home: Path, number: int, tracker: MemoryTracker) -> None:
    """Leave a study as a killed coordinator does: a trial in training, nothing said to anybody."""

    class Dies(SimulatedExecutor):
        def events(self, timeout_seconds: float) -> list[Any]:
            if any(job.number == number for job in self.submitted):
                raise Killed
            return super().events(timeout_seconds)

    tracker.close = lambda status: None  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run(home, executor=Dies(curve), tracker=tracker)


def test_a_trial_taken_over_from_a_killed_coordinator_is_left_in_order_by_ctrl_c(tmp_path: Path) -> None:
    memory = Memory()
    kill_at_trial(tmp_path, 3, Words(memory))
    assert status_of(memory, 3) == "RUNNING"
    ended = run(tmp_path, tracker=Words(memory), stop=StopRequest("Ctrl-C"))
    assert (ended.ending, ended.rows[3].state) == ("interrupted", "running")
    assert ended.rows[3].reason == "interrupted before it began again; 'run' goes on with it"
    assert status_of(memory, 3) == "KILLED"
    resumed = run(tmp_path, tracker=Words(memory))
    whole = run(tmp_path / "whole")
    assert [(r.params, r.value, r.state) for r in resumed.rows] == [(r.params, r.value, r.state) for r in whole.rows]
    assert status_of(memory, 3) != "RUNNING"


def test_a_trial_taken_over_is_closed_by_a_timeout(tmp_path: Path) -> None:
    memory = Memory()
    kill_at_trial(tmp_path, 3, Words(memory))
    ended = run(tmp_path, tracker=Words(memory), search={"timeout": 1e-9})
    assert (ended.ending, ended.rows[3].state) == ("timeout", "failed")
    assert ended.rows[3].reason.endswith("the study's timeout was over before it began again")
    assert status_of(memory, 3) == "FAILED"


def test_a_lower_total_closes_what_was_left_running(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailure):
        run(tmp_path, executor=SimulatedExecutor(curve, bug=5))
    ended = run(tmp_path, search={"trials": 3})
    assert [row.state == "running" for row in ended.rows] == [False] * 6
    assert ended.rows[5].reason.endswith("the total is lower now")


def test_a_timeout_ends_the_study_and_closes_what_ran(tmp_path: Path) -> None:
    class Slow(SimulatedExecutor):
        def events(self, timeout_seconds: float) -> list[Any]:
            import time

            time.sleep(0.02)
            return super().events(timeout_seconds)

    ended = run(tmp_path, executor=Slow(curve), search={"trials": 500, "timeout": 1.0})
    assert ended.ending == "timeout"
    assert 0 < len(ended.rows) < 500
    assert all(row.state != "running" for row in ended.rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {**SPACE, "dropout": 0.3}}, "exists with another space .it differs in dropout"),
        ({"data": {"source": "sklearn:wine"}}, "exists with other data"),
        ({"training": {"epochs": 5}}, "exists with another objective, epochs, early_stopping or validation"),
        ({"objective": "val_loss"}, "exists with another objective"),
        ({"search": {"seed": 4}}, "exists with other data or another split"),
    ],
)
def test_another_space_or_other_data_do_not_mix_into_a_study(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    run(tmp_path, search={"trials": 2})
    before = (tmp_path / "studies/iris/journal.log").read_bytes()
    with pytest.raises(StudyError, match=message):
        run(tmp_path, **changes)
    assert (tmp_path / "studies/iris/journal.log").read_bytes() == before


def test_two_processes_cannot_run_one_study(tmp_path: Path) -> None:
    with Home(tmp_path).study("iris").locked(), pytest.raises(StudyError, match="is being run by process"):
        run(tmp_path)


def test_a_torn_journal_line_is_set_aside_and_nothing_is_lost(tmp_path: Path) -> None:
    run(tmp_path, search={"trials": 4})
    journal = tmp_path / "studies/iris/journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "work')
    ended = run(tmp_path, search={"trials": 6})
    assert len(ended.rows) == 6
    assert journal.read_bytes().startswith(whole)
    assert (journal.parent / "journal.log.torn").read_bytes() == b'{"op_code": 4, "work\n'


def test_a_damaged_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    run(tmp_path, search={"trials": 2})
    journal = tmp_path / "studies/iris/journal.log"
    damaged = journal.read_bytes() + b"\x00\x00garbage\n"
    journal.write_bytes(damaged)
    with pytest.raises(StudyError, match=r"line [0-9]+ is damaged"):
        run(tmp_path)
    assert journal.read_bytes() == damaged


def test_only_the_best_few_models_are_kept_and_never_more_than_the_cap(tmp_path: Path) -> None:
    tracker = Words()
    ended = run(tmp_path, tracker=tracker, search={"trials": 10, "pruner": "none"}, tracking={"keep_models": 2})
    ranking = sorted((r for r in ended.rows), key=lambda r: -(r.value or 0))
    files = sorted(path.name for path in (tmp_path / "studies/iris/models").iterdir())
    assert files == sorted(f"trial-{row.number:04}.keras" for row in ranking[:2])


def test_the_test_part_is_scored_once_for_the_best(tmp_path: Path) -> None:
    executor = SimulatedExecutor(curve)
    ended = run(tmp_path, executor=executor)
    assert ended.scores == {"accuracy": 0.5}
    assert [type(job).__name__ for job in executor.submitted].count("ScoreJob") == 1


def test_a_record_that_cannot_be_written_stops_the_study_and_loses_nothing(tmp_path: Path) -> None:
    class FullDisk(Words):
        def finish_trial(self, number: int, *rest: Any, **named: Any) -> None:
            if number == 2:
                raise TrackingError("mlflow.db: the disk is full; make room and run again")
            super().finish_trial(number, *rest, **named)

    with pytest.raises(TrackingError, match="disk is full"):
        run(tmp_path, tracker=FullDisk())
    assert [row.state == "running" for row in rows_of(tmp_path)] == [False] * 3 + [True]
    assert len(run(tmp_path).rows) == 8


def test_a_disk_that_fills_up_is_one_line_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def room_for_half(file: str, mode: str) -> Any:
        stream = open(file, mode)  # noqa: SIM115 - closed by who asked for it
        if "a" not in mode or Path(file).stat().st_size < 15_000:
            return stream
        with stream:
            stream.write(b'{"op_code": 7, "wor')  # as far as there was room
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file)

    monkeypatch.setattr("search.study.journal.open", room_for_half, raising=False)
    with pytest.raises(StudyError, match=r"journal.log: cannot be written \(no space left on device\); make room"):
        run(tmp_path)
    monkeypatch.undo()
    assert [(r.params, r.value) for r in run(tmp_path).rows] == [(r.params, r.value) for r in run(tmp_path / "b").rows]


def test_a_worker_has_its_next_trial_before_the_disk_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    class Noting(SimulatedExecutor):
        def submit(self, job: Job) -> None:
            happened.append(type(job).__name__)
            super().submit(job)

    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (happened.append("disk"), fsync(descriptor))[1])
    run(tmp_path, search={"trials": 4}, executor=Noting(curve))
    first = happened.index("TrialJob")
    # The first wait is for the id of the study's run, the others are for the trials that have ended.
    assert happened[first : first + 8] == ["TrialJob", "disk"] * 4


def test_files_of_an_attempt_that_was_killed_before_it_was_told_do_not_stay(tmp_path: Path) -> None:
    folder = Home(tmp_path).study("iris")
    left = folder.weights(0)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of another attempt")
    run(tmp_path, executor=SimulatedExecutor(lambda config, seed, epoch: math.nan))  # which leaves no file itself
    assert not left.exists()


def test_any_optuna_storage_url_will_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    run(tmp_path / "home", search={"storage": url, "trials": 3})
    assert len(optuna.load_study(study_name="iris", storage=url).trials) == 3
    assert len(rows_of(tmp_path / "home")) == 3
    assert not (tmp_path / "home/studies/iris/journal.log").exists()


def test_a_study_that_ends_before_its_record_is_set_up_knows_its_run(tmp_path: Path) -> None:
    class Slow(Words):
        there = False

        def parent_run(self, timeout_seconds: float | None) -> str | None:
            return super().parent_run(timeout_seconds) if self.there else None

        def flush(self, timeout_seconds: float) -> None:
            self.there = True

    ended = run(tmp_path, tracker=Slow())
    assert ended.parent_run is not None
    assert StudyFacts.of(load_study(Home(tmp_path), "iris")[0]).parent_run == ended.parent_run
