"""Does a study say truly where its time went?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.messages import TrialResult
from search.stopwatch import Stopwatch
from search.study.profile import OF_WORKERS, Profiler


def test_time_goes_to_the_innermost_kind() -> None:
    watch = Stopwatch()
    with watch.time("train"):
        time.sleep(0.02)
        with watch.time("trace"):
            time.sleep(0.04)
        time.sleep(0.02)
    with watch.time("train"):
        time.sleep(0.02)
    assert watch.seconds["trace"] == pytest.approx(0.04, abs=0.03)
    assert 0.055 < watch.seconds["train"] < 0.13


def test_what_workers_did_adds_up_to_their_time() -> None:
    profiler = Profiler()
    profiler.worker_ready(0.01)
    spent = {"build": 0.002, "train": 0.004}
    profiler.trial_ended(TrialResult(0, "completed", 0.5, 1, 1, 0.01, 7, spent=spent))
    assert profiler.profile(2, None) is None, "the search is not over"
    time.sleep(0.03)
    profiler.search_ended()
    profile = profiler.profile(2, 1.5)
    assert profile is not None
    assert tuple(profile.of_workers) == OF_WORKERS
    assert sum(profile.of_workers.values()) == pytest.approx(2 * profile.search_seconds)
    assert profile.of_workers["wait"] == pytest.approx(0.004)
    assert profile.tracking == 1.5


def test_a_study_shows_its_profile(tmp_path: Path) -> None:
    asked = ["run", "--data", "sklearn:iris", "--trials", "2", "--epochs", "2", "--executor", "inline", "--profile"]
    done = CliRunner().invoke(app, [*asked, "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    table = done.output[done.output.index("where the time went: 1 worker for") :]
    for kind in (*OF_WORKERS, "data", "storage", "final", "tracking"):
        assert f" {kind} " in table
    again = CliRunner().invoke(app, [*asked, "--home", str(tmp_path)])
    assert "where the time went" not in again.output, "nothing was trained"
