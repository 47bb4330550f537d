"""Does the record reach MLflow in time, quietly, off the caller's thread, on a home that many share?"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from record_places import client, files, opened

from tracking import DatasetRecord, MlflowTracker, StudyRecord, TrackingError, TrialRecord, local_uri
from tracking.locks import setup_lock
from tracking.mlflow_values import clean_key

ROOT = Path(__file__).resolve().parents[2]

ONE_STUDY = """
import sys
from pathlib import Path
from tracking import MlflowTracker, StudyRecord, TrialRecord, local_uri
home = Path(sys.argv[1])
tracker = MlflowTracker(local_uri(home), home / "artifacts")
tracker.open_study(StudyRecord(sys.argv[2], {"seed": 7}))
tracker.start_trial(TrialRecord(0, "trial 0", {"layers": 1}))
tracker.log_epoch(0, 1, {"loss": 0.5})
tracker.finish_trial(0, "FINISHED", {"best": 0.5}, {}, lambda folder: (folder / "a.txt").write_text("a"))
tracker.close("FINISHED")
"""


def start(code: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Run code in a fresh process that finds kerasweep's packages."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_importing_tracking_is_light(tmp_path: Path) -> None:
    heavy = "{'mlflow', 'pandas', 'numpy', 'sqlalchemy', 'tensorflow', 'keras', 'requests'}"
    process = start(f"import sys, tracking; print(sorted({heavy} & set(sys.modules)))", cwd=tmp_path)
    assert process.communicate()[0].strip() == "[]"


def test_processes_that_start_together_on_a_new_home_all_record_and_say_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home of three"
    processes = [start(ONE_STUDY, str(home), f"study-{n}", cwd=tmp_path) for n in range(3)]
    for process in processes:
        assert process.communicate(timeout=120) == ("", "")
        assert process.returncode == 0
    api = client(local_uri(home))
    names = {experiment.name for experiment in api.search_experiments()}
    assert names >= {"study-0", "study-1", "study-2"}
    assert sorted(path.name for path in home.iterdir()) == ["artifacts", "mlflow.db", "mlflow.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [home.name]  # nothing beside the home


def test_a_process_killed_while_it_sets_up_leaves_a_home_that_works(tmp_path: Path) -> None:
    home = tmp_path / "home"
    killed = start(ONE_STUDY, str(home), "killed", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (home / ".mlflow.db.new").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (home / "mlflow.db").exists()
    tracker = MlflowTracker(local_uri(home), home / "artifacts")
    tracker.open_study(StudyRecord("next"))
    tracker.close("FINISHED")
    assert sorted(path.name for path in home.iterdir()) == ["mlflow.db", "mlflow.lock"]


def test_the_setup_lock_has_an_end(tmp_path: Path) -> None:
    refused = pytest.raises(TrackingError, match=r"mlflow.lock: another process")
    with setup_lock(tmp_path), refused, setup_lock(tmp_path, patience_seconds=0.1):
        raise AssertionError("two hold the lock")
    with setup_lock(tmp_path, patience_seconds=0.1):
        pass


def test_epochs_are_visible_within_two_seconds(local_home: Path) -> None:
    uri = local_uri(local_home)
    tracker = MlflowTracker(uri, local_home / "artifacts")
    tracker.open_study(StudyRecord("visible"))
    tracker.start_trial(TrialRecord(0, "t"))
    run_id = tracker.run_id(0, 60.0)
    tracker.log_epoch(0, 1, {"loss": 0.5})
    began = time.monotonic()
    while "loss" not in client(uri).get_run(run_id).data.metrics:
        assert time.monotonic() - began < 2.0
        time.sleep(0.05)
    tracker.close("KILLED")


def test_an_epoch_costs_the_caller_microseconds(local_home: Path) -> None:
    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    tracker.open_study(StudyRecord("fast"))
    tracker.start_trial(TrialRecord(0, "t"))
    tracker.flush(60.0)
    metrics = {"loss": 0.5, "accuracy": 0.7, "val_loss": 0.6, "val_accuracy": 0.65}
    seconds = []
    for epoch in range(1, 301):
        began = time.perf_counter()
        tracker.log_epoch(0, epoch, metrics)
        seconds.append(time.perf_counter() - began)
    tracker.finish_trial(0, "FINISHED", {}, {})
    tracker.close("FINISHED")
    assert sorted(seconds)[len(seconds) // 2] < 0.0005  # the median: about 0.00001 on a quiet machine


def test_datasets_are_inputs_of_parent_and_trials(local_home: Path) -> None:
    uri = local_uri(local_home)
    data = DatasetRecord("digits", "d" * 64, "sklearn:digits", "{}", json.dumps({"rows": 1797}))
    tracker = MlflowTracker(uri, local_home / "artifacts")
    parent = opened(tracker, StudyRecord("inputs", dataset=data))
    tracker.start_trial(TrialRecord(0, "t"))
    child = tracker.run_id(0, 60.0)
    tracker.finish_trial(0, "FINISHED", {}, {})
    tracker.close("FINISHED")
    for _ in range(2):  # once more after the study is opened again: still one input
        for run_id in (parent, child):
            [given] = client(uri).get_run(run_id).inputs.dataset_inputs
            assert (given.dataset.name, given.dataset.digest) == ("digits", "d" * 36)
            assert json.loads(given.dataset.source) == {"tags": {"mlflow.source.name": "sklearn:digits"}}
            assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]
        again = MlflowTracker(uri, local_home / "artifacts")
        again.open_study(StudyRecord("inputs", dataset=data))
        again.close("FINISHED")


def test_runs_carry_the_tags_that_mlflows_pages_use(local_home: Path) -> None:
    uri = local_uri(local_home)
    tracker = MlflowTracker(uri, local_home / "artifacts")
    parent = opened(tracker, StudyRecord("tags"))
    tracker.start_trial(TrialRecord(0, "the first"))
    child = tracker.run_id(0, 60.0)
    tracker.close("FINISHED")
    tags = client(uri).get_run(child).data.tags
    assert tags["mlflow.parentRunId"] == parent
    assert tags["mlflow.runName"] == "the first"
    assert (tags["mlflow.source.type"], tags["mlflow.source.name"]) == ("LOCAL", "kerasweep")
    assert tags["mlflow.user"]


def write_board(folder: Path) -> None:
    (folder / "board.csv").write_text("1,2")


def test_files_lie_in_the_home(local_home: Path) -> None:
    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    parent = opened(tracker, StudyRecord("files/with slash"))
    tracker.log_study_files(write_board)
    tracker.close("FINISHED")
    assert (local_home / "artifacts" / "files_with_slash" / parent / "artifacts" / "board.csv").exists()
    assert files(local_uri(local_home), parent) == {"board.csv": "1,2"}


def test_a_database_of_another_version_is_told(tmp_path: Path, local_home: Path) -> None:
    MlflowTracker(local_uri(local_home)).close("FINISHED")
    (tmp_path / "mlflow.db").write_bytes((local_home / "mlflow.db").read_bytes())
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ancient'")
    tracker = MlflowTracker(local_uri(tmp_path))
    with pytest.raises(TrackingError, match=r"another version of MLflow.*mlflow db upgrade"):
        opened(tracker, StudyRecord("old"))


@pytest.mark.parametrize(
    ("key", "cleaned"),
    [
        ("val_accuracy", "val_accuracy"),
        ("optimizer.momentum/first layer:1", "optimizer.momentum/first layer:1"),
        ("f1@0.5", "f1_0.5"),
        ("units[0]", "units_0_"),
        ("/loss", "_loss"),
        ("..", "__"),
        (".", "_"),
        ("a//b", "a__b"),
        ("a/", "a_"),
        ("", "_"),
        ("x" * 300, "x" * 250),
    ],
)
def test_keys_are_made_fit_for_mlflow(key: str, cleaned: str) -> None:
    assert clean_key(key) == cleaned
