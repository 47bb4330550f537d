"""Does a trial in an earlier one's graph give the numbers that it would give in its own? (Real, tiny Keras models.)"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.messages import Decision, EpochReport, Report, TrialJob, TrialResult, WorkerSetup
from search.training import lean
from search.training.direct import scope
from search.training.kept import KeptLoops
from search.training.numbers import structure_of
from search.training.threads import limit_threads
from search.training.trial import run_trial
from search.training.worker_data import WorkerData
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.model_config import ScheduleConfig
from spaces.suggesters import Sampled

BASE: dict[str, Any] = {
    "layers": 1, "units": 6, "activation": "tanh", "batch_norm": True, "dropout": 0.2, "input_dropout": 0.1,
    "l1": 1e-4, "l2": 1e-3, "batch_size": 8, "optimizer": "sgd", "momentum": 0.5, "learning_rate": 0.02,
}  # fmt: skip
ROUNDS = 2

# What the second trial has otherwise than the first.
NUMBERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "rates, penalties, momentum": (
        {"nesterov": True},
        {"nesterov": True, "momentum": 0.9, "learning_rate": 0.1, "dropout": 0.4, "l1": 1e-3, "l2": 1e-2},
    ),
    "decay, clipped, in other batches": (
        {"optimizer": "adamw", "beta_1": 0.8, "weight_decay": 0.1, "global_clipnorm": 0.5},
        {"optimizer": "adamw", "beta_1": 0.95, "weight_decay": 0.01, "global_clipnorm": 0.1, "batch_size": 16},
    ),
    "averages, each gradient clipped": (
        {"ema_momentum": 0.5, "clipnorm": 0.5},
        {"ema_momentum": 0.9, "clipnorm": 0.01},
    ),
    "a schedule, what a class counts": (
        {"schedule": "exponential", "decay_rate": 0.5, "decay_epochs": 2, "positive_weight": 2.0},
        {"schedule": "cosine", "positive_weight": 5.0},
    ),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("arrays"), np.random.default_rng(0)
    x = rng.normal(size=(83, 5)).astype(np.float32)
    y = (x[:, :1] + 0.5 * rng.normal(size=(83, 1)) > 0).astype(np.float32)
    for name, rows in {"train": slice(0, 60), "validation": slice(60, 83)}.items():
        np.save(folder / f"x_{name}.npy", x[rows])
        np.save(folder / f"y_{name}.npy", y[rows])
    return folder


def config(**changes: Any) -> ModelConfig:
    base = {**BASE, **changes}
    if base["optimizer"] != "sgd":
        del base["momentum"]
    return resolve(parse_space(base).suggest(Sampled(0)))


def job(model: ModelConfig, **changes: Any) -> TrialJob:
    return replace(TrialJob(number=4, config=model, seed=11, epochs=3, early_stopping=0), **changes)


def setup(arrays: Path, **changes: Any) -> WorkerSetup:
    spec = DataSpec.single((5,), 1, "binary")
    # So small a model needs no graph, but on two threads where no team can be.
    return replace(WorkerSetup(arrays, spec, ("accuracy",), "val_loss", "minimize", None, 2), **changes)


def play(running: Generator[Report, Any, TrialResult]) -> tuple[list[dict[str, float]], TrialResult]:
    reports = []
    try:
        report = next(running)
        while True:
            if isinstance(report, EpochReport):
                reports.append(dict(report.metrics))
            report = running.send(Decision())
    except StopIteration as end:
        return reports, end.value


@pytest.fixture(autouse=True)
def no_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "CAN_FORK", False)


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A graph of training for each time that one was made."""
    made, trace = [], lean.trace_epoch

    def count(*given: Any, **named: Any) -> Any:
        made.append(trace(*given, **named))
        return made[-1]

    monkeypatch.setattr(lean, "trace_epoch", count)
    return made


