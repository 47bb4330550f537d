"""How long will a study take, and how much memory, judging by a few of its models?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from search.custom.space import OpenSpace
from search.errors import ExperimentError
from search.messages import Decision, EpochReport, Suggest, Suggested, TrialJob, TrialResult
from search.study.arrays import write_arrays
from search.study.plan import Plan
from search.study.pruners import rungs
from search.study.strategy_config import choose_pruner, default_grace
from search.study.workers import worker_count
from spaces import Params, resolve
from spaces.domains import Suggester
from spaces.suggesters import Extreme, Sampled

_EPOCHS = 3
# An epoch on so many rows tells what one on all of them takes. Where a step takes long, fewer do.
_ROWS = {"linear": 16_384, "mlp": 16_384}
_LONG_STEPS_ROWS = 2_048
_SHARE_OF_OTHER_PRUNERS = 0.6
# TensorFlow is imported once; measured at 5 to 11 s on two cores.
_IMPORT_SECONDS = 8.0


@dataclass(frozen=True)
class Tried:
    """One model, trained for a few epochs: seconds before its first epoch ended, and per epoch after."""

    name: str
    params: Params
    parameters: int
    start_seconds: float
    epoch_seconds: float


@dataclass(frozen=True)
class Forecast:
    """Seconds and bytes; ``most`` is without pruning and early stopping."""

    tried: tuple[Tried, ...]
    workers: int
    likely_seconds: float
    most_seconds: float
    memory_bytes: int
    machine_bytes: int


def forecast(plan: Plan, *, random_models: int, seed: int = 0) -> Forecast:
    """Train the smallest, the largest and some random models for three epochs in this process, on some of the rows.

    Raises:
        ExperimentError: if one of them cannot be trained at all.
    """
    import psutil

    named: list[tuple[str, Suggester]] = [("smallest", Extreme(largest=False)), ("largest", Extreme(largest=True))]
    named += [(f"start_with[{i}]", _Pinned(pinned, seed)) for i, pinned in enumerate(plan.pins[:1])]
    named += [("random", Sampled(seed + k)) for k in range(random_models)]
    with tempfile.TemporaryDirectory(prefix="kerasweep-") as scratch:
        arrays = Path(scratch)
        validation = plan.experiment.validation
        write_arrays(plan.dataset, arrays, validation, seed=plan.experiment.search.seed, rounds=1)
        tried, memory = _try_all(plan, arrays, named)
    training, search = plan.experiment.training, plan.experiment.search
    typical = [t for t in tried if t.name == "random"] or list(tried)
    start, epoch = mean(t.start_seconds for t in typical), mean(t.epoch_seconds for t in typical)
    workers = worker_count(search)
    # What is traced once serves all rounds of a trial.
    epochs = plan.rounds * training.epochs
    most = search.trials / workers * (start + (epochs - 1) * epoch) + _IMPORT_SECONDS
    likely = search.trials / workers * (start + epochs * expected_share(plan) * epoch) + _IMPORT_SECONDS
    return Forecast(tuple(tried), workers, min(likely, most), most, memory, int(psutil.virtual_memory().total))


def expected_share(plan: Plan) -> float:
    """The share of all epochs that a pruned study trains; of all rounds where a trial has several."""
    epochs = plan.rounds if plan.rounds > 1 else plan.experiment.training.epochs
    pruner, _ = choose_pruner(plan.experiment.search.pruner, epochs=epochs)
    if pruner.name == "none":
        return 1.0
    if pruner.name != "halving":
        return _SHARE_OF_OTHER_PRUNERS
    factor = pruner.factor or 3
    # Of the trials at a rung one in `factor` goes on to the next; the first ones at each rung go on untested.
    ends = [*rungs(pruner.grace or default_grace(epochs), factor, epochs), epochs]
    trained, share, before = 0.0, 1.0, 0
    for end in ends:
        trained += share * (end - before)
        share, before = share / factor, end
    return min(1.0, trained / epochs + 0.1)


def _try_all(plan: Plan, arrays: Path, named: list[tuple[str, Suggester]]) -> tuple[list[Tried], int]:
    from search.training.rounds import resident_bytes
    from search.training.threads import limit_threads
    from search.training.trial import run_trial
    from search.training.worker_data import WorkerData

    limit_threads(plan.threads)
    # One round tells what all of them take.
    data, setup = WorkerData(arrays), replace(plan.setup(arrays), rounds=1)
    tried, memory = [], 0
    space = plan.space
    for name, suggester in named:
        params = space.suggest(suggester)
        config = space.config(params, {}) if isinstance(space, OpenSpace) else resolve(params, family=space.family)
        rows = _ROWS.get(space.family, _LONG_STEPS_ROWS)
        job = TrialJob(0, config, seed=0, epochs=_EPOCHS, early_stopping=0, rows=rows)
        samples = len(data.of_round(1, job, setup).train)
        running = run_trial(job, setup, data)
        seconds = []
        try:
            report = next(running)
            while True:
                if isinstance(report, Suggest):
                    params[report.name] = report.domain.suggest(suggester, report.name)
                    report = running.send(Suggested(params[report.name]))
                    continue
                if isinstance(report, EpochReport):
                    seconds.append(report.seconds)
                report = running.send(Decision())
        except StopIteration as end:
            result: TrialResult = end.value
        if result.outcome == "failed":
            raise ExperimentError(f"{plan.place}: the {name} model cannot be trained ({result.reason})")
        memory = max(memory, resident_bytes())
        tried.append(_tried(name, params, result, seconds, share=min(1.0, rows / samples)))
    return tried, memory


def _tried(name: str, params: Params, result: TrialResult, seconds: list[float], *, share: float) -> Tried:
    """What a whole trial takes, from one whose epochs trained on a share of the rows and were validated on all."""
    first, *rest = seconds or [0.0]
    measured = mean(rest or [first])
    validating = result.spent.get("validate", 0.0) / max(1, len(seconds))
    epoch = max(0.0, measured - validating) / share + validating
    begun = result.spent.get("build", 0.0) + max(0.0, first - measured)
    return Tried(name, params, result.parameters, begun + epoch, epoch)


class _Pinned(Sampled):
    """Draws what a config to start with leaves open."""

    def __init__(self, pinned: Params, seed: int) -> None:
        super().__init__(seed)
        self._pinned = pinned

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        drawn = super().suggest_int(name, low, high, step=step, log=log)
        return int(self._pinned.get(name, drawn))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        drawn = super().suggest_float(name, low, high, step=step, log=log)
        return float(self._pinned.get(name, drawn))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        drawn = super().suggest_categorical(name, choices)
        return self._pinned.get(name, drawn)
