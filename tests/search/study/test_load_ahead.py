"""What the end of a study takes is loaded while workers are not there yet, and not while they wait for answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.messages import Event
from search.study import coordinator
from search.study.recorder import Snapshot
from search.study.run import run_study
from tracking import MemoryTracker


class SlowToStart(SimulatedExecutor):
    """Says nothing when it is listened to for the first time."""

    silent = True

    def events(self, timeout_seconds: float) -> list[Event]:
        if self.silent:
            self.silent = False
            return []
        return super().events(timeout_seconds)


@pytest.mark.parametrize(("kind", "times"), [(SlowToStart, 1), (SimulatedExecutor, 0)])
def test_only_silent_workers_leave_time_to_load(
    kind: type[SimulatedExecutor], times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[None] = []
    monkeypatch.setattr(coordinator, "load_ahead", lambda: loaded.append(None))
    content = {"study": "iris", "data": {"source": "sklearn:iris"}, "search": {"trials": 3}}
    run_study(
        parse_experiment(content, "iris.yaml"),
        home=Home(tmp_path),
        tracker=MemoryTracker(),
        executor=kind(lambda config, seed, epoch: 0.5),
    )
    assert len(loaded) == times


def test_importances_that_are_settled_are_those_that_would_be_drawn() -> None:
    import optuna.importance  # noqa: F401 - where it is loaded they are computed at once

    computed: list[None] = []

    def importances() -> Any:
        computed.append(None)
        return {"units": 0.75, "dropout": 0.25}

    settled = Snapshot([], importances, {}).settled()
    assert len(computed) == 1
    assert settled.importances() == {"units": 0.75, "dropout": 0.25}
    assert len(computed) == 1
