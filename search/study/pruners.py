"""Which Optuna pruner stops a poor trial, and from which epoch on?

Every pruner here expects the objective's value after each completed epoch, reported as step 1, 2, 3 and so
on. A trial that has reached its last epoch should not be asked about: there is nothing left to save.
Where a trial is trained in several rounds (folds, repeats), these take the place of epochs: a step is a
completed round, and its value the mean of the rounds so far.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import optuna
from optuna.pruners import BasePruner

from search.errors import ExperimentError
from search.study.strategy_config import Direction, PrunerConfig, choose_pruner, default_grace


def make_pruner(
    config: PrunerConfig, *, epochs: int, direction: Direction, unit: str = "epoch"
) -> tuple[BasePruner, str]:
    """Build the pruner that a study asks after every step, and one sentence that says which it is and why.

    Args:
        config: as read from the experiment; `auto` is resolved here (see `choose_pruner`).
        epochs: most steps of a trial, at least 1: epochs, or rounds where it has several.
        direction: of the objective.
        unit: what a step is called: ``epoch``, ``fold`` or ``round``.

    Raises:
        ExperimentError: the stated grace leaves no epoch at which a trial could be stopped.
    """
    chosen, reason = choose_pruner(config, epochs=epochs, unit=unit)
    if config.grace is not None and config.grace >= epochs:
        most = "training.epochs" if unit == "epoch" else f"the number of {unit}s"
        raise ExperimentError(
            f"search.pruner.grace: must be below {most} ({epochs}), got {config.grace}; "
            "no trial would ever be stopped (pruner: none says that plainly)"
        )
    pruner, text = _BUILDERS[chosen.name](chosen, _Steps(epochs, unit), direction)
    return pruner, f"{chosen.name}: {text}" + (f" (auto: {reason})" if reason else "")


def rungs(grace: int, factor: int, epochs: int) -> list[int]:
    """List the epochs before the last at which successive halving compares trials.

    >>> rungs(1, 3, 30)
    [1, 3, 9, 27]
    """
    return list(_powers(grace, factor, epochs))


def _powers(epoch: int, factor: int, epochs: int) -> Iterator[int]:
    while epoch < epochs:
        yield epoch
        epoch *= factor


def share(factor: int) -> str:
    """Name the share of the trials that goes on: `best third` for a factor of 3."""
    return {2: "best half", 3: "best third", 4: "best quarter"}.get(factor, f"best 1/{factor}")


class _Steps(NamedTuple):
    most: int
    unit: str


def _grace(config: PrunerConfig, steps: _Steps) -> int:
    return default_grace(steps.most) if config.grace is None else config.grace


def _halving(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    grace, factor = _grace(config, steps), config.factor or 3
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=grace, reduction_factor=factor)
    at = ", ".join(str(epoch) for epoch in rungs(grace, factor, steps.most))
    if not at:
        return pruner, f"{steps.most} {steps.unit} is too short to stop a trial"
    return pruner, f"of the trials that reach {steps.unit} {at}, the {share(factor)} goes on ({_better(direction)})"


def _hyperband(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    grace, factor = _grace(config, steps), config.factor or 3
    pruner = optuna.pruners.HyperbandPruner(min_resource=grace, max_resource=steps.most, reduction_factor=factor)
    brackets = len(rungs(grace, factor, steps.most + 1))
    text = f"successive halving in {brackets} brackets, the strictest from {steps.unit} {grace}, each bracket later"
    return pruner, f"{text}; the {share(factor)} at a rung goes on ({_better(direction)})"


def _percentile(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    grace = _grace(config, steps)
    percentile = 50.0 if config.percentile is None else config.percentile
    startup, interval = config.startup_trials or 0, config.interval or 1
    pruner = optuna.pruners.PercentilePruner(
        percentile, n_startup_trials=startup, n_warmup_steps=grace, interval_steps=interval
    )
    bar = "median" if config.percentile is None else f"best {percentile:g} %"
    every = steps.unit if interval == 1 else f"{interval} {steps.unit}s"
    return pruner, (
        f"after {startup} completed trials, from {steps.unit} {grace} on and every {every}, a trial whose best is "
        f"worse than the {bar} of the completed trials at that {steps.unit} stops ({_better(direction)})"
    )


def _patient(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    inner, also = None, ""
    if config.inner is not None:
        inner, text = _BUILDERS[config.inner](PrunerConfig(name=config.inner), steps, direction)
        also = f", and only if {config.inner} would stop it too ({text})"
    patience, delta = config.patience or 5, config.min_delta or 0.0
    with warnings.catch_warnings():
        # Optuna marks this pruner as experimental: known, and nothing that a user could act on.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner = optuna.pruners.PatientPruner(inner, patience=patience, min_delta=delta)
    by = f" by more than {delta:g}" if delta else ""
    text = f"a trial whose last {patience + 1} {steps.unit}s all stay worse than its best before{by} stops{also}"
    return pruner, text + f" ({_better(direction)})"


def _threshold(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    grace = config.grace or 1
    pruner = optuna.pruners.ThresholdPruner(lower=config.lower, upper=config.upper, n_warmup_steps=grace)
    bounds = [f"below {config.lower:g}"] if config.lower is not None else []
    bounds += [f"above {config.upper:g}"] if config.upper is not None else []
    return pruner, f"from {steps.unit} {grace} on, a trial whose value is {' or '.join(bounds)} stops"


def _none(config: PrunerConfig, steps: _Steps, direction: Direction) -> tuple[BasePruner, str]:
    return optuna.pruners.NopPruner(), "every trial trains to its end"


_BUILDERS: dict[str, Callable[[PrunerConfig, _Steps, Direction], tuple[BasePruner, Any]]] = {
    "halving": _halving,
    "hyperband": _hyperband,
    "median": _percentile,
    "percentile": _percentile,
    "patient": _patient,
    "threshold": _threshold,
    "none": _none,
}


def _better(direction: Direction) -> str:
    return "higher is better" if direction == "maximize" else "lower is better"
