"""What must every tracker do, wherever it keeps the record?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from record_places import Place, opened

from tracking import DatasetRecord, Produce, RunStatus, Scalar, StudyRecord, Tracker, TrialRecord

PATIENCE = 120.0  # a first flush waits for MLflow's import and for a new database
_names = (f"study-{count}" for count in itertools.count())
DATA = DatasetRecord("pima", "f00dfeed", "pima.csv", '{"age": "int64"}', '{"rows": 768}')


@pytest.fixture
def study() -> StudyRecord:
    return StudyRecord(next(_names), {"trials": 20, "seed": 7}, {"kerasweep.space": "abc"}, DATA)


def write(**contents: str) -> Produce:
    """Files by stem, as text."""

    def produce(folder: Path) -> None:
        for stem, content in contents.items():
            (folder / f"{stem}.txt").write_text(content)

    return produce


def write_evaluation(content: str) -> Produce:
    """A file in a folder of its own."""

    def produce(folder: Path) -> None:
        (folder / "evaluation").mkdir()
        (folder / "evaluation" / "roc.txt").write_text(content)

    return produce


def finish(tracker: Tracker, number: int, status: RunStatus = "FINISHED") -> None:
    tracker.finish_trial(number, status, {}, {})


def started(tracker: Tracker, *numbers: int) -> list[str]:
    """Start trials and give their run ids."""
    for number in numbers:
        tracker.start_trial(TrialRecord(number, f"trial {number}"))
    ids = [tracker.run_id(number, PATIENCE) for number in numbers]
    assert all(ids)
    return [str(run_id) for run_id in ids]


def test_a_study_is_recorded_as_a_tree_of_runs(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    parent = opened(tracker, study)
    assert place.look(parent).status == "RUNNING"
    tracker.start_trial(TrialRecord(0, "trial 0", {"layers": 2, "optimizer": "adam"}, {"kerasweep.code": "1.0"}))
    tracker.log_epoch(0, 1, {"loss": 0.7, "val_accuracy": 0.6})
    tracker.log_epoch(0, 2, {"loss": 0.5, "val_accuracy": 0.8})
    tracker.finish_trial(0, "FINISHED", {"best_value": 0.8, "best_epoch": 2}, {"note": "good"}, write(config="x: 1"))
    tracker.close("FINISHED")

    above = place.look(parent)
    assert (above.name, above.status, above.dataset) == (study.name, "FINISHED", "f00dfeed")
    assert above.params == {"trials": "20", "seed": "7"}
    assert above.tags["kerasweep.space"] == "abc"
    assert above.tags["kerasweep.state"] == "complete"
    [child] = place.children(parent)
    trial = place.look(child)
    assert (trial.name, trial.status, trial.dataset) == ("trial 0", "FINISHED", "f00dfeed")
    assert trial.params == {"layers": "2", "optimizer": "adam"}
    assert trial.metrics["loss"] == [(1, 0.7), (2, 0.5)]
    assert trial.metrics["val_accuracy"] == [(1, 0.6), (2, 0.8)]
    assert trial.metrics["best_value"] == [(2, 0.8)]  # stands at the last epoch
    assert trial.files == {"config.txt": "x: 1"}
    expected = {"kerasweep.study": study.name, "kerasweep.trial": "0", "kerasweep.state": "complete"}
    assert trial.tags.items() >= {**expected, "kerasweep.code": "1.0", "note": "good"}.items()


@pytest.mark.parametrize(("status", "state"), [("FINISHED", "complete"), ("KILLED", "pruned"), ("FAILED", "failed")])
def test_status_of_a_trial_is_exact(place: Place, study: StudyRecord, status: RunStatus, state: str) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    [run_id] = started(tracker, 3)
    assert place.look(run_id).status == "RUNNING"
    tracker.finish_trial(3, status, {}, {"kerasweep.reason": "because"})
    tracker.flush(PATIENCE)
    seen = place.look(run_id)
    assert (seen.status, seen.tags["kerasweep.state"], seen.tags["kerasweep.reason"]) == (
        status,
        state,
        "because",
    )
    tracker.close(status)


def test_the_callers_state_is_kept(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    [run_id] = started(tracker, 0)
    tracker.finish_trial(0, "FAILED", {}, {"kerasweep.state": "diverged"})
    tracker.close("FINISHED")
    assert place.look(run_id).tags["kerasweep.state"] == "diverged"


def test_interleaved_trials_keep_their_own_order(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    ids = started(tracker, 0, 1, 2)
    for epoch in range(1, 31):
        for number in (0, 1, 2):
            tracker.log_epoch(number, epoch, {"loss": number + epoch / 100})
    for number in (2, 0, 1):
        finish(tracker, number)
    tracker.close("FINISHED")
    for number, run_id in enumerate(ids):
        assert place.look(run_id).metrics["loss"] == [(e, number + e / 100) for e in range(1, 31)]


def test_values_that_are_no_finite_numbers_are_recorded(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    [run_id] = started(tracker, 0)
    tracker.log_epoch(0, 1, {"loss": math.nan, "up": math.inf, "down": -math.inf})
    finish(tracker, 0, "FAILED")
    tracker.close("FINISHED")
    metrics = place.look(run_id).metrics
    assert math.isnan(metrics["loss"][0][1])
    assert metrics["up"][0][1] > 1e300  # MLflow's SQL stores keep the largest double for infinity
    assert metrics["down"][0][1] < -1e300


def test_names_and_values_beyond_mlflows_rules_are_recorded(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    params: dict[str, Scalar] = {f"param {count}": count for count in range(250)}
    params |= {"über[0]": "é" * 7000, "a//b": True}
    tracker.start_trial(TrialRecord(0, "t", params, {f"tag{count}": "x" * 9000 for count in range(3)}))
    for epoch in range(1, 41):  # 40 epochs of 30 metrics: more than one request takes
        tracker.log_epoch(0, epoch, {f"metric@{count}": count for count in range(30)})
    tracker.finish_trial(0, "FINISHED", {"f1(macro)": 0.5}, {f"more{count}": "y" for count in range(150)})
    tracker.flush(PATIENCE)
    run_id = tracker.run_id(0, PATIENCE)
    assert run_id is not None
    seen = place.look(run_id)
    assert len(seen.params) == 252
    assert len(seen.metrics) == 31
    assert all(len(values) == 40 for name, values in seen.metrics.items() if name.startswith("metric"))
    assert sum(key.startswith("more") for key in seen.tags) == 150
    tracker.close("FINISHED")


def test_files_of_the_study_replace_earlier_ones_of_the_same_name(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    parent = opened(tracker, study)
    tracker.log_study_files(write(leaderboard="one", experiment="yaml"))
    tracker.log_study_files(write(leaderboard="two"))
    tracker.log_study_files(lambda folder: None)  # nothing to record is fine
    tracker.flush(PATIENCE)
    assert place.look(parent).files == {"leaderboard.txt": "two", "experiment.txt": "yaml"}
    tracker.close("FINISHED")


def test_files_of_a_finished_trial_can_be_added_also_by_a_later_session(place: Place, study: StudyRecord) -> None:
    first = place.tracker()
    first.open_study(study)
    [run_id] = started(first, 0)
    first.finish_trial(0, "FINISHED", {}, {}, write(history="h"))
    first.log_trial_files(0, write_evaluation("one"))
    first.close("FINISHED")
    assert place.look(run_id).files == {"history.txt": "h", "evaluation/roc.txt": "one"}
    second = place.tracker()
    second.open_study(study)
    second.log_trial_files(0, write_evaluation("two"))
    second.put_model_files(0, write(weights="w"))
    second.drop_model_files(0)  # leaves what is no model
    second.close("FINISHED")
    seen = place.look(run_id)
    assert seen.files == {"history.txt": "h", "evaluation/roc.txt": "two"}
    assert seen.status == "FINISHED"


def test_model_files_of_a_trial_come_and_go(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    [run_id] = started(tracker, 0)
    tracker.finish_trial(0, "FINISHED", {}, {}, write(history="h"))
    tracker.put_model_files(0, write(weights="first", extra="e"))
    tracker.flush(PATIENCE)
    assert place.look(run_id).files == {
        "history.txt": "h",
        "model/weights.txt": "first",
        "model/extra.txt": "e",
    }
    tracker.put_model_files(0, write(weights="second"))
    tracker.flush(PATIENCE)
    assert place.look(run_id).files == {"history.txt": "h", "model/weights.txt": "second"}
    tracker.drop_model_files(0)
    tracker.drop_model_files(0)  # what is gone is gone
    tracker.drop_model_files(99)  # as is what never was
    tracker.close("FINISHED")
    assert place.look(run_id).files == {"history.txt": "h"}


def test_model_files_of_an_earlier_session_can_be_dropped(place: Place, study: StudyRecord) -> None:
    first = place.tracker()
    first.open_study(study)
    [run_id] = started(first, 4)
    first.put_model_files(4, write(weights="w"))
    finish(first, 4)
    first.close("FINISHED")
    second = place.tracker()
    second.open_study(study)
    assert second.run_id(4, PATIENCE) == run_id
    second.drop_model_files(4)
    second.close("FINISHED")
    assert place.look(run_id).files == {}


def test_a_study_that_is_opened_again_goes_on_in_its_run(place: Place, study: StudyRecord) -> None:
    first = place.tracker()
    parent = opened(first, study)
    first.close("KILLED")
    assert place.look(parent).status == "KILLED"
    assert place.look(parent).tags["kerasweep.state"] == "stopped"
    more = StudyRecord(study.name, {"trials": 40, "seed": 7, "workers": 2}, {"attempt": "2"}, DATA)
    second = place.tracker()
    assert opened(second, more) == parent
    seen = place.look(parent)
    assert (seen.status, seen.tags["attempt"], seen.tags["kerasweep.space"]) == ("RUNNING", "2", "abc")
    assert seen.params == {"trials": "20", "seed": "7", "workers": "2"}  # MLflow never changes a param
    assert seen.tags["kerasweep.now.trials"] == "40"
    second.close("FINISHED")
    assert place.look(parent).status == "FINISHED"


def test_two_studies_do_not_share_runs(place: Place) -> None:
    names = [next(_names), next(_names) + ' it\'s "odd"']
    parents = []
    for name in names:
        tracker = place.tracker()
        parents.append(opened(tracker, StudyRecord(name)))
        started(tracker, 0)
        assert tracker.reconcile({}).keys() == {0}
        tracker.close("FINISHED")
    assert parents[0] != parents[1]
    assert [len(place.children(parent)) for parent in parents] == [1, 1]


def test_after_a_kill_runs_are_settled_or_handed_back(place: Place, study: StudyRecord) -> None:
    killed = place.tracker()
    parent = opened(killed, study)
    ids = started(killed, 0, 1, 2, 3)
    finish(killed, 0)
    killed.flush(PATIENCE)  # and now it is gone: no finish, no close

    tracker = place.tracker()
    assert opened(tracker, study) == parent
    going_on = tracker.reconcile({1: ("FAILED", "worker lost"), 2: ("KILLED", "pruned at epoch 3"), 9: ("FAILED", "")})
    assert going_on == {3: ids[3]}
    assert [place.look(run_id).status for run_id in ids] == ["FINISHED", "FAILED", "KILLED", "RUNNING"]
    assert place.look(ids[1]).tags["kerasweep.reason"] == "worker lost"
    assert place.look(ids[2]).tags["kerasweep.state"] == "pruned"

    tracker.start_trial(TrialRecord(3, "trial 3", {"layers": 1}), run_id=going_on[3])
    tracker.log_epoch(3, 5, {"loss": 0.1})
    finish(tracker, 3)
    tracker.close("FINISHED")
    assert place.look(ids[3]).metrics["loss"] == [(5, 0.1)]
    assert place.look(ids[3]).status == "FINISHED"
    assert sorted(place.children(parent)) == sorted(ids)


def test_of_two_running_runs_of_one_trial_the_newest_counts(place: Place, study: StudyRecord) -> None:
    ids = []
    for _ in range(2):
        killed = place.tracker()
        killed.open_study(study)
        ids += started(killed, 5)
    tracker = place.tracker()
    tracker.open_study(study)
    assert tracker.reconcile({}) == {5: ids[1]}
    assert place.look(ids[0]).status == "FAILED"
    assert "newer" in place.look(ids[0]).tags["kerasweep.reason"]
    tracker.close("FINISHED")


def test_a_finished_trial_can_be_started_again_in_a_new_run(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    [first] = started(tracker, 0)
    finish(tracker, 0, "FAILED")
    [second] = started(tracker, 0)
    assert first != second
    finish(tracker, 0)
    tracker.close("FINISHED")
    assert [place.look(run_id).status for run_id in (first, second)] == ["FAILED", "FINISHED"]


def test_a_trial_that_never_started_has_no_run(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    assert tracker.run_id(77, PATIENCE) is None
    tracker.close("FINISHED")


BUGS: dict[str, Callable[[Tracker], object]] = {
    "an epoch of a trial not started": lambda tracker: tracker.log_epoch(1, 1, {"loss": 1.0}),
    "the end of a trial not started": lambda tracker: finish(tracker, 1),
    "a trial started twice": lambda tracker: tracker.start_trial(TrialRecord(0, "again")),
}


@pytest.mark.parametrize("bug", BUGS)
def test_calls_out_of_order_are_bugs(place: Place, study: StudyRecord, bug: str) -> None:
    tracker = place.tracker()
    tracker.open_study(study)
    tracker.start_trial(TrialRecord(0, "trial 0"))
    with pytest.raises(ValueError, match="trial"):
        BUGS[bug](tracker)
    tracker.check()  # the record itself is well
    tracker.close("FINISHED")


def test_trials_come_after_the_study_and_before_its_end(place: Place, study: StudyRecord) -> None:
    tracker = place.tracker()
    with pytest.raises(ValueError, match="open_study comes first"):
        tracker.start_trial(TrialRecord(0, "t"))
    tracker.open_study(study)
    tracker.close("FINISHED")
    tracker.close("FINISHED")
    with pytest.raises(ValueError, match="closed"):
        tracker.start_trial(TrialRecord(0, "t"))


def test_a_tracker_closed_before_its_study_records_nothing(place: Place) -> None:
    place.tracker().close("FAILED")
