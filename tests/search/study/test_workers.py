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


@pytest.mark.parametrize(
    ("model", "search", "training", "threads"),
    [
        ("cnn", {"workers": 1}, {}, 6),
        ("cnn", {"workers": 2}, {}, 3),
        ("cnn", {"workers": 4}, {}, 1),
        ("own.py:build", {"workers": 12}, {}, 1),
        ("own.py:build", {"workers": 12, "trials": 3}, {}, 2),
        ("own.py:build", {"executor": "inline"}, {}, 1),
        ("mlp", {"workers": 1}, {}, 1),
        ("mlp", {"workers": 3}, {"threads": 5}, 5),
    ],
)
def test_workers_share_the_processor(
    model: str, search: dict[str, Any], training: dict[str, Any], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_cores", lambda: 6)
    data = {"source": "sklearn:digits"}
    content = {"study": "digits", "data": data, "model": model, "search": search, "training": training}
    assert workers.thread_count(parse_experiment(content, "here")) == threads


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
