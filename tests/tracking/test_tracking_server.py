"""Are MLflow's pages served, found, refused and stopped as promised?"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from record_places import answers, client, free_port

from tracking import MlflowTracker, StudyRecord, TrackingError, experiment_id, local_uri, serving, study_link
from tracking.server import server_command, terminated_by_exception

ROOT = Path(__file__).resolve().parents[2]


def write_board(folder: Path) -> None:
    (folder / "board.csv").write_text("1,2")


@pytest.fixture(scope="module")
def study_home(local_home: Path) -> Path:
    tracker = MlflowTracker(local_uri(local_home), local_home / "artifacts")
    tracker.open_study(StudyRecord("shown study"))
    tracker.log_study_files(write_board)
    tracker.close("FINISHED")
    return local_home


def test_a_study_is_served_at_its_link(study_home: Path) -> None:
    port = free_port()
    with serving(study_home, port=port) as (url, child):
        assert url == f"http://127.0.0.1:{port}"
        number = experiment_id(url, "shown study")
        assert number is not None
        assert number == experiment_id(local_uri(study_home), "shown study")
        table = f"{url}/#/experiments/{number}/runs?workflowType=machine_learning"
        assert study_link(url, "shown study") == table
        assert study_link(local_uri(study_home), "shown study", url) == table
        pictures = f"{url}/#/experiments/{number}/runs/abc/artifacts/study.html?workflowType=machine_learning"
        assert study_link(url, "shown study", run_id="abc") == pictures
        assert experiment_id(url, "no such") is None
        with pytest.raises(TrackingError, match=r"holds no study named 'no such'"):
            study_link(url, "no such")
        [parent] = client(url).search_runs([number])  # as the pages ask, over HTTP
        assert parent.info.status == "FINISHED"
        page = f"{url}/get-artifact?path=board.csv&run_uuid={parent.info.run_id}"
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert answer.read() == b"1,2"
        assert child.poll() is None
    assert child.poll() is not None
    assert not answers(url)


def test_serve_stops_its_child_at_ctrl_c(study_home: Path) -> None:
    port = free_port()
    code = f"""
from pathlib import Path
from tracking import serve
serve(Path({str(study_home)!r}), port={port}, announce=lambda url: print(url, flush=True))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, "")
    assert not answers(f"http://127.0.0.1:{port}")


def test_a_request_to_end_is_heard_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_by_exception():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def refuse(home: Path, complaint: str, host: str = "127.0.0.1", port: int = 5000) -> None:
    with pytest.raises(TrackingError, match=complaint), serving(home, host, port):
        raise AssertionError("served all the same")


def test_a_port_in_use_is_named_with_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        refuse(tmp_path / "home", rf"--port {port}: cannot listen .*choose another, e.g. --port", port=port)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_the_network_is_served_only_when_named(host: str, tmp_path: Path) -> None:
    refuse(tmp_path / "home", "--allowed-host", host=host)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_are_none_are_refused(port: int, tmp_path: Path) -> None:
    refuse(tmp_path / "home", "must be from 1 to 65535", port=port)


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "Traceback\nsqlite3.DatabaseError: file is not a database\n(Background: http://x)"
    command = [sys.executable, "-c", f"import sys; sys.exit({words!r})"]
    monkeypatch.setattr("tracking.server.server_command", lambda *_: command)
    refuse(tmp_path, "did not start: sqlite3.DatabaseError: file is not a database", port=free_port())


def test_allowed_hosts_are_passed_on(tmp_path: Path) -> None:
    command = server_command(tmp_path, "0.0.0.0", 5000, ["a.example", "b.example"])
    assert command[-2:] == ["--allowed-hosts", "a.example,b.example"]
    assert "--allowed-hosts" not in server_command(tmp_path, "127.0.0.1", 5000)


def test_looking_for_a_study_makes_no_file(tmp_path: Path) -> None:
    uri = local_uri(tmp_path / "home")
    assert experiment_id(uri, "x") is None
    with pytest.raises(TrackingError, match=r"mlflow.db: holds no study named 'x'"):
        study_link(uri, "x")
    assert list(tmp_path.iterdir()) == []


def test_looking_into_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("dear diary, " * 1000)
    with pytest.raises(TrackingError, match=r"mlflow.db: cannot be read"):
        experiment_id(local_uri(tmp_path), "x")


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    began = time.monotonic()
    with pytest.raises(TrackingError, match=r"http://ann:\*\*\*@127.0.0.1:\d+: no MLflow server answers"):
        study_link(f"http://ann:s3cret@127.0.0.1:{free_port()}", "x")
    assert time.monotonic() - began < 10
