"""Is everything about a study in MLflow, as MLflow's own client and server see it? (A real server process.)"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_wine

from tracking import serving

TRIALS = 6
EXPERIMENT = """
study: wine
data: {source: wine.csv, target: cultivar}
space: {layers: {int: [1, 2]}, units: {int: [8, 32], log: true}, batch_norm: false}
start_with: [{layers: 1, units: [16], activation: relu, optimizer: adam, learning_rate: 0.01, dropout: 0}]
training: {epochs: 12, batch_size: 16}
search: {trials: %d, workers: 2, seed: 1}
tracking: {keep_models: 2}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    wine = load_wine(as_frame=True)
    frame = wine.data.assign(cultivar=[f"grape {label}" for label in wine.target])
    frame.to_csv(folder / "wine.csv", index=False)
    (folder / "wine.yaml").write_text(EXPERIMENT % TRIALS)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with serving(folder / "server", port=free_port()) as (url, _):
        yield url


@pytest.fixture(scope="module")
def study(folder: Path, server: str) -> dict[str, Any]:
    """A finished study, its parent run and its trials' runs."""
    from mlflow import MlflowClient

    done = subprocess.run(
        [sys.executable, "-m", "search", "run", "wine.yaml", "--tracking-uri", server, "--home", "home"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("wine")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    trials = {int(run.data.tags["kerasweep.trial"]): run for run in runs if run is not parent}
    return {"client": client, "parent": parent, "trials": trials, "output": done.stdout}


def names(client: Any, run: Any, folder: str | None = None) -> set[str]:
    return {str(item.path) for item in client.list_artifacts(run.info.run_id, folder)}


def test_there_is_one_parent_and_a_child_for_every_trial(study: dict[str, Any]) -> None:
    parent, trials = study["parent"], study["trials"]
    assert parent.info.status == "FINISHED"
    assert sorted(trials) == list(range(TRIALS))
    assert {run.data.tags["mlflow.parentRunId"] for run in trials.values()} == {parent.info.run_id}


def test_states_are_exact(study: dict[str, Any], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "search", "trials", "wine", "--json", "--home", "home"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {"complete": "FINISHED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}
    for trial in json.loads(done.stdout):
        run = study["trials"][trial["trial"]]
        assert run.info.status == expected[trial["state"]]
        assert run.data.tags["kerasweep.state"] == trial["state"]
        assert run.data.tags.get("kerasweep.reason", "") == trial["reason"]
        assert run.data.metrics["epochs"] == trial["epochs"]


def test_a_trial_has_its_params_tags_data_and_every_epoch(study: dict[str, Any]) -> None:
    run = study["trials"][0]
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    assert (params["layers"], params["units_1"], params["optimizer"]) == ("1", "16", "adam")
    assert {"seed", "batch_size", "dropout", "learning_rate"} <= set(params)
    wanted = ("study", "trial", "space", "data", "config", "code")
    assert {f"kerasweep.{name}" for name in wanted} <= set(tags)
    assert tags["version.tensorflow"]
    assert {"best_value", "best_epoch", "seconds", "parameters"} <= set(metrics)
    history = study["client"].get_metric_history(run.info.run_id, "val_accuracy")
    assert [metric.step for metric in history] == list(range(1, int(metrics["epochs"]) + 1))
    assert max(metric.value for metric in history) == metrics["best_value"]
    assert run.inputs.dataset_inputs[0].dataset.digest == tags["kerasweep.data"]


def test_files_lie_where_one_looks_for_them(study: dict[str, Any]) -> None:
    client = study["client"]
    for run in study["trials"].values():
        assert {"config.yaml", "history.csv", "learning_curves.png"} <= names(client, run)
    assert {
        "experiment.yaml",
        "leaderboard.csv",
        "optimization_history.html",
        "param_importances.html",
        "parallel_coordinates.html",
        "slices.html",
    } <= names(client, study["parent"])


def test_model_files_are_those_of_the_best_few_only(study: dict[str, Any]) -> None:
    complete = [run for run in study["trials"].values() if run.info.status == "FINISHED"]
    complete.sort(key=lambda run: (-run.data.metrics["best_value"], int(run.data.tags["kerasweep.trial"])))
    holding = {run.info.run_id for run in study["trials"].values() if names(study["client"], run, "model")}
    assert holding == {run.info.run_id for run in complete[:2]}


def test_the_best_model_predicts_raw_rows(study: dict[str, Any], server: str, folder: Path) -> None:
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(server)
    try:
        model = mlflow.pyfunc.load_model(study["parent"].data.tags["kerasweep.model_uri"])
    finally:
        mlflow.set_tracking_uri(None)
    frame = pd.read_csv(folder / "wine.csv")
    predicted = model.predict(frame.drop(columns="cultivar"))
    assert (predicted["prediction"] == frame["cultivar"]).mean() > 0.8
    assert model.metadata.signature is not None
    assert model.metadata.saved_input_example_info is not None


def test_the_best_model_serves_json(study: dict[str, Any], server: str, folder: Path) -> None:
    import pandas as pd

    port = free_port()
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        study["parent"].data.tags["kerasweep.model_uri"],
    ]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    row = pd.read_csv(folder / "wine.csv").drop(columns="cultivar").head(1)
    body = json.dumps({"dataframe_split": row.to_dict(orient="split")}).encode()
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": server,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            answer = ask(f"http://127.0.0.1:{port}/invocations", body, process)
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)
    assert answer["predictions"][0]["prediction"].startswith("grape ")


def ask(url: str, body: bytes, process: subprocess.Popen[bytes]) -> Any:
    """Ask until the server answers."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, "the model server ended"
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "the model server does not answer"
            time.sleep(0.5)