def test_a_config_for_numpy_does_not_train_in_the_graph_that_a_larger_batch_left(
    arrays: Path, traced: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, kept, on_one = WorkerData(arrays), KeptLoops(), setup(arrays, threads=1)
    large, small = config(batch_size=16), config(batch_size=8)
    monkeypatch.setattr(scope, "_MOST_PRODUCTS_IN_ALL", 0)
    monkeypatch.setattr(scope, "_MOST_PRODUCTS", 10 * scope.count_weights(small, on_one.spec))
    assert structure_of(large) == structure_of(small)
    first = play(run_trial(job(large), on_one, data, kept))
    graphs = len(traced)
    assert graphs
    among = play(run_trial(job(small), on_one, data, kept))
    again = play(run_trial(job(large), on_one, data, kept))
    assert len(traced) == graphs
    assert again[0] == first[0]
    assert among[0] == play(run_trial(job(small), on_one, data))[0]


@pytest.mark.parametrize("name", NUMBERS)
def test_other_numbers_train_in_the_same_graph_to_the_same_result(
    name: str, arrays: Path, tmp_path: Path, traced: list[Any]
) -> None:
    import keras

    first, second = (config(**changes) for changes in NUMBERS[name])
    data, kept, given = WorkerData(arrays), KeptLoops(), setup(arrays)
    before, _ = play(run_trial(job(first), given, data, kept))
    reports, _ = play(run_trial(job(second, save_to=tmp_path / "in_kept.keras"), given, data, kept))
    assert len(traced) == 1, "the second trial was traced anew"
    alone, _ = play(run_trial(job(second, save_to=tmp_path / "alone.keras"), given, data))
    assert reports == alone != before
    one, two = (keras.saving.load_model(tmp_path / f"{name}.keras", compile=False) for name in ("in_kept", "alone"))
    for left, right in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert one.get_config()["layers"] == two.get_config()["layers"], "the file has the other trial's numbers"
    back, _ = play(run_trial(job(first), given, data, kept))
    assert back == before


def test_a_trial_that_diverged_leaves_nothing_to_the_next_one(arrays: Path, traced: list[Any]) -> None:
    wild = config(optimizer="rmsprop", learning_rate=1e30, l2=1e9, batch_norm=False)
    tame = config(optimizer="rmsprop", learning_rate=0.01, batch_norm=False)
    kept = KeptLoops()
    diverged = play(run_trial(job(wild), setup(arrays), WorkerData(arrays), kept))[1]
    assert diverged.outcome == "diverged"
    after, result = play(run_trial(job(tame), setup(arrays), WorkerData(arrays), kept))
    assert len(traced) == 1
    assert result.outcome == "completed"
    assert after == play(run_trial(job(tame), setup(arrays), WorkerData(arrays), KeptLoops()))[0]


def test_repeats_and_pruned_trials_share_a_graph_too(arrays: Path, traced: list[Any]) -> None:
    data, kept, given = WorkerData(arrays), KeptLoops(), setup(arrays, rounds=ROUNDS)
    stopped = run_trial(job(config()), given, data, kept)
    next(stopped)
    with pytest.raises(StopIteration):
        stopped.send(Decision(stop=True))
    reports, _ = play(run_trial(job(config(dropout=0.5)), given, data, kept))
    assert len(traced) == 1
    assert reports == play(run_trial(job(config(dropout=0.5)), given, data))[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"units": 7}, {"layers": 2}, {"activation": "relu"}, {"dropout": 0.0}, {"l2": 0.0}, {"batch_norm": False},
        {"optimizer": "rmsprop"}, {"momentum": 0.0}, {"ema_momentum": 0.9}, {"loss": "focal"}, {"schedule": "cosine"},
        {"kernel_initializer": "he_normal"}, {"positive_weight": 2.0}, {"max_norm": 1.0},
    ],
)  # fmt: skip
def test_another_structure_has_another_graph(changes: dict[str, Any]) -> None:
    assert structure_of(config()) != structure_of(config(**changes))


def test_an_optimizer_that_derives_settings_from_its_numbers_keeps_them() -> None:
    one, two = (config(optimizer="muon", weight_decay=decay) for decay in (0.1, 0.01))
    assert structure_of(one) != structure_of(two)
    assert structure_of(one) == structure_of(config(optimizer="muon", weight_decay=0.1, learning_rate=0.5))


def test_two_phases_and_models_of_ones_own_are_not_shared() -> None:
    plain = config()
    assert structure_of(config(second_optimizer="adam", second_from=2)) is None
    scheduled = plain.optimizer.model_copy(update={"schedule": ScheduleConfig(name="cosine")})
    assert structure_of(plain.model_copy(update={"optimizer": scheduled})) is not None


def test_what_is_kept_is_bounded(arrays: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.training.kept._MOST_LOOPS", 2)
    data, kept, given = WorkerData(arrays), KeptLoops(), setup(arrays)
    configs = [config(units=units) for units in (2, 3, 4)]
    for one in configs:
        running = run_trial(job(one, epochs=1), given, data, kept)
        next(running)
        running.close()
    assert [structure_of(one) in kept for one in configs] == [False, True, True]
    assert not any(loop._train_arrays for loop in kept._loops.values()), "a kept graph holds a copy of the data"


@pytest.mark.parametrize(
    ("changes", "in_memory_bytes"),
    [({}, None), ({"precision": "mixed_float16", "second_optimizer": "adam", "second_from": 2}, None), ({}, 0)],
    ids=["lean", "by Keras's step, two phases", "through fit"],
)
def test_nothing_of_a_graph_outlives_its_trial(
    changes: dict[str, Any], in_memory_bytes: int | None, arrays: Path
) -> None:
    given, before = setup(arrays, in_memory_bytes=in_memory_bytes), graphs()
    play(run_trial(job(config(**changes), epochs=2), given, WorkerData(arrays)))
    assert graphs().keys() <= before.keys()


def graphs() -> dict[int, Any]:
    """The graphs that this process holds, those of loops among them, by identity."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return {id(one): one for one in gc.get_objects() if isinstance(one, FuncGraph)}


def test_tensorflow_does_not_hold_what_it_made_ready_for_trials_gone_by(
    arrays: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.training.kept._TRACED_BETWEEN", 4)
    monkeypatch.setattr("search.training.kept._MOST_LOOPS", 1)
    data, kept, given, held = WorkerData(arrays), KeptLoops(), setup(arrays), []
    for units in range(2, 10):
        plain = config(units=units, batch_norm=False, dropout=0.0, input_dropout=0.0)
        play(run_trial(job(plain, epochs=1), given, data, kept))
        gc.collect()
        held.append(allocated())
    # Each trial adds 0.8 MB, until every fourth has it forgotten: 3.3 MB in between if it had not.
    assert held[7] - held[3] < 1_500_000, f"MB: {[round(one / 1e6, 1) for one in held]}"


def allocated() -> int:
    """Bytes of this process that C's allocator has given out and not got back."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        pytest.skip("this C library does not tell what it has given out")
    libc.mallinfo2.restype = _Given
    return int(libc.mallinfo2().uordblks)


class _Given(ctypes.Structure):
    """``struct mallinfo2``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip
