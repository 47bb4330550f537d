"""At which epoch, and against what, was a trial stopped?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.pruners import HyperbandPruner, PatientPruner
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.study.pruners import share
from search.study.strategy_config import Direction, PrunerConfig, choose_pruner

# Where Optuna's successive halving keeps the value of a trial at a rung, from 0.
_RUNG = "completed_rung_"


@dataclass(frozen=True)
class Cut:
    """What a pruner compared: `value` lay on the `side` of `bound`, which is the losing side.

    Attributes:
        subject: what the value is, e.g. ``val_accuracy at epoch 3``, with `{}` where the figure goes.
        value: the trial's figure; NaN where it was no number, and then nothing was compared.
        side: ``below`` or ``above``.
        bound: the figure that it had to reach.
        standard: what the bound is.
        also: a further clause, for a pruner that asks another one.
    """

    subject: str
    value: float
    side: str
    bound: float
    standard: str
    also: str = ""

    def __str__(self) -> str:
        if math.isnan(self.value):
            return self.subject.replace("{}", "not a number", 1) + self.also
        value, bound = _figures(self.value, self.bound)
        return f"{self.subject.replace('{}', value, 1)} is {self.side} {bound}, {self.standard}{self.also}"


def explain(
    config: PrunerConfig,
    study: Study,
    trial: FrozenTrial,
    epoch: int,
    direction: Direction,
    metric: str,
    unit: str = "epoch",
) -> str:
    """Tell in one clause why the study's pruner just stopped a trial.

    Call it right after `should_prune` said yes and before another trial reports: it reads what the
    pruner read, so later reports would move the figures.

    Args:
        config: the pruner that the study was made with (`make_pruner`), `auto` included.
        study: the study, with that pruner.
        trial: the stopped trial, read from the storage after the decision.
        epoch: the last reported epoch, 1-based.
        direction: of the objective.
        metric: the objective's name.
        unit: what a step is called: ``epoch``, or ``fold`` or ``round`` where the value is the mean of those so far.

    Returns:
        For example ``val_accuracy 0.6123 at epoch 3 is below 0.6811, the cut of the best third of 9 trials
        there (rung 2)``.
    """
    return str(cut(config, study, trial, epoch, direction, metric, unit))


def cut(
    config: PrunerConfig,
    study: Study,
    trial: FrozenTrial,
    epoch: int,
    direction: Direction,
    metric: str,
    unit: str = "epoch",
) -> Cut:
    """Recompute the comparison that stopped a trial; arguments as for `explain`.

    Raises:
        ValueError: the pruner never stops a trial.
    """
    return _cut(_Stop(config, study, trial, epoch, direction, metric, unit))


@dataclass(frozen=True)
class _Stop:
    """A trial at the epoch at which it was stopped; the fields are `explain`'s arguments."""

    config: PrunerConfig
    study: Study
    trial: FrozenTrial
    epoch: int
    direction: Direction
    metric: str
    unit: str

    @property
    def value(self) -> float:
        return self.trial.intermediate_values[self.epoch]

    @property
    def here(self) -> str:
        return f"{self.metric} {{}} at {self.unit} {self.epoch}"

    @property
    def losing(self) -> str:
        return "below" if self.direction == "maximize" else "above"


def _cut(stop: _Stop) -> Cut:
    # Any length of training gives the same settings here, but `auto` may be "none" for a very short one.
    config, _ = choose_pruner(stop.config, epochs=max(stop.epoch + 1, 3))
    stop = replace(stop, config=config)
    match config.name:
        case "halving" | "hyperband":
            return _rung_cut(stop)
        case "median" | "percentile":
            return _percentile_cut(stop)
        case "patient":
            return _patience_cut(stop)
        case "threshold":
            return _threshold_cut(stop)
        case _:
            raise ValueError(f"pruner '{config.name}' stops no trial")


