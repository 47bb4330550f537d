"""Is each round of a trial the training that it would be by itself? (Real, tiny Keras models, in this process.)"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import search.training.lean as lean
from search.data.dataset import Part
from search.messages import Decision, EpochReport, Report, RoundReport, TrialJob, TrialResult, WorkerSetup
from search.training.seeds import round_seed
from search.training.threads import limit_threads
from search.training.trial import run_trial
from search.training.worker_data import WorkerData
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.suggesters import Sampled

ROUNDS = 3
VARIANTS: dict[str, dict[str, Any]] = {
    "adam, dropout, batch norm": {"dropout": 0.3, "batch_norm": True},
    "momentum, through fit": {"optimizer": "sgd", "momentum": 0.9},
    "a batch of all": {"batch_size": 500},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def config(**changes: Any) -> ModelConfig:
    base = {"layers": 1, "units": 6, "batch_norm": False, "dropout": 0.0, "optimizer": "adam", "batch_size": 8}
    return resolve(parse_space({**base, "activation": "tanh", "learning_rate": 0.02, **changes}).suggest(Sampled(0)))


def save(folder: Path, **parts: Part) -> None:
    folder.mkdir(exist_ok=True)
    for name, part in parts.items():
        np.save(folder / f"x_{name}.npy", np.asarray(part.x))
        np.save(folder / f"y_{name}.npy", part.y)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folds of 60 rows, one of them a row shorter than the others; the pool beside them."""
    folder = tmp_path_factory.mktemp("arrays")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(59, 4)).astype(np.float32)
    y = (x[:, :1] + 0.3 * rng.normal(size=(59, 1)) > 0).astype(np.float32)
    save(folder, train=Part(x, y))
    for number in range(1, ROUNDS + 1):
        judges = np.arange(59) % ROUNDS == number - 1
        train, validation = Part(x[~judges], y[~judges]), Part(x[judges], y[judges])
        save(folder / f"round_{number}", train=train, validation=validation)
    return folder


def setup(arrays: Path, **changes: Any) -> WorkerSetup:
    spec = DataSpec.single((4,), 1, "binary")
    base = WorkerSetup(arrays, spec, ("accuracy",), "val_accuracy", "maximize", None, 1, ROUNDS, resampled=True)
    return replace(base, **changes)


def job(**changes: Any) -> TrialJob:
    return replace(TrialJob(number=4, config=config(), seed=11, epochs=5, early_stopping=3), **changes)


def play(
    running: Generator[Report, Any, TrialResult], stop_after_round: int | None = None
) -> tuple[list[Report], TrialResult]:
    reports: list[Report] = []
    try:
        report = next(running)
        while True:
            reports.append(report)
            stop = isinstance(report, RoundReport) and report.round == stop_after_round
            report = running.send(Decision(stop=stop))
    except StopIteration as end:
        return reports, end.value


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_round_is_the_training_that_it_would_be_alone(arrays: Path, variant: str) -> None:
    through_fit = variant == "momentum, through fit"
    together = setup(arrays, in_memory_bytes=10 if through_fit else None)
    what = job(config=config(**VARIANTS[variant]), epochs=2 if through_fit else 5)
    reports, result = play(run_trial(what, together, WorkerData(arrays)))
    for number in range(1, ROUNDS + 1):
        alone = replace(together, rounds=1, resampled=False, arrays=arrays / f"round_{number}")
        single = replace(what, seed=round_seed(what.seed, number))
        expected, ended = play(run_trial(single, alone, WorkerData(alone.arrays)))
        own = [r for r in reports if isinstance(r, EpochReport) and r.round == number]
        assert [r.metrics for r in own] == [r.metrics for r in expected if isinstance(r, EpochReport)]
        assert result.values[number - 1] == ended.value
    assert result.value == pytest.approx(sum(result.values) / ROUNDS)
    assert result.epochs == sum(isinstance(report, EpochReport) for report in reports)
    best = sorted(report.best_epoch for report in reports if isinstance(report, RoundReport))
    assert result.best_epoch == best[1]


def test_one_traced_graph_serves_all_folds(arrays: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    functions: list[Any] = []
    for name in ("trace_epoch", "trace_scoring"):
        trace = getattr(lean, name)

        def keep(*given: Any, trace: Any = trace, **named: Any) -> Any:
            functions.append(trace(*given, **named))
            return functions[-1]

        monkeypatch.setattr(lean, name, keep)
    # So small a model needs no graph, but on two threads where no team can be.
    monkeypatch.setattr("search.training.direct.scope.CAN_FORK", False)
    play(run_trial(job(), setup(arrays, threads=2), WorkerData(arrays)))
    assert len(functions) == 2, "each is traced when it is made"


def test_repeats_train_on_the_same_rows_from_other_weights(arrays: Path) -> None:
    repeated = setup(arrays / "round_1", resampled=False)
    reports, result = play(run_trial(job(), repeated, WorkerData(repeated.arrays)))
    first = [report.metrics["loss"] for report in reports if isinstance(report, EpochReport) and report.epoch == 1]
    assert len(set(first)) == len(result.values) == ROUNDS


def test_a_trial_stopped_between_rounds_keeps_what_it_has(arrays: Path) -> None:
    reports, result = play(run_trial(job(), setup(arrays), WorkerData(arrays)), stop_after_round=2)
    assert (result.outcome, len(result.values)) == ("stopped", 2)
    assert sum(isinstance(report, RoundReport) for report in reports) == 2


def test_nothing_is_left_to_stop_after_the_last_round(arrays: Path) -> None:
    _, result = play(run_trial(job(), setup(arrays), WorkerData(arrays)), stop_after_round=ROUNDS)
    assert result.outcome == "completed"


def test_the_full_training_takes_the_pool_once(arrays: Path, tmp_path: Path) -> None:
    full = job(full=True, epochs=2, save_to=tmp_path / "full.keras")
    reports, result = play(run_trial(full, setup(arrays), WorkerData(arrays)))
    assert len(reports) == 2
    assert (result.outcome, result.values, result.model) == ("completed", (), tmp_path / "full.keras")


def test_a_round_that_diverges_ends_the_trial_and_is_named(arrays: Path, tmp_path: Path) -> None:
    for number in range(1, ROUNDS + 1):
        data = WorkerData(arrays / f"round_{number}")
        assert data.validation is not None
        x = data.train.x if number != 2 else np.full_like(data.train.x, np.nan)
        save(tmp_path / f"round_{number}", train=Part(x, data.train.y), validation=data.validation)
    save(tmp_path, train=WorkerData(arrays).train)
    _, result = play(run_trial(job(), setup(tmp_path), WorkerData(tmp_path)))
    assert result.outcome == "diverged"
    assert result.reason.endswith("in round 2 of 3")
