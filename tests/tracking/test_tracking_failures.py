"""Does each expected failure read as one line with its remedy, and each bug stay a bug?"""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path

import pytest
from record_places import client, free_port, opened

from tracking import MlflowTracker, StudyRecord, TrackingError, TrialRecord, local_uri
from tracking.failures import explain

URI = "postgresql://ann:s3cret@db/mlflow"


class MlflowError(Exception):
    """Stands for a library's error: what counts is the module it says it is from."""

    __module__ = "mlflow.exceptions"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/b"),
            "/a/b: no space left on the disk; free",
        ),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no space left on the disk"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a/b"),
            "/a/b: Permission denied; cannot be",
        ),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only file system; cannot be written"),
        (MlflowError("(sqlite3.OperationalError) database or disk is full"), "no space left on the disk"),
        (MlflowError("attempt to write a readonly database"), "cannot be written; check its permissions"),
        (MlflowError("unable to open database file"), "choose another place with --home"),
        (MlflowError("database is locked"), "another program holds the database"),
        (MlflowError("file is not a database"), "is damaged; move it away"),
        (MlflowError("duplicate column name: step"), "was left half made"),
        (MlflowError("Detected out-of-date database schema (found x)"), "mlflow db upgrade"),
        (MlflowError("Can't locate revision identified by 'x'"), "made by a newer version of MLflow"),
        (MlflowError("API request failed with error code 401 != 200"), "MLFLOW_TRACKING_USERNAME"),
        (MlflowError("PERMISSION_DENIED: no"), "does not allow this"),
        (MlflowError("HTTPConnectionPool: Max retries exceeded with url"), "nothing answers there"),
        (MlflowError("Read timed out."), "nothing answers there"),
        (
            MlflowError("odd\nthings\nat http://b:s3cret@c/ " + "x" * 900),
            "refused the record: odd things at http://b:***@c/",
        ),
    ],
)
def test_expected_failures_are_one_line_with_a_remedy(error: Exception, line: str) -> None:
    failure = explain(error, URI)
    assert isinstance(failure, TrackingError)
    assert line in str(failure)
    assert "\n" not in str(failure)
    assert "s3cret" not in str(failure)
    assert len(str(failure)) < 400


def test_the_reason_is_found_behind_other_errors() -> None:
    error = MlflowError("cannot log")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert "no space left" in str(explain(error, "sqlite:////a/mlflow.db"))


BUGS = [ValueError("x"), KeyError("x"), UserWarning("x"), OSError(errno.ENOENT, "no such")]


@pytest.mark.parametrize("bug", BUGS)
def test_bugs_stay_what_they_are(bug: Exception) -> None:
    assert explain(bug, URI) is bug


def test_a_server_that_is_away_is_told_within_ten_seconds() -> None:
    began = time.monotonic()
    tracker = MlflowTracker(f"http://ann:s3cret@127.0.0.1:{free_port()}")
    with pytest.raises(TrackingError, match=r"http://ann:\*\*\*@127.0.0.1:\d+: nothing answers there"):
        opened(tracker, StudyRecord("away"))
    tracker.close("FAILED")  # quiet: the failure was raised already
    assert time.monotonic() - began < 10.0


def test_a_server_that_accepts_and_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.mlflow_setup._PROBE_TIMEOUT_SECONDS", 0.2)  # 3 s in earnest
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracker = MlflowTracker(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TrackingError, match="nothing answers there"):
            opened(tracker, StudyRecord("silent"))


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    tracker = MlflowTracker(local_uri(tmp_path / "file"))
    with pytest.raises(TrackingError, match=r"file.*cannot be written"):
        opened(tracker, StudyRecord("nowhere"))


def test_a_file_that_is_no_database_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("dear diary, " * 1000)
    tracker = MlflowTracker(local_uri(tmp_path))
    with pytest.raises(TrackingError, match="is damaged; move it away"):
        opened(tracker, StudyRecord("diary"))
    assert (tmp_path / "mlflow.db").read_text().startswith("dear diary")


def test_a_full_disk_while_files_are_written_stops_the_record(local_home: Path) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "curves.png"))

    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    tracker.open_study(StudyRecord("full"))
    tracker.start_trial(TrialRecord(0, "t"))
    tracker.finish_trial(0, "FINISHED", {}, {}, full)
    with pytest.raises(TrackingError, match=r"curves.png: no space left"):
        tracker.flush(60.0)
    with pytest.raises(TrackingError, match="no space left"):
        tracker.check()
    with pytest.raises(TrackingError, match="no space left"):
        tracker.start_trial(TrialRecord(1, "t"))
    tracker.close("FAILED")


def test_a_bug_in_what_produces_files_keeps_its_traceback(local_home: Path) -> None:
    def buggy(folder: Path) -> None:
        raise ZeroDivisionError("in the pictures")

    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    tracker.open_study(StudyRecord("buggy"))
    tracker.log_study_files(buggy)
    with pytest.raises(ZeroDivisionError, match="in the pictures") as caught:
        tracker.close("FINISHED")
    assert any(entry.name == "buggy" for entry in caught.traceback)


def test_a_server_that_goes_away_in_mid_study_stops_the_record(local_home: Path) -> None:
    """An experiment that is deleted under the writer stands for any refusal in mid-study."""
    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts", batch_seconds=0.05)
    parent = opened(tracker, StudyRecord("deleted"))
    tracker.start_trial(TrialRecord(0, "t"))
    tracker.flush(60.0)
    api = client(local_uri(local_home))
    api.delete_experiment(api.get_run(parent).info.experiment_id)
    tracker.log_epoch(0, 1, {"loss": 1.0})
    with pytest.raises(TrackingError, match="MLflow refused the record"):
        tracker.flush(60.0)
    tracker.close("FAILED")
    # Opening the study again brings the experiment back, with what was in it.
    again = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    again.open_study(StudyRecord("deleted"))
    again.close("FINISHED")
    assert api.get_experiment_by_name("deleted").lifecycle_stage == "active"
