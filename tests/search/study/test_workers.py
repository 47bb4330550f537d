"""How many processes train side by side, on how many threads, and do later runs of a study keep to it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_study_run import curve, run

from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.messages import WorkerSetup
from search.study import workers
from spaces import DataSpec

WIDE = {"layers": 1, "units": {"choice": [64, 1500]}}


@pytest.mark.parametrize(
    ("model", "search", "others", "threads"),
    [
        ("cnn", {"workers": 1}, {}, 6),
        ("cnn", {"workers": 2}, {}, 3),
        ("cnn", {"workers": 4}, {}, 1),
        ("own.py:build", {"workers": 12}, {}, 1),
        ("own.py:build", {"workers": 12, "trials": 3}, {}, 2),
        ("own.py:build", {"executor": "inline"}, {}, 1),
        ("mlp", {"workers": 1}, {}, 1),
        ("mlp", {"workers": 3}, {"training": {"threads": 5}}, 5),
        ("mlp", {"workers": 2}, {"space": WIDE, "training": {"batch_size": 256}}, 3),
        ("mlp", {"executor": "inline"}, {"space": WIDE, "training": {"batch_size": 256}}, 1),
        ("mlp", {"workers": 2}, {"space": {**WIDE, "layer_norm": [True, False]}, "training": {"batch_size": 256}}, 1),
    ],
)
def test_workers_share_the_processor(
    model: str, search: dict[str, Any], others: dict[str, Any], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_cores", lambda: 6)
    content = {"study": "digits", "data": {"source": "sklearn:digits"}, "model": model, "search": search, **others}
    experiment = parse_experiment(content, "here")
    spec = DataSpec.single((64,), 10, "multiclass")
    assert workers.thread_count(experiment, experiment.build_space(), spec) == threads


def test_another_backend_knows_no_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_cores", lambda: 6)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    content = {
        "study": "digits",
        "data": {"source": "sklearn:digits"},
        "model": "mlp",
        "search": {"workers": 1},
        "space": WIDE,
        "training": {"batch_size": 256},
    }
    experiment = parse_experiment(content, "here")
    spec = DataSpec.single((64,), 10, "multiclass")
    assert workers.thread_count(experiment, experiment.build_space(), spec) == 1


def test_a_study_goes_on_with_the_threads_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(workers, "_OF_SMALL_LAYERS", frozenset())

    class Noting(SimulatedExecutor):
        def start(self, setup: WorkerSetup) -> None:
            told.append(setup.threads)
            super().start(setup)

    for cores, trials in ((4, 1), (8, 2)):
        monkeypatch.setattr(workers, "_cores", lambda cores=cores: cores)
        run(tmp_path, executor=Noting(curve), search={"trials": trials, "workers": 1})
    run(tmp_path, executor=Noting(curve), search={"trials": 3, "workers": 1}, training={"epochs": 9, "threads": 3})
    assert told == [4, 4, 3]
