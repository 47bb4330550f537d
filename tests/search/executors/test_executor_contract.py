"""Do all executors keep the contract of search.executors.protocol?"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.reduction import send_handle
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from search.executors import fork_server
from search.executors.inline import InlineExecutor
from search.executors.local import LocalExecutor
from search.executors.processes import ForkServer, Start
from search.executors.protocol import Executor
from search.executors.simulated import SimulatedExecutor
from search.messages import (
    Decision,
    EpochReport,
    Event,
    JobLost,
    ModelJob,
    ModelResult,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerReady,
    WorkerSetup,
)
from spaces import DataSpec, parse_space, resolve
from spaces.suggesters import Sampled

CONFIG = resolve(
    parse_space({"layers": 1, "units": {"choice": [4]}, "batch_norm": False, "optimizer": "adam"}).suggest(Sampled(1))
)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    folder = tmp_path_factory.mktemp("arrays")
    rng = np.random.default_rng(0)
    for part, samples in (("train", 40), ("validation", 20), ("test", 20)):
        x = rng.normal(size=(samples, 3)).astype(np.float32)
        np.save(folder / f"x_{part}.npy", x)
        np.save(folder / f"y_{part}.npy", (x[:, :1] > 0).astype(np.float32))
    np.save(folder / "x_sample.npy", x[:2])
    return WorkerSetup(folder, DataSpec.single((3,), 1, "binary"), ("accuracy",), "val_accuracy", "maximize", None, 1)


def simulated() -> SimulatedExecutor:
    return SimulatedExecutor(lambda config, seed, epoch: epoch / 100)


def local() -> LocalExecutor:
    return LocalExecutor(1, jobs_per_worker=100, memory_bytes=8 * 10**9)


@pytest.fixture(scope="module", params=[InlineExecutor, local, simulated])
def executor(request: pytest.FixtureRequest, setup: WorkerSetup) -> Iterator[Executor]:
    made: Executor = request.param()
    made.open()
    made.start(setup)
    yield made
    made.close()
    made.close()


def job(number: int, **changes: object) -> TrialJob:
    return replace(TrialJob(number, CONFIG, seed=1, epochs=3, early_stopping=0), **changes)  # type: ignore[arg-type]


def play(
    executor: Executor, number: int, decide: Callable[[EpochReport], Decision] = lambda report: Decision()
) -> list[Event]:
    """Answer the reports of a job until it has ended; all its events."""
    seen: list[Event] = []
    deadline = time.monotonic() + 120
    while not any(isinstance(event, TrialResult | ModelResult | ScoreResult | JobLost | WorkerBug) for event in seen):
        assert time.monotonic() < deadline, f"no end after {seen}"
        for event in executor.events(0.2):
            if isinstance(event, WorkerReady):
                continue
            assert event.number == number
            seen.append(event)
            if isinstance(event, EpochReport):
                executor.answer(number, decide(event))
    return seen


def test_a_job_reports_each_epoch_and_ends_with_one_result(executor: Executor) -> None:
    executor.submit(job(1))
    seen = play(executor, 1)
    assert [event.epoch for event in seen if isinstance(event, EpochReport)] == [1, 2, 3]
    assert isinstance(seen[-1], TrialResult)
    assert (seen[-1].outcome, seen[-1].epochs) == ("completed", 3)
    assert executor.events(0.0) == []


def test_a_job_waits_for_its_decision(executor: Executor) -> None:
    executor.submit(job(2))
    first: list[Event] = []
    while not first:
        first = [event for event in executor.events(0.2) if not isinstance(event, WorkerReady)]
    assert executor.events(0.3) == []
    executor.answer(2, Decision(stop=True))
    assert isinstance(result := play(executor, 2)[-1], TrialResult)
    assert (result.outcome, result.epochs) == ("stopped", 1)


def test_a_job_that_nobody_judges_trains_on_and_heeds_a_stop_when_it_comes(setup: WorkerSetup) -> None:
    made = local()
    made.start(setup)
    try:
        made.submit(job(7, judged="nothing"))
        seen: list[Event] = []
        while not any(isinstance(event, TrialResult) for event in seen):
            seen += made.events(0.2)
        for _ in range(3):
            made.answer(7, Decision())
        *_, result = seen
        assert isinstance(result, TrialResult)
        assert (result.outcome, result.epochs) == ("completed", 3)
        # Answers that came late are not taken for those of the next job.
        made.submit(job(8, epochs=10_000, judged="nothing"))
        result = play(made, 8, lambda report: Decision(stop=report.epoch == 2))[-1]
        assert isinstance(result, TrialResult)
        assert result.outcome == "stopped"
        assert 2 <= result.epochs < 10_000
        made.submit(job(9))
        result = play(made, 9, lambda report: Decision(stop=report.epoch == 2))[-1]
        assert isinstance(result, TrialResult)
        assert (result.outcome, result.epochs) == ("stopped", 2)
    finally:
        made.close()


def test_reports_of_quick_epochs_that_nobody_judges_come_together_and_complete(setup: WorkerSetup) -> None:
    made = local()
    made.start(setup)
    try:
        made.submit(job(7, epochs=300, judged="nothing"))
        epochs: list[int] = []
        most = 0
        while True:
            events = made.events(0.2)
            reports = [event for event in events if isinstance(event, EpochReport)]
            most = max(most, len(reports))
            epochs += [report.epoch for report in reports]
            for _ in reports:
                made.answer(7, Decision())
            if any(isinstance(event, TrialResult) for event in events):
                break
        assert epochs == list(range(1, 301))
        assert most > 1
    finally:
        made.close()


def test_a_cancelled_job_is_lost_with_its_reason_and_the_next_one_runs(executor: Executor) -> None:
    executor.submit(job(3, epochs=10_000))
    while not any(isinstance(event, EpochReport) for event in executor.events(0.2)):
        pass
    executor.cancel(3, "over time")
    lost = play(executor, 3)[-1]
    assert isinstance(lost, JobLost)
    assert lost.reason == "over time"
    executor.submit(job(4))
    assert isinstance(play(executor, 4)[-1], TrialResult)


@pytest.mark.parametrize("make", [InlineExecutor, local, simulated])
def test_a_job_can_be_cancelled_before_it_has_begun(make: Callable[[], Executor], setup: WorkerSetup) -> None:
    made = make()
    made.start(setup)
    try:
        made.submit(job(6))
        made.cancel(6, "changed my mind")
        lost = made.events(1.0)
        assert lost == [JobLost(6, "changed my mind")]
    finally:
        made.close()


def test_an_answer_or_a_cancel_for_a_job_that_is_over_is_nothing(executor: Executor) -> None:
    executor.answer(999, Decision(stop=True))
    executor.cancel(999, "too late")
    assert executor.events(0.0) == []


def test_a_saved_model_can_be_scored(executor: Executor, tmp_path: Path) -> None:
    executor.submit(job(5, save_to=tmp_path / "m.keras"))
    result = play(executor, 5)[-1]
    assert isinstance(result, TrialResult)
    assert result.model == tmp_path / "m.keras"
    executor.submit(ScoreJob(5, tmp_path / "m.keras"))
    scored = play(executor, 5)[-1]
    assert isinstance(scored, ScoreResult)
    assert 0 <= scored.metrics["accuracy"] <= 1
    assert scored.outputs


def test_weights_that_a_quick_trial_left_become_its_model(setup: WorkerSetup, tmp_path: Path) -> None:
    made = InlineExecutor()
    made.start(setup)
    trial = job(5, save_to=tmp_path / "at-once.keras")
    made.submit(trial)
    play(made, 5)
    made.submit(replace(trial, save_to=tmp_path / "m.keras", weights_to=tmp_path / "m.npz"))
    result = play(made, 5)[-1]
    assert isinstance(result, TrialResult)
    assert result.model == tmp_path / "m.npz"
    assert not (tmp_path / "m.keras").exists()
    made.submit(ModelJob(5, trial.config, trial.seed, tmp_path / "m.npz", tmp_path / "m.keras"))
    assert play(made, 5) == [ModelResult(5, tmp_path / "m.keras")]
    at_once, later = (keras.saving.load_model(tmp_path / name) for name in ("at-once.keras", "m.keras"))
    assert [layer.get_config() for layer in later.layers] == [layer.get_config() for layer in at_once.layers]
    for left, right in zip(later.get_weights(), at_once.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("make", [InlineExecutor, local])
def test_a_bug_comes_back_with_its_traceback(make: Callable[[], Executor], setup: WorkerSetup, tmp_path: Path) -> None:
    made = make()
    made.start(setup)
    try:
        made.submit(ScoreJob(1, tmp_path / "no-such-model.keras"))
        bug = play(made, 1)[-1]
        assert isinstance(bug, WorkerBug)
        assert "no-such-model.keras" in bug.traceback
        assert "Traceback" in bug.traceback
    finally:
        made.close()


# -- worker processes alone -----------------------------------------------------------------------------------------


def test_a_worker_is_replaced_when_it_is_killed_grows_or_has_done_enough(
    setup: WorkerSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    made = LocalExecutor(1, jobs_per_worker=2, memory_bytes=8 * 10**9)
    made.start(setup)
    try:
        (first,) = made.pids
        made.submit(job(1, epochs=10_000))
        while not any(isinstance(event, EpochReport) for event in made.events(0.2)):
            pass
        os.kill(first, 9)
        lost = play(made, 1)[-1]
        assert isinstance(lost, JobLost)
        assert "SIGKILL" in lost.reason
        (second,) = made.pids
        assert second != first
        for number in (2, 3):
            assert made.pids == (second,)
            made.submit(job(number))
            assert isinstance(play(made, number)[-1], TrialResult)
        assert made.pids != (second,), "two jobs are enough for this worker"
        made._memory_bytes = 1
        made.submit(job(4))
        too_large = play(made, 4)[-1]
        assert isinstance(too_large, JobLost)
        assert "over twice its worker_memory" in too_large.reason
        assert not too_large.may_retry
        left = made.pids
    finally:
        made.close()
    assert not any(psutil.pid_exists(pid) for pid in left)
    assert not list(scratch.iterdir()), "a worker's temporary files go with it"


def test_workers_share_one_import_and_outlive_neither_their_server_nor_the_executor(setup: WorkerSetup) -> None:
    made = LocalExecutor(2, jobs_per_worker=1, memory_bytes=8 * 10**9)
    made.start(setup)
    try:
        first = made.pids
        (server,) = {psutil.Process(pid).ppid() for pid in first}
        made.submit(job(1))
        assert isinstance(play(made, 1)[-1], TrialResult)
        (fresh,) = set(made.pids) - set(first)
        assert psutil.Process(fresh).ppid() == server
        made.submit(job(2, epochs=100_000))
        while not any(isinstance(event, EpochReport) for event in made.events(0.2)):
            pass
        workers = [psutil.Process(pid) for pid in made.pids]
        os.kill(server, 9)
        lost = play(made, 2)[-1]
        assert isinstance(lost, JobLost)
        assert lost.may_retry
        assert "SIGKILL" in lost.reason
        psutil.wait_procs(workers, timeout=10)
        assert not any(worker.is_running() for worker in workers)
        made.submit(job(3))
        assert isinstance(play(made, 3)[-1], TrialResult), "there is a new server, with new workers"
        left = [psutil.Process(pid) for pid in made.pids]
        left += [psutil.Process(pid) for pid in {worker.ppid() for worker in left}]
    finally:
        made.close()
    assert not any(process.is_running() for process in left)


def test_an_executor_that_is_closed_while_it_imports_does_not_wait(setup: WorkerSetup) -> None:
    made = LocalExecutor(2, jobs_per_worker=1, memory_bytes=8 * 10**9)
    made.start(setup)
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 1, "the import takes longer"
    assert made.pids == ()


def test_a_worker_that_may_not_be_forked_is_started_by_command(setup: WorkerSetup, tmp_path: Path) -> None:
    ours, theirs = Pipe()
    to_server, requests = Pipe()
    with (tmp_path / "log").open("wb") as log:
        for handle in (theirs.fileno(), log.fileno()):
            send_handle(to_server, handle, os.getpid())
        pid = fork_server._start(Start(str(tmp_path), time.perf_counter()), requests, imported=False)
    theirs.close()
    try:
        ours.send(setup)
        assert ours.poll(60), (tmp_path / "log").read_text()
        (ready,) = ours.recv()
        assert isinstance(ready, WorkerReady)
        assert "tensorflow" in ready.versions
        assert "search.executors.worker" in psutil.Process(pid).cmdline()
    finally:
        for line in (ours, to_server, requests):
            line.close()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "it ends with its line"


def test_workers_that_cannot_start_end_the_study_with_their_last_words(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('no tensorflow here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = LocalExecutor(1, jobs_per_worker=2, memory_bytes=8 * 10**9)
    made.start(setup)
    try:
        made.submit(job(1))
        bug = play(made, 1)[-1]
        assert isinstance(bug, WorkerBug)
        assert "3 worker processes in a row ended while starting" in bug.traceback
        assert "no tensorflow here" in bug.traceback
    finally:
        made.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another process's environment")
@pytest.mark.parametrize("own", [None, "3"])
def test_no_worker_starts_threads_for_products(own: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", own)
    before = set(psutil.Process().children())
    server = ForkServer()
    try:
        [process] = set(psutil.Process().children()) - before
        assert process.environ()["OPENBLAS_NUM_THREADS"] == (own or "1")
    finally:
        server.close()
