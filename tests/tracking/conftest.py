"""Which places to keep a record do the tests share?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from record_places import Place, answers, free_port, memory_place, mlflow_place

from tracking import local_uri
from tracking.mlflow_setup import ENVIRONMENT


@pytest.fixture(scope="session")
def tracking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `mlflow server` that stores and serves everything itself."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'remote.db'}"]
    command += ["--artifacts-destination", str(folder / "files")]
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = monotonic() + 120
        while not answers(url):
            assert server.poll() is None, (folder / "log").read_text()
            assert monotonic() < deadline, (folder / "log").read_text()
            sleep(0.2)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="session")
def local_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One local home for the session: setting one up takes seconds."""
    return tmp_path_factory.mktemp("a home") / "mlruns"


@pytest.fixture(params=["memory", "sqlite", "http"])
def place(request: pytest.FixtureRequest) -> Place:
    """Every place a record can be kept."""
    if request.param == "memory":
        return memory_place()
    if request.param == "sqlite":
        home: Path = request.getfixturevalue("local_home")
        return mlflow_place("sqlite", local_uri(home), home / "artifacts")
    return mlflow_place("http", request.getfixturevalue("tracking_server"), None)
