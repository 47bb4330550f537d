"""What is left of a study whose processes are killed in the middle? (Real processes, real stores.)"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from search.home import Home
from search.study.records import to_rows
from search.study.store import load_study

TRIALS = 14
# A study that lasts half a minute; raise the number of kills by hand to try it harder.
KILLS = int(os.environ.get("KERASWEEP_TEST_KILLS", "2"))
EXPERIMENT = """
study: killed
data: {source: sklearn:digits}
space: {layers: {int: [1, 2]}, units: {int: [8, 64], log: true}, batch_norm: false}
training: {epochs: 40, early_stopping: 0}
search: {trials: %d, workers: 2, seed: 5, pruner: none}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "killed.yaml"
    path.write_text(EXPERIMENT % TRIALS)
    return path


def start(experiment: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "search", "run", str(experiment), "--home", str(experiment.parent / "home")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}, cwd=Path.cwd()
    )


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        children = psutil.Process(process.pid).children()
        server = [child for child in children if "search.executors.fork_server" in " ".join(child.cmdline())]
        return [worker for one in server for worker in one.children()]
    except psutil.Error:
        return []


def await_epochs(home: Path, process: subprocess.Popen[str], more: int) -> None:
    """Wait until the study has so many more reports in its journal."""
    await_records(home, process, more, b'"op_code":7')


def await_records(home: Path, process: subprocess.Popen[str], more: int, kind: bytes) -> None:
    """Wait until the study has so many more records in its journal that have this in them."""
    journal = home / "studies/killed/journal.log"

    def found() -> int:
        return journal.read_bytes().count(kind) if journal.exists() else 0

    goal, deadline = found() + more, time.monotonic() + 120
    while found() < goal and process.poll() is None:
        assert time.monotonic() < deadline, "the study makes no progress"
        time.sleep(0.05)


def test_kill_9_loses_no_trial_and_leaves_none_running(experiment: Path) -> None:
    home, chance = experiment.parent / "home", random.Random(KILLS)
    for _ in range(KILLS):
        process = start(experiment)
        await_epochs(home, process, chance.randint(3, 40))
        if workers := workers_of(process):
            chance.choice(workers).kill()
        await_epochs(home, process, chance.randint(1, 30))
        workers = workers_of(process)
        process.kill()
        process.communicate()
        psutil.wait_procs(workers, timeout=30)
        assert not any(worker.is_running() for worker in workers), "workers outlive their coordinator"
    process = start(experiment)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output

    rows = to_rows(load_study(Home(home), "killed")[0].get_trials())
    assert [row.number for row in rows] == list(range(TRIALS))
    assert all(row.state in ("complete", "diverged") for row in rows), output
    statuses = run_statuses(home)
    assert sum(statuses.values()) == TRIALS + 1
    assert "RUNNING" not in statuses
    assert_models_are_made(home)


def assert_models_are_made(home: Path) -> None:
    """Quick trials leave weights alone; of those that are kept the end of the study makes models, whoever left them."""
    files = {path.name for path in (home / "studies/killed/models").iterdir()}
    assert files, "no model is kept"
    assert all(name.endswith(".keras") for name in files), files


def run_statuses(home: Path) -> Counter[str]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("killed")
    assert experiment is not None
    return Counter(run.info.status for run in client.search_runs([experiment.experiment_id]))


def test_ctrl_c_ends_cleanly_within_seconds_and_says_how_to_go_on(experiment: Path) -> None:
    home = experiment.parent / "home"
    process = start(experiment)
    await_records(home, process, 2, b'"state":1')  # trials that are complete, so that there are models to be made
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert time.monotonic() - asked < 15
    assert f"kerasweep run {experiment}" in output
    assert "Traceback" not in output
    assert "RUNNING" not in run_statuses(home)
    assert_models_are_made(home)


def test_a_second_ctrl_c_leaves_at_once(experiment: Path) -> None:
    process = start(experiment)
    await_epochs(experiment.parent / "home", process, 5)
    workers = workers_of(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert time.monotonic() - asked < 5
    psutil.wait_procs(workers, timeout=30)
    assert not any(worker.is_running() for worker in workers)
