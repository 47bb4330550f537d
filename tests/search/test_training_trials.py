"""Does a trial report, stop, end and save as it should? (Real, tiny Keras models, in this process.)"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import config, parts

from search.data.dataset import Part
from search.messages import Decision, EpochReport, ScoreJob, TrialJob, TrialResult, WorkerSetup
from search.training import trial
from search.training.compiled import to_device
from search.training.threads import limit_threads
from search.training.trial import run_trial, score
from search.training.worker_data import WorkerData
from spaces import DataSpec


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


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


def test_an_epoch_on_some_of_the_rows_is_that_many_steps(arrays: Path) -> None:
    whole, _ = play(run_trial(job(epochs=2), setup(arrays), WorkerData(arrays)))
    some, result = play(run_trial(job(epochs=2, rows=16), setup(arrays), WorkerData(arrays)))
    every, _ = play(run_trial(job(epochs=2, rows=10_000), setup(arrays), WorkerData(arrays)))
    assert [report.metrics for report in every] == [report.metrics for report in whole]
    assert [report.metrics for report in some] != [report.metrics for report in whole]
    assert some[0].metrics["accuracy"] * 16 == pytest.approx(round(some[0].metrics["accuracy"] * 16))
    assert result.epochs == 2


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
    assert (two["val_r2"], two["val_loss"]) == pytest.approx((one["val_r2"], one["val_loss"]), rel=1e-12)


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


def test_mapped_arrays_are_trained_on_where_they_are(arrays: Path) -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU, to which they are copied")
    mapped = WorkerData(arrays).train.x
    assert isinstance(mapped, np.ndarray)
    [tensor] = to_device([mapped])
    first = float(mapped[0, 0])
    mapped[0, 0] = first + 1  # of this process alone: the file stays as it is
    assert float(tensor[0, 0]) == pytest.approx(first + 1)
    assert float(np.asarray(WorkerData(arrays).train.x)[0, 0]) == first
    own = np.zeros((4, 2), np.float32)
    [copied] = to_device([own])
    own += 1
    assert float(tf.reduce_sum(copied)) == 0


@pytest.mark.parametrize("writer", ["write_whole", "save_model"])
def test_a_full_disk_costs_a_trial_its_file_alone(
    writer: str, arrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(trial, writer, full)
    weights = tmp_path / "m.npz" if writer == "write_whole" else None
    _, result = play(
        run_trial(job(save_to=tmp_path / "m.keras", weights_to=weights), setup(arrays), WorkerData(arrays))
    )
    assert (result.outcome, result.model) == ("completed", None)


def test_a_trial_that_took_long_saves_its_model_at_once(
    arrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_QUICK_SECONDS", 0.0)
    to = {"save_to": tmp_path / "m.keras", "weights_to": tmp_path / "m.npz"}
    _, result = play(run_trial(job(**to), setup(arrays), WorkerData(arrays)))
    assert result.model == tmp_path / "m.keras"
    assert result.model.exists()
    assert not (tmp_path / "m.npz").exists()
