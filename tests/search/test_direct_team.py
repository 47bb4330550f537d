"""Do several processes that train one dense network come to what one comes to, and does none outlive its training?"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from test_direct_training import assert_alike, setup_of, trained
from tiny_training import config, parts

from search.executors.inline import InlineExecutor
from search.executors.local import LocalExecutor
from search.messages import Decision, EpochReport, JobLost, TrialJob, TrialResult, WorkerBug, WorkerSetup
from search.training.direct import layers, scope
from search.training.direct.loop import DirectLoop
from search.training.direct.scope import team_size
from search.training.direct.team import MemberLost, Team
from search.training.loops import epoch_order
from search.training.threads import limit_threads
from spaces import DataSpec, ModelConfig
from spaces.model_config import HiddenLayer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a team is forked on Linux only")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


_before: set[psutil.Process] = set()  # what other modules' fixtures keep: servers, for one


def members_of(process: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes that were begun here during this test, or by this other one."""
    return [child for child in (process or psutil.Process()).children() if child not in _before]


@pytest.fixture(autouse=True)
def none_is_left() -> Iterator[None]:
    _before.clear()
    _before.update(psutil.Process().children())
    yield
    deadline = time.monotonic() + 5
    while members_of() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not members_of(), "a member outlived its team"


@pytest.fixture
def shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a network is."""
    monkeypatch.setattr(scope, "_LEAST_PRODUCTS", 1)
    monkeypatch.setattr(scope, "_LEAST_SAMPLES", 1)


def trained_by(members: int, model_config: ModelConfig, task: str, epochs: int = 3) -> tuple[list[float], list[Any]]:
    """As ``trained``, by a team."""
    spec, train, validation = parts(task)
    setup = setup_of(spec, threads=members)
    model = DirectLoop.new_model(model_config, setup, seed=5)
    training = DirectLoop(model, model_config, train, validation, setup, epochs=epochs)
    losses = []
    for epoch in range(1, epochs + 1):
        losses += [training.train(epoch_order(3, epoch, len(train)))["loss"], training.validate()["loss"]]
    assert len(members_of()) == members - 1
    training.release()
    return losses, training.weights()


def mixed(**changes: Any) -> ModelConfig:
    """Layers of unlike widths: with and without normalisation and dropout."""
    layers = [
        HiddenLayer(units=9, activation="tanh", batch_norm=True, dropout=0.2),
        HiddenLayer(units=6, activation="relu", batch_norm=False, dropout=0.3),
        HiddenLayer(units=4, activation="elu", batch_norm=True, dropout=0.0),
    ]
    return config(**changes).model_copy(update={"hidden": tuple(layers)})


@pytest.mark.usefixtures("shared_out")
@pytest.mark.parametrize("members", [2, 3])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_team_comes_to_what_one_process_comes_to(task: str, members: int) -> None:
    # Sixty samples in batches of 14, the last of four.
    model_config = mixed(batch_size=14, input_dropout=0.1, l1=1e-4, l2=1e-3)
    assert_alike(trained_by(members, model_config, task), trained(DirectLoop, model_config, task, epochs=3))


@pytest.mark.usefixtures("shared_out")
def test_a_team_adds_a_bias_apart_as_one_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    model_config = config(batch_size=14, l1=1e-4)
    expected = trained(DirectLoop, model_config, "binary", epochs=3)
    monkeypatch.setattr(layers, "_MOST_COPIED", 0)
    assert_alike(trained_by(2, model_config, "binary"), expected)


@pytest.mark.usefixtures("shared_out")
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw"])
def test_each_member_updates_its_share(optimizer: str) -> None:
    model_config = mixed(batch_size=20, optimizer=optimizer, **({"weight_decay": 0.1} if optimizer == "adamw" else {}))
    assert_alike(trained_by(2, model_config, "binary"), trained(DirectLoop, model_config, "binary", epochs=3))


@pytest.mark.usefixtures("shared_out")
def test_a_last_batch_may_have_nothing_for_some() -> None:
    model_config = mixed(batch_size=59)  # and one sample for the second step
    with np.errstate(all="raise"):
        assert_alike(trained_by(3, model_config, "binary"), trained(DirectLoop, model_config, "binary", epochs=3))


@pytest.mark.parametrize("members", range(1, 8))
def test_shares_are_all_of_it_and_grow_with_it(members: int) -> None:
    team, before = Team(members, {}), [0] * members
    for count in range(200):
        shares = [team.share(count, member) for member in range(members)]
        assert [number for share in shares for number in range(share.start, share.stop)] == list(range(count))
        sizes = [share.stop - share.start for share in shares]
        assert max(sizes) - min(sizes) <= 1
        assert all(now >= then for now, then in zip(sizes, before, strict=True)), "a short batch's part fits its place"
        before = sizes


@pytest.mark.usefixtures("shared_out")
def test_the_same_team_gives_the_same_numbers_again() -> None:
    one, two = (trained_by(2, mixed(batch_size=16), "multiclass") for _ in range(2))
    assert one[0] == two[0]
    for left, right in zip(one[1], two[1], strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.usefixtures("shared_out")
def test_a_loop_begins_anew_on_other_data() -> None:
    spec, train, validation = parts("binary")
    setup, model_config = setup_of(spec, threads=2), mixed(batch_size=16)
    other = replace(train, x=train.x[::-1].copy(), y=train.y[::-1].copy())
    fresh = DirectLoop(DirectLoop.new_model(model_config, setup, seed=8), model_config, other, None, setup, epochs=2)
    used = DirectLoop(DirectLoop.new_model(model_config, setup, seed=5), model_config, train, None, setup, epochs=2)
    used.train(epoch_order(3, 1, len(train)))
    used.restart(DirectLoop.new_model(model_config, setup, seed=8))
    used.set_data(other, validation)
    for one in (fresh, used):
        one.train(epoch_order(3, 1, len(train)))
        one.release()
    for left, right in zip(fresh.weights(), used.weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_small_networks_are_not_shared_out() -> None:
    spec = DataSpec.single((784,), 10, "multiclass")
    wide = config(layers=1, units={"choice": [200]}, batch_size=128)
    assert team_size(wide, spec, 2) == 2
    assert team_size(wide, spec, 16) == 4, "each has 32 samples at the least"
    assert team_size(wide.model_copy(update={"batch_size": 16}), spec, 2) == 1
    assert team_size(config(batch_size=512), spec, 2) == 1
    narrow = config(layers=1, units={"choice": [40]}, batch_size=128)
    assert team_size(narrow, spec, 2) == 1
    wider = config(layers=1, units={"choice": [50]}, batch_size=128)
    assert team_size(wider, spec, 4) == 2, "each has enough to do"


@pytest.mark.parametrize("held", ["busy", "idle"])
def test_a_member_that_is_killed_is_missed(held: str) -> None:
    def meet_later() -> None:
        if team.index == 1 and held == "busy":
            time.sleep(60)

    team = Team(2, {"wait": meet_later, "nothing": lambda: None})
    team.run("nothing")
    (member,) = members_of()
    if held == "busy":
        subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {member.pid}"], start_new_session=True).wait()
    else:
        member.kill()
        while member.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    with pytest.raises(MemberLost, match="a process that trained with this one was killed by signal 9"):
        team.run("wait")
    team.close()


def test_what_a_member_does_wrong_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        if team.index == 1:
            raise ZeroDivisionError("on purpose")

    team = Team(2, {"fail": fail})
    with pytest.raises(MemberLost, match="ended with exit code 1"):
        team.run("fail")
    team.close()
    assert "ZeroDivisionError: on purpose" in capfd.readouterr().err


def test_members_end_with_the_process_that_began_them() -> None:
    """Killed while they wait for it in the midst of a step."""
    program = (
        "import os, time\nfrom search.training.direct.team import Team\n"
        "def work():\n  if team.index == 0: print(team._others[0].pid, flush=True); time.sleep(60)\n"
        "team = Team(2, {'work': work})\nteam.run('work')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as began:
        assert began.stdout is not None
        member = psutil.Process(int(began.stdout.readline()))
        began.send_signal(signal.SIGKILL)
        began.wait()
        psutil.wait_procs([member], timeout=10)
    assert not member.is_running()


def test_a_training_that_is_broken_off_leaves_no_member_behind() -> None:
    def broken() -> None:
        if team.index == 0:
            raise KeyboardInterrupt

    team = Team(3, {"broken": broken})
    with pytest.raises(KeyboardInterrupt):
        team.run("broken")  # the others wait for this one
    team.close()


def job_and_setup(folder: Path) -> tuple[TrialJob, WorkerSetup]:
    """A wide network on made-up rows, for a team of two."""
    rng = np.random.default_rng(0)
    for part, rows in (("train", 512), ("validation", 64)):
        np.save(folder / f"x_{part}.npy", rng.normal(size=(rows, 400)).astype(np.float32))
        np.save(folder / f"y_{part}.npy", rng.integers(0, 2, (rows, 1)).astype(np.float32))
    wide = config(layers=1, units={"choice": [120]}, batch_size=256)
    spec = DataSpec.single((400,), 1, "binary")
    setup = WorkerSetup(folder, spec, ("accuracy",), "val_loss", "minimize", None, threads=2)
    return TrialJob(0, wide, seed=1, epochs=200, early_stopping=0), setup


@pytest.mark.filterwarnings("ignore:TensorFlow already runs in this process")  # which the team does not use
@pytest.mark.parametrize("kind", [InlineExecutor, LocalExecutor])
def test_a_trial_whose_member_is_killed_is_lost_and_may_be_trained_again(kind: Any, tmp_path: Path) -> None:
    job, setup = job_and_setup(tmp_path)
    executor = kind() if kind is InlineExecutor else kind(1, jobs_per_worker=100, memory_bytes=10**10)
    try:
        executor.start(setup)
        executor.submit(job)
        until(executor, EpochReport)
        worker = psutil.Process() if kind is InlineExecutor else psutil.Process(executor.pids[0])
        (member,) = members_of(worker)
        member.kill()
        lost = until(executor, JobLost)
        assert lost == JobLost(0, "a process that trained with this one was killed by signal 9")
        executor.submit(replace(job, epochs=3, attempt=2))
        assert until(executor, TrialResult).outcome == "completed"
    finally:
        executor.close()


def until(executor: Any, kind: type[Any]) -> Any:
    """The next event of this kind; reports before it are answered."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for event in executor.events(0.2):
            assert not isinstance(event, WorkerBug), event
            if isinstance(event, kind):
                if isinstance(event, EpochReport):
                    executor.answer(event.number, Decision())
                return event
            if isinstance(event, EpochReport):
                executor.answer(event.number, Decision())
    raise AssertionError(f"no {kind.__name__} came")
