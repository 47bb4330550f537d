"""Does a trial train on JAX and on PyTorch as it does on TensorFlow? (Each in a process of its own.)"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

# Trains one trial with a schedule, averaged weights, a second phase, clipping and class weights, in two rounds, and
# scores its model. It begins at zero weights, so that the backends, which draw different ones, have the same to say.
PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
from search.training.threads import backend_versions, limit_threads
limit_threads(1)
from search.messages import Decision, EpochReport, ScoreJob, TrialJob, WorkerSetup
from search.training.trial import run_trial, score
from search.training.worker_data import WorkerData
from spaces import DataSpec, parse_space, resolve
from spaces.suggesters import Sampled
folder = Path(sys.argv[1])
space = {
    "optimizer": "adam", "learning_rate": 0.1, "schedule": "cosine", "span_epochs": 4, "ema_momentum": 0.5,
    "second_optimizer": "sgd", "second_from": 4, "second_learning_rate": 0.1, "second_momentum": 0.9,
    "clipnorm": 1.0, "kernel_initializer": "zeros", "l2": 0.001, "loss": "focal", "batch_size": 16,
}
config = resolve(parse_space(space, family="linear", epochs=4).suggest(Sampled(0)), family="linear")
spec, metrics = DataSpec.single((5,), 1, "binary"), ("accuracy", "auc", "f1", "f1_score")
setup = WorkerSetup(folder, spec, metrics, "val_f1", "maximize", None, 1)
setup = replace(setup, rounds=2, class_weight="balanced", threshold="f1")
job = TrialJob(1, config, 7, 4, 0, save_to=folder / "model.keras")
data, reports = WorkerData(folder), []
running = run_trial(job, setup, data)
try:
    report = next(running)
    while True:
        if isinstance(report, EpochReport):
            reports.append(dict(report.metrics))
        report = running.send(Decision())
except StopIteration as end:
    result = end.value
metrics = score(ScoreJob(1, result.model, config, result.threshold), setup, data).metrics
backend = next(iter(backend_versions()))
print(json.dumps([backend, result.outcome, reports, dict(metrics)]))
"""


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("arrays"), np.random.default_rng(0)
    for name, samples in (("train", 60), ("validation", 23), ("test", 20), ("sample", 3)):
        x = rng.normal(size=(samples, 5)).astype(np.float32)
        np.save(folder / f"x_{name}.npy", x)
        np.save(folder / f"y_{name}.npy", (x[:, :1] + 0.5 * x[:, 1:2] > 0.3).astype(np.float32))
    return folder


def trained_on(backend: str, arrays: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(arrays)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def on_tensorflow(arrays: Path) -> Any:
    return trained_on("tensorflow", arrays)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_trains_through_fit_and_reports_the_same(
    backend: str, arrays: Path, request: pytest.FixtureRequest
) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    on_tensorflow = request.getfixturevalue("on_tensorflow")
    _, _, expected, expected_scores = on_tensorflow
    name, outcome, reports, scores = trained_on(backend, arrays)
    assert (name, outcome) == (backend, "completed")
    assert len(reports) == len(expected) == 8  # two rounds of four epochs
    for ours, theirs in zip(reports, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert scores == pytest.approx(expected_scores, abs=1e-4)
    assert reports[3]["val_loss"] < reports[0]["val_loss"]
