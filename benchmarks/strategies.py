"""Which sampler and pruner find good configs soonest, on recorded learning curves?

    python benchmarks/strategies.py --data taskset.npz --seeds 5

The file holds a table of real trainings: `configs` (configs, hyperparameters), `hp_names` and `loss`
(tasks, configs, points, splits), the loss of each config at 51 points of its training, the first untrained.
A strategy asks for points of the normalised hyperparameter space, gets the nearest row of the table that it
has not had (a study never trains a config twice) with that row's coordinates, and pays one epoch for each
point of the curve that it looks at. It may spend `--budget` full trainings, or,
with `--trials`, so many trials.

Regret: 0 is the best config of the table, 1 its median one. Only trials that completed count, with the value
of their best epoch, as in a study.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from search.study.pruners import make_pruner
from search.study.samplers import make_sampler
from search.study.strategy_config import PrunerConfig, SamplerConfig

Array = NDArray[np.float64]

SAMPLERS = {
    "random": SamplerConfig(name="random"),
    "qmc": SamplerConfig(name="qmc"),
    "cmaes": SamplerConfig(name="cmaes"),
    "tpe": SamplerConfig(name="tpe"),
    "tpe-20": SamplerConfig(name="tpe", startup_trials=20),
    "tpe-40": SamplerConfig(name="tpe", startup_trials=40),
    "tpe-80": SamplerConfig(name="tpe", startup_trials=80),
    "tpe-single": SamplerConfig(name="tpe", multivariate=False),
}
PRUNERS = {
    "none": PrunerConfig(name="none"),
    "halving": PrunerConfig(name="halving", grace=1),
    "halving-2": PrunerConfig(name="halving", grace=1, factor=2),
    "halving-4": PrunerConfig(name="halving", grace=1, factor=4),
    "halving@2": PrunerConfig(name="halving", grace=2),
    "halving@3": PrunerConfig(name="halving", grace=3),
    "halving@5": PrunerConfig(name="halving", grace=5),
    "halving-2@3": PrunerConfig(name="halving", grace=3, factor=2),
    "hyperband": PrunerConfig(name="hyperband", grace=1),
    "median": PrunerConfig(name="median", grace=1),
    "median@5": PrunerConfig(name="median", grace=5),
    "percentile": PrunerConfig(name="percentile", grace=1),
}
DEFAULT = (
    "random+none random+halving random+halving@3 random+hyperband random+median qmc+halving cmaes+halving "
    "tpe+none tpe+halving tpe-40+halving tpe+halving@3 tpe+hyperband tpe+median"
)


@dataclass(frozen=True)
class Table:
    """Configs with their curves.

    Attributes:
        points: (configs, hyperparameters), each column scaled to 0..1.
        curves: (tasks, configs, epochs), validation loss after each epoch; NaN from divergence on.
        finals: (tasks, configs), best epoch's loss; infinite for a config that diverged.
    """

    points: Array
    curves: Array
    finals: Array


@dataclass(frozen=True)
class Result:
    """One study: its regret, the trials it began, and what they cost in full trainings."""

    regret: float
    trials: int
    trainings: float


def load(path: Path) -> Table:
    """Read the table; strategies see hyperparameters on the scale on which they were drawn."""
    with np.load(path, allow_pickle=False) as file:
        configs, names = file["configs"].astype(float), [str(name) for name in file["hp_names"]]
        curves = file["loss"][:, :, 1:, 1].astype(float)
    # Betas lie close to 1: their distance from it is what was drawn on a log scale.
    columns = [1 - column if name.startswith("beta") else column for name, column in zip(names, configs.T, strict=True)]
    scaled = np.log(np.stack(columns, axis=1))
    points = (scaled - scaled.min(axis=0)) / (scaled.max(axis=0) - scaled.min(axis=0))
    diverged = ~np.isfinite(curves).all(axis=2)
    finals = np.where(diverged, np.inf, np.where(np.isfinite(curves), curves, np.inf).min(axis=2))
    return Table(points, curves, finals)


def run(table: Table, task: int, sampler: BaseSampler | None, pruner: BasePruner, budget: float, trials: int) -> Result:
    """Play one study on one task, until the budget (full trainings) or the number of trials is spent."""
    # Hyperband places trials by the study's name: a fixed one keeps the benchmark repeatable.
    study = optuna.create_study(sampler=sampler, pruner=pruner, study_name=f"task-{task}")
    epochs = table.curves.shape[2]
    left, begun, best = round(budget * epochs), 0, math.inf
    free = np.ones(len(table.points), dtype=bool)
    while left > 0 and begun < trials and free.any():
        trial = study.ask()
        begun += 1
        wish = [trial.suggest_float(f"h{i}", 0, 1) for i in range(table.points.shape[1])]
        distance = ((table.points - np.array(wish)) ** 2).sum(axis=1)
        row = int(np.where(free, distance, np.inf).argmin())
        free[row] = False
        for i, value in enumerate(table.points[row]):
            # The sampler learns from what was trained, not from what it wished for.
            study._storage.set_trial_param(trial._trial_id, f"h{i}", float(value), FloatDistribution(0, 1))
        used, value = play(study, trial, table.curves[task, row], left)
        left -= used
        best = min(best, value)
    low, middle = table.finals[task].min(), np.median(table.finals[task])
    worst = table.finals[task][np.isfinite(table.finals[task])].max()
    return Result((min(best, worst) - low) / (middle - low), begun, budget - left / epochs)


def play(study: optuna.Study, trial: Trial, curve: Array, left: int) -> tuple[int, float]:
    """Train one config along its curve; return the epochs spent and its value (infinite if not completed)."""
    for epoch, loss in enumerate(curve[:left], start=1):
        if not math.isfinite(loss):
            trial.set_constraint("diverged", 1.0)
            study.tell(trial, state=TrialState.PRUNED)
            return epoch, math.inf
        trial.report(float(loss), epoch)
        if epoch < len(curve) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return epoch, math.inf
    if left < len(curve):
        study.tell(trial, state=TrialState.FAIL)
        return left, math.inf
    value = float(curve.min())
    study.tell(trial, value)
    return len(curve), value


def measure(table: Table, name: str, seeds: int, budget: float, trials: int) -> list[Result]:
    """Play one strategy, `SAMPLER+PRUNER`, on every task with every seed."""
    sampler_name, pruner_name = name.split("+")
    results = []
    for task in range(len(table.curves)):
        for seed in range(seeds):
            sampler, _ = make_sampler(
                SAMPLERS[sampler_name],
                seed=seed,
                space_size=None,
                trials=10**6,
                has_conditions=False,
                workers=1,
            )
            pruner, _ = make_pruner(PRUNERS[pruner_name], epochs=table.curves.shape[2], direction="minimize")
            results.append(run(table, task, sampler, pruner, budget, trials))
    return results


def main() -> int:
    """Print one line a strategy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="table of learning curves (.npz)")
    parser.add_argument("--seeds", type=int, default=2, help="studies per task and strategy")
    parser.add_argument("--budget", type=float, default=20, help="full trainings a study may cost")
    parser.add_argument("--trials", type=int, default=0, help="stop after so many trials, whatever they cost")
    parser.add_argument("--only", default=DEFAULT, help="strategies, e.g. 'random+halving tpe+median'")
    args = parser.parse_args()
    if not args.data.exists():
        print(f"{args.data}: no such file; nothing was measured (see the top of this script for its layout)")
        return 0
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = load(args.data)
    budget, trials = (math.ceil(args.trials), args.trials) if args.trials else (args.budget, sys.maxsize)
    print(f"{'strategy':24} {'regret':>7} {'±':>6} {'trials':>7} {'trainings':>10} {'seconds':>8}", flush=True)
    for name in args.only.split():
        start = time.perf_counter()
        results = measure(table, name, args.seeds, budget, trials)
        regrets = np.array([result.regret for result in results])
        error = regrets.std(ddof=1) / math.sqrt(len(regrets)) if len(regrets) > 1 else math.nan
        count = np.mean([result.trials for result in results])
        cost = np.mean([result.trainings for result in results])
        took = time.perf_counter() - start
        line = f"{name:24} {regrets.mean():7.3f} {error:6.3f} {count:7.0f} {cost:10.1f} {took:8.0f}"
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
