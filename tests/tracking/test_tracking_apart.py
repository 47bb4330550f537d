"""Does a record that a process of its own keeps come out the same, and what if that process fails or is killed?

What every tracker must do is in test_tracker_contract.py; behind the line there is the one that is tested there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from record_places import client, mlflow_place

from tracking import StudyRecord, TrackerApart, TrackingError, TrialRecord, local_uri
from tracking.reach import database_problem

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


def tracker_at(home: Path, study: str) -> TrackerApart:
    tracker = TrackerApart(local_uri(home), home / "artifacts")
    tracker.open_study(StudyRecord(study, {"trials": 2}))
    return tracker


def keep_checking(tracker: TrackerApart) -> None:
    """Ask again and again whether the record can be written, until it says that it cannot."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        tracker.check()
        time.sleep(0.05)


def test_all_of_a_study_arrives(local_home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("files too")
    tracker = tracker_at(local_home, "apart")
    tracker.start_trial(TrialRecord(0, "trial 0", {"layers": 2}))
    for epoch in range(1, 41):
        tracker.log_epoch(0, epoch, {"loss": 1 / epoch})
    with pytest.raises(ValueError, match="trial 1 is not open"):
        tracker.log_epoch(1, 1, {"loss": 1.0})
    files = partial(shutil.copy, tmp_path / "notes.txt")
    tracker.finish_trial(0, "KILLED", {"epochs": 40}, {"kerasweep.reason": "too slow"}, files)
    assert tracker.parent_run(0.0) is None, "it is not even imported yet"
    parent, run_id = tracker.parent_run(None), tracker.run_id(0, PATIENCE)
    assert parent is not None
    assert run_id is not None
    assert tracker.parent_run(0.0) == parent
    tracker.close("FINISHED")
    tracker.close("FINISHED")  # does nothing
    place = mlflow_place("apart", local_uri(local_home), local_home / "artifacts")
    above, trial = place.look(parent), place.look(run_id)
    assert (above.status, trial.status) == ("FINISHED", "KILLED")
    assert above.params == {"trials": "2"}
    assert trial.metrics["loss"] == [(epoch, pytest.approx(1 / epoch)) for epoch in range(1, 41)]
    assert trial.tags["kerasweep.reason"] == "too slow"
    assert trial.files == {"notes.txt": "files too"}
    assert tracker.busy_seconds is not None
    assert tracker.busy_seconds > 0


def test_epochs_that_come_fast_arrive_with_the_next_check(local_home: Path) -> None:
    tracker = tracker_at(local_home, "fast")
    parent = tracker.parent_run(None)
    assert parent is not None
    tracker.start_trial(TrialRecord(0, "trial 0"))
    for epoch in (1, 2, 3):
        tracker.log_epoch(0, epoch, {"loss": 0.5})
    place = mlflow_place("apart", local_uri(local_home), local_home / "artifacts")
    deadline = time.monotonic() + PATIENCE
    while not (children := place.children(parent)) or len(place.look(children[0]).metrics.get("loss", [])) < 3:
        assert time.monotonic() < deadline, "they never came"
        tracker.check()
        time.sleep(0.1)
    tracker.close("KILLED")


def test_it_gives_way_to_those_that_train_until_it_is_waited_for(local_home: Path) -> None:
    tracker = tracker_at(local_home, "polite")
    keeper = psutil.Process(tracker._process.pid)
    group = Path(f"/proc/{keeper.pid}/autogroup")

    def level() -> int:
        return int(group.read_text().split()[-1]) if group.exists() else keeper.nice()

    assert tracker.parent_run(None) is not None
    assert keeper.nice() > psutil.Process().nice()
    giving_way = level()
    assert giving_way > 0
    time.sleep(0.2)  # Linux lets an ordinary user change it ten times a second
    tracker.flush(PATIENCE)
    assert level() < giving_way or not group.exists()
    tracker.close("FINISHED")
    assert not keeper.is_running()


def test_an_answer_that_comes_too_late_is_not_taken_for_another(local_home: Path) -> None:
    tracker = tracker_at(local_home, "interrupted")
    receive, tracker._receive = tracker._receive, interrupted
    with pytest.raises(KeyboardInterrupt):
        tracker.flush(PATIENCE)
    tracker._receive = receive
    tracker.start_trial(TrialRecord(0, "trial 0"))
    assert tracker.run_id(0, PATIENCE) is not None
    tracker.close("KILLED")


def interrupted() -> None:
    raise KeyboardInterrupt


def test_a_record_that_fails_is_told_at_the_next_call_and_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("dear diary, " * 1000)
    tracker = tracker_at(tmp_path, "diary")
    tracker.start_trial(TrialRecord(0, "trial 0"))
    with pytest.raises(TrackingError, match="is damaged; move it away"):
        tracker.flush(PATIENCE)
    with pytest.raises(TrackingError, match="is damaged"):
        tracker.log_epoch(0, 1, {"loss": 1.0})
    tracker.close("FAILED")


def test_a_failure_that_nobody_asked_about_is_told_when_the_record_is_closed(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("dear diary, " * 1000)
    tracker = tracker_at(tmp_path, "diary")
    with pytest.raises(TrackingError, match="is damaged"):
        tracker.close("FINISHED")
    assert tracker._process.poll() is not None


def test_a_bug_in_what_produces_files_keeps_its_traceback(local_home: Path) -> None:
    tracker = tracker_at(local_home, "buggy")
    tracker.log_study_files(partial(shutil.copy, "/there is no such file"))
    with pytest.raises(FileNotFoundError, match="no such file") as caught:
        tracker.close("FINISHED")
    assert "shutil.py" in caught.value.__notes__[0]


def test_a_process_that_is_killed_is_told_and_not_waited_for(local_home: Path) -> None:
    tracker = tracker_at(local_home, "killed")
    tracker._process.kill()
    with pytest.raises(
        TrackingError, match=r"keeps the record has ended \(SIGKILL, perhaps for want of memory.*run the same"
    ):
        keep_checking(tracker)
    with pytest.raises(TrackingError, match="has ended"):
        tracker.start_trial(TrialRecord(0, "trial 0"))
    tracker.close("FAILED")


def test_when_its_caller_is_killed_it_writes_what_it_was_told_and_ends(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from tracking import StudyRecord, TrackerApart, TrialRecord, local_uri
home = Path(sys.argv[1])
tracker = TrackerApart(local_uri(home), home / "artifacts")
tracker.open_study(StudyRecord("orphan", {"trials": 2}))
tracker.start_trial(TrialRecord(0, "trial 0"))
time.sleep(0.5)
tracker.check()  # which sends what a study begins with
print(tracker._process.pid, flush=True)
time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    caller = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "home")], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    with caller.stdout:
        keeper = psutil.Process(int(caller.stdout.readline()))
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    keeper.wait(PATIENCE)
    home = tmp_path / "home"
    api = client(local_uri(home))
    runs = api.search_runs([api.get_experiment_by_name("orphan").experiment_id])
    assert {run.info.run_name: run.info.status for run in runs} == {"orphan": "RUNNING", "trial 0": "RUNNING"}


def test_a_database_whose_writer_was_killed_is_no_problem(tmp_path: Path) -> None:
    code = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("create table numbers (value)")
database.commit()
database.execute("pragma cache_size = 1")
database.execute("begin")
for number in range(3000):
    database.execute("insert into numbers values (?)", ("x" * 200,))
os.kill(os.getpid(), signal.SIGKILL)
"""
    file = tmp_path / "mlflow.db"
    subprocess.run([sys.executable, "-c", code, str(file)], check=False)
    assert (tmp_path / "mlflow.db-journal").exists(), "it was not killed in the midst of writing"
    assert database_problem(f"sqlite:///{file}") is None