def _rung_cut(stop: _Stop) -> Cut:
    factor = stop.config.factor or 3
    if math.isnan(stop.value):
        # A rung keeps no NaN: the pruner stops the trial before it compares.
        return Cut(stop.here, stop.value, "", math.nan, "")
    rung = max(int(key.removeprefix(_RUNG)) for key in stop.trial.system_attrs if key.startswith(_RUNG))
    rivals, bracket = _rivals(stop)
    key = f"{_RUNG}{rung}"
    values = sorted(
        (rival.system_attrs[key] for rival in rivals if key in rival.system_attrs),
        reverse=stop.direction == "maximize",
    )
    # As the pruner has it: the best 1/factor, rounded down, and at least the very best.
    bound = values[max(len(values) // factor - 1, 0)]
    who = share(factor) if len(values) >= factor else "best"
    standard = f"the cut of the {who} of {len(values)} trials there (rung {rung + 1}{bracket})"
    return Cut(stop.here, stop.value, stop.losing, bound, standard)


def _rivals(stop: _Stop) -> tuple[list[FrozenTrial], str]:
    """The trials that share the stopped one's rungs, and which bracket these are of where there are several."""
    study, trials = stop.study, stop.study.get_trials(deepcopy=False)
    pruner: Any = study.pruner
    if isinstance(pruner, PatientPruner):
        pruner = pruner._wrapped_pruner
    if not isinstance(pruner, HyperbandPruner):
        return trials, ""
    own = pruner._get_bracket_id(study, stop.trial)
    return [rival for rival in trials if pruner._get_bracket_id(study, rival) == own], f" of bracket {own + 1}"


def _percentile_cut(stop: _Stop) -> Cut:
    metric, unit, epoch = stop.metric, stop.unit, stop.epoch
    best, at = _best(stop.trial, list(stop.trial.intermediate_values), stop.direction)
    if math.isnan(best):
        return Cut(f"{metric} {{}} at any {unit} up to {epoch}", best, "", math.nan, "")
    others = [
        other.intermediate_values[epoch]
        for other in stop.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if epoch in other.intermediate_values
    ]
    keep = 50.0 if stop.config.percentile is None else stop.config.percentile
    bound = float(np.nanpercentile(np.array(others), 100 - keep if stop.direction == "maximize" else keep))
    bar = "median" if stop.config.percentile is None else f"bar of the best {keep:g} %"
    standard = f"the {bar} of {len(others)} completed trials at {unit} {epoch}"
    since = f"at {unit} {epoch}" if stop.value == best else f"(its best, at {unit} {at})"
    return Cut(f"{metric} {{}} {since}", best, stop.losing, bound, standard)


def _patience_cut(stop: _Stop) -> Cut:
    patience, delta = stop.config.patience or 5, stop.config.min_delta or 0.0
    epochs = sorted(stop.trial.intermediate_values)
    before, at = _best(stop.trial, epochs[: -patience - 1], stop.direction)
    since, _ = _best(stop.trial, epochs[-patience - 1 :], stop.direction)
    bound = before - delta if stop.direction == "maximize" else before + delta
    slack = f" with a tolerance of {delta:g}" if delta else ""
    inner = stop.config.inner
    also = "" if inner is None else f"; {_cut(replace(stop, config=PrunerConfig(name=inner)))}"
    subject = f"{stop.metric} {{}}, the best of the {patience + 1} {stop.unit}s up to {stop.epoch},"
    return Cut(subject, since, stop.losing, bound, f"its best at {stop.unit} {at}{slack}", also)


def _threshold_cut(stop: _Stop) -> Cut:
    lower, upper = stop.config.lower, stop.config.upper
    if lower is not None and stop.value < lower:
        return Cut(stop.here, stop.value, "below", lower, "the lower bound")
    return Cut(stop.here, stop.value, "above", math.nan if upper is None else upper, "the upper bound")


def _best(trial: FrozenTrial, epochs: list[int], direction: Direction) -> tuple[float, int]:
    """Find the best value of some epochs and the first epoch that has it; NaN and the last if all are NaN."""
    known = [(trial.intermediate_values[epoch], epoch) for epoch in sorted(epochs)]
    numbers = [pair for pair in known if not math.isnan(pair[0])]
    if not numbers:
        return math.nan, max(epochs)
    sign = -1.0 if direction == "maximize" else 1.0
    return min(numbers, key=lambda pair: (sign * pair[0], pair[1]))


def _figures(value: float, bound: float) -> tuple[str, str]:
    """Write two different numbers with four significant digits, or as many as it takes to tell them apart."""
    digits = 4
    while digits < 17:
        pair = _short(value, digits), _short(bound, digits)
        if pair[0] != pair[1]:
            return pair
        digits += 1
    return repr(value), repr(bound)


def _short(value: float, digits: int) -> str:
    whole = len(str(int(abs(value)))) if abs(value) < 1e6 else 0
    return f"{value:.{max(digits, whole)}g}"
