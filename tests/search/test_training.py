"""Does a trial train as Keras does, and end as it should? (Real, tiny Keras models, in this process.)"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.data.dataset import Part
from search.messages import Decision, EpochReport, ScoreJob, TrialJob, TrialResult, WorkerSetup
from search.training.loops import CompiledLoop, FitLoop, epoch_order, make_loop
from search.training.threads import limit_threads
from search.training.trial import WorkerData, run_trial, score
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.builders import build
from spaces.suggesters import Sampled

BASE: dict[str, Any] = {
    "layers": 2,
    "units": {"choice": [7], "shared": True},
    "activation": "tanh",
    "batch_norm": False,
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 16,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1},
    "penalties": {"l1": 1e-3, "l2": 1e-2},
    "sgd with momentum": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "centered rmsprop": {"optimizer": "rmsprop", "centered": True},
    "weight decay": {"optimizer": "adamw", "weight_decay": 0.01},
    "one batch": {"batch_size": 500},
    "batches of one": {"batch_size": 1},
    "even batches": {"batch_size": 15},
}


def config(**changes: Any) -> ModelConfig:
    return resolve(parse_space({**BASE, **changes}).suggest(Sampled(0)))


def parts(task: str, samples: int = 60) -> tuple[DataSpec, Part, Part]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples + 23, 5)).astype(np.float32)
    if task == "binary":
        spec, y = DataSpec.single((5,), 1, "binary"), (x[:, :1] > 0).astype(np.float32)
    elif task == "multiclass":
        spec, y = DataSpec.single((5,), 3, "multiclass"), np.argmax(x[:, :3], axis=1).astype(np.int32)
    else:
        spec, y = DataSpec.single((5,), 1, "regression"), (x @ np.arange(5, dtype=np.float32))[:, None]
    return spec, Part(x[:samples], y[:samples]), Part(x[samples:], y[samples:])


METRICS = {"binary": ("accuracy", "auc"), "multiclass": ("accuracy",), "regression": ("mae", "rmse", "r2")}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_compiled_loop_is_fit_on_the_same_batches(variant: str, task: Any) -> None:
    if variant != "plain" and task != "binary" and "batch" not in variant:
        pytest.skip("the task changes the loss only, which 'plain' and the batch variants cover")
    spec, train, validation = parts(task)
    model_config, metrics = config(**VARIANTS[variant]), METRICS[task]
    ours = build(model_config, spec, metrics, seed=3)
    loop = CompiledLoop(ours, train, validation, model_config.batch_size)
    theirs = build(model_config, spec, metrics, seed=3)
    for epoch in range(1, 4):
        order = epoch_order(3, epoch, len(train))
        reported = loop.train(order) | {f"val_{k}": v for k, v in loop.validate().items()}
        history = theirs.fit(
            train.x[order],
            train.y[order],
            batch_size=model_config.batch_size,
            shuffle=False,
            validation_data=(validation.x, validation.y),
            verbose=0,
        ).history
        assert set(reported) == set(history)
        for name, values in history.items():
            assert reported[name] == pytest.approx(values[0], abs=1e-6, rel=1e-6), name
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("variant", ["plain", "dropout", "batch norm"])
def test_data_too_large_to_hold_trains_to_the_same_weights(variant: str) -> None:
    spec, train, validation = parts("binary")
    model_config = config(**VARIANTS[variant])
    models = [build(model_config, spec, ("accuracy",), seed=1) for _ in range(1)]
    small = make_loop(models[0], train, validation, 16, in_memory_bytes=10**9)
    results = [[small.train(epoch_order(1, e, len(train))) | small.validate() for e in (1, 2)]]
    other = build(model_config, spec, ("accuracy",), seed=1)
    large = make_loop(other, train, validation, 16, in_memory_bytes=10)
    assert isinstance(small, CompiledLoop)
    assert isinstance(large, FitLoop)
    results.append([large.train(epoch_order(1, e, len(train))) | large.validate() for e in (1, 2)])
    for one, two in zip(*results, strict=True):
        assert one == pytest.approx(two, abs=1e-6)
    for left, right in zip(models[0].get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


def test_an_order_is_a_permutation_that_depends_on_seed_and_epoch_alone() -> None:
    order = epoch_order(7, 2, 50)
    assert sorted(order) == list(range(50))
    assert (order == epoch_order(7, 2, 50)).all()
    assert not (order == epoch_order(7, 3, 50)).all()
    assert not (order == epoch_order(8, 2, 50)).all()


# -- trials ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    _, train, validation = parts("binary")
    save(tmp_path, train=train, validation=validation, test=validation)
    return tmp_path


def save(folder: Path, **of: Part) -> None:
    for name, part in of.items():
        np.save(folder / f"x_{name}.npy", part.x)
        np.save(folder / f"y_{name}.npy", part.y)
    np.save(folder / "x_sample.npy", of["train"].x[:3])


def setup(arrays: Path, **changes: Any) -> WorkerSetup:
    base = WorkerSetup(arrays, DataSpec.single((5,), 1, "binary"), ("accuracy",), "val_accuracy", "maximize", None, 1)
    return replace(base, **changes)


def job(**changes: Any) -> TrialJob:
    base = TrialJob(number=4, config=config(), seed=11, epochs=6, early_stopping=0)
    return replace(base, **changes)


def play(
    running: Generator[EpochReport, Decision, TrialResult], stop_at: int | None = None
) -> tuple[list[EpochReport], TrialResult]:
    reports = []
    try:
        report = next(running)
        while True:
            reports.append(report)
            report = running.send(Decision(stop=report.epoch == stop_at))
    except StopIteration as end:
        return reports, end.value


def test_a_trial_reports_every_epoch_and_is_worth_its_best(arrays: Path) -> None:
    reports, result = play(run_trial(job(), setup(arrays), WorkerData(arrays)))
    assert [report.epoch for report in reports] == [1, 2, 3, 4, 5, 6]
    assert set(reports[0].metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    values = [report.metrics["val_accuracy"] for report in reports]
    assert (result.value, result.best_epoch) == (max(values), values.index(max(values)) + 1)
    assert (result.outcome, result.epochs, result.parameters) == ("completed", 6, 5 * 7 + 7 + 7 * 7 + 7 + 7 + 1)


def test_the_same_job_gives_the_same_numbers_to_the_last_digit(arrays: Path) -> None:
    again = [play(run_trial(job(), setup(arrays), WorkerData(arrays)))[0] for _ in range(2)]
    assert [r.metrics for r in again[0]] == [r.metrics for r in again[1]]


def test_the_saved_model_has_the_best_epochs_weights(arrays: Path, tmp_path: Path) -> None:
    import keras

    target = tmp_path / "models" / "best.keras"
    # A rate at which accuracy goes up and down, so that the best epoch is not the last one.
    wild = job(config=config(learning_rate=0.3), epochs=12, save_to=target)
    reports, result = play(run_trial(wild, setup(arrays), WorkerData(arrays)))
    assert result.model == target
    assert result.best_epoch is not None
    assert result.best_epoch < 12
    _, _, validation = parts("binary")
    predicted = keras.saving.load_model(target, compile=False).predict(validation.x, verbose=0) > 0.5
    assert float((predicted == validation.y).mean()) == pytest.approx(
        reports[result.best_epoch - 1].metrics["val_accuracy"]
    )
    assert [path.name for path in target.parent.iterdir()] == ["best.keras"]


def test_a_trial_that_does_not_get_better_stops_early(arrays: Path) -> None:
    stuck = job(config=config(learning_rate=1e-12), epochs=50, early_stopping=3)
    _, result = play(run_trial(stuck, setup(arrays), WorkerData(arrays)))
    assert (result.outcome, result.best_epoch, result.epochs) == ("completed", 1, 4)


def test_a_decision_to_stop_is_obeyed_and_nothing_is_saved(arrays: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.keras"
    reports, result = play(run_trial(job(save_to=target), setup(arrays), WorkerData(arrays)), stop_at=2)
    assert (result.outcome, result.epochs, len(reports)) == ("stopped", 2, 2)
    assert not target.exists()


def test_only_a_model_that_beats_the_kept_ones_is_saved(arrays: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.keras"
    for bar, saved in ((2.0, False), (0.0, True)):
        _, result = play(run_trial(job(save_to=target, save_if_better_than=bar), setup(arrays), WorkerData(arrays)))
        assert target.exists() is saved
        assert (result.model is not None) is saved


def test_a_loss_that_is_not_finite_ends_the_trial_at_once(tmp_path: Path) -> None:
    spec, train, validation = parts("regression")
    save(tmp_path, train=Part(train.x * np.float32(1e18), train.y), validation=validation)
    bad = setup(tmp_path, spec=spec, metrics=("mae",), objective="val_mae", direction="minimize", target_std=2.0)
    exploding = job(config=config(optimizer="sgd", activation="linear", learning_rate=10.0))
    reports, result = play(run_trial(exploding, bad, WorkerData(tmp_path)))
    assert result.outcome == "diverged"
    assert result.reason.startswith(f"diverged at epoch {len(reports) + 1} (")
    assert len(reports) < 6


def test_memory_that_runs_out_is_a_failed_trial_with_its_remedy(arrays: Path) -> None:
    # 900,000 x 900,000 weights: 3 TB, refused at once.
    huge = job(config=config(units={"choice": [900_000], "shared": True}))
    _, result = play(run_trial(huge, setup(arrays), WorkerData(arrays)))
    assert result.outcome == "failed"
    assert "out of memory; search smaller layers" in result.reason


def test_a_regression_reports_in_the_targets_own_units(tmp_path: Path) -> None:
    spec, train, validation = parts("regression")
    save(tmp_path, train=train, validation=validation)
    plain = setup(tmp_path, spec=spec, metrics=("mae", "mse", "r2"), objective="val_mae", direction="minimize")
    one, two = (
        play(run_trial(job(epochs=1), replace(plain, target_std=std), WorkerData(tmp_path)))[0][0].metrics
        for std in (1.0, 10.0)
    )
    assert two["val_mae"] == pytest.approx(10 * one["val_mae"])
    assert two["val_mse"] == pytest.approx(100 * one["val_mse"])
    assert (two["val_r2"], two["val_loss"]) == (one["val_r2"], one["val_loss"])


def test_training_on_everything_but_the_test_part_validates_nothing(arrays: Path, tmp_path: Path) -> None:
    full = job(full=True, epochs=2, save_to=tmp_path / "full.keras")
    reports, result = play(run_trial(full, setup(arrays), WorkerData(arrays)))
    assert set(reports[0].metrics) == {"loss", "accuracy"}
    assert (result.outcome, result.value, result.model) == ("completed", None, tmp_path / "full.keras")


def test_a_score_is_the_models_on_the_test_part(arrays: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.keras"
    reports, result = play(run_trial(job(save_to=target), setup(arrays), WorkerData(arrays)))
    scored = score(ScoreJob(4, target), setup(arrays), WorkerData(arrays))
    # The test part of this fixture is its validation part.
    assert scored.metrics["accuracy"] == pytest.approx(result.value)
    assert scored.metrics["loss"] == pytest.approx(reports[(result.best_epoch or 0) - 1].metrics["val_loss"], rel=1e-5)
    assert len(scored.outputs) == 3
    assert all(0 <= value <= 1 and math.isfinite(value) for (value,) in scored.outputs)
