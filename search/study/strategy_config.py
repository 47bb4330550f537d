"""Which samplers and pruners may an experiment name, with which settings, and what does `auto` choose?

Loading this module needs no Optuna, so an experiment file is validated without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from spaces.errors import nearest

SamplerName = Literal["auto", "tpe", "random", "grid", "qmc", "cmaes", "gp"]
PrunerName = Literal["auto", "halving", "hyperband", "median", "percentile", "patient", "threshold", "none"]
InnerPrunerName = Literal["halving", "hyperband", "median", "percentile"]
Direction = Literal["minimize", "maximize"]

# What a name accepts, and what it takes where nothing is said. A grace of None follows the number of epochs
# (`default_grace`; threshold: 1); a tpe group of None follows whether the space has conditions.
SAMPLER_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "auto": {},
    "tpe": {"startup_trials": 10, "candidates": 24, "multivariate": True, "group": None},
    "random": {},
    "grid": {"points": 5},
    "qmc": {"kind": "sobol", "scramble": True},
    "cmaes": {"startup_trials": 10, "sigma": None},
    "gp": {"startup_trials": 10, "deterministic": False},
}
PRUNER_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "auto": {},
    "halving": {"grace": None, "factor": 3},
    "hyperband": {"grace": None, "factor": 3},
    "median": {"startup_trials": 5, "grace": None, "interval": 1},
    "percentile": {"percentile": 25.0, "startup_trials": 5, "grace": None, "interval": 1},
    "patient": {"patience": 5, "min_delta": 0.0, "inner": None},
    "threshold": {"lower": None, "upper": None, "grace": None},
    "none": {},
}

_Count = Annotated[StrictInt, Field(ge=0)]
_Positive = Annotated[StrictInt, Field(ge=1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class SamplerConfig(BaseModel):
    """How the next config is drawn. None: not a setting of the named sampler, or derived from the study.

    Attributes:
        startup_trials: trials drawn at random before the model is used (tpe, cmaes, gp).
        candidates: draws among which tpe takes the most promising.
        multivariate: tpe models dimensions jointly, not one by one.
        group: tpe models each set of dimensions that occur together by itself (conditional spaces).
        points: values taken from each continuous range of a grid.
        kind: the low-discrepancy sequence of qmc.
        scramble: qmc randomises its sequence, from the study's seed.
        sigma: first standard deviation of cmaes, as a fraction of each range; None is a sixth.
        deterministic: gp takes the objective to be free of noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: SamplerName
    startup_trials: _Count | None = None
    candidates: _Positive | None = None
    multivariate: StrictBool | None = None
    group: StrictBool | None = None
    points: Annotated[StrictInt, Field(ge=2, le=1000)] | None = None
    kind: Literal["sobol", "halton"] | None = None
    scramble: StrictBool | None = None
    sigma: Annotated[float, Field(gt=0, le=1)] | None = None
    deterministic: StrictBool | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return _with_defaults("sampler", value, SAMPLER_SETTINGS)

    @model_validator(mode="after")
    def _check(self) -> SamplerConfig:
        if self.group and not self.multivariate:
            raise ValueError("group: true needs multivariate: true (groups are modelled jointly)")
        return self


class PrunerConfig(BaseModel):
    """When a poor trial is stopped. Epochs are 1-based and completed; with folds or repeats, rounds take their place.

    Attributes:
        grace: the first epoch after which a trial may be stopped; None is 6 % of the epochs
            (threshold: 1).
        factor: of the trials at a rung, one in `factor` goes on; rungs lie `factor` times apart.
        startup_trials: completed trials before any is stopped (median, percentile).
        interval: epochs between two checks (median, percentile).
        percentile: share of the trials, 0 to 100, that goes on.
        patience: epochs without improvement that are forgiven.
        min_delta: how much worse than its best a trial may stay, in the objective's unit.
        inner: patient asks this pruner too, with its own defaults, and stops a trial only if both would.
        lower, upper: bounds that the objective must keep from `grace` on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PrunerName
    grace: _Positive | None = None
    factor: Annotated[StrictInt, Field(ge=2)] | None = None
    startup_trials: _Count | None = None
    interval: _Positive | None = None
    percentile: Annotated[float, Field(ge=0, le=100)] | None = None
    patience: _Positive | None = None
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    inner: InnerPrunerName | None = None
    lower: _Finite | None = None
    upper: _Finite | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return _with_defaults("pruner", value, PRUNER_SETTINGS)

    @model_validator(mode="after")
    def _check(self) -> PrunerConfig:
        if self.name == "threshold":
            if self.lower is None and self.upper is None:
                raise ValueError("threshold needs lower, upper or both, e.g. {name: threshold, lower: 0.6}")
            if self.lower is not None and self.upper is not None and self.lower >= self.upper:
                raise ValueError(f"lower must be below upper, got lower {self.lower:g}, upper {self.upper:g}")
        return self


def _with_defaults(what: str, value: object, settings: Mapping[str, Mapping[str, Any]]) -> object:
    """Turn `tpe` into `{name: tpe}`, refuse what does not belong to the name, fill in the name's defaults."""
    if isinstance(value, str):
        value = {"name": value}
    if value is None:
        # YAML reads an empty value as null; `pruner:` with nothing behind it is no choice.
        raise ValueError(f"must name a {what}, e.g. {what}: auto. Allowed: {', '.join(settings)}")
    if not isinstance(value, Mapping):
        return value
    if "name" not in value:
        raise ValueError(f"needs a name, e.g. {{name: auto}}. Allowed: {', '.join(settings)}")
    name = value["name"]
    if not isinstance(name, str) or name not in settings:
        raise ValueError(f"unknown {what} {name!r}; {nearest(name, settings)}")
    allowed = settings[name]
    for key in value:
        if key != "name" and key not in allowed:
            known = nearest(key, allowed) if allowed else "it takes none"
            raise ValueError(f"{what} '{name}' has no setting {key!r}; {known}")
    return {**allowed, **value}


assert set(SAMPLER_SETTINGS) == set(get_args(SamplerName))
assert set(PRUNER_SETTINGS) == set(get_args(PrunerName))


def default_grace(epochs: int) -> int:
    """First epoch after which a trial may be stopped, where the experiment does not say: 6 % of the epochs.

    Epoch 3 of 50 was better than 1, 2 and 5 where trials are counted (docs/strategies.md).

    >>> [default_grace(n) for n in (1, 20, 30, 50, 150)]
    [1, 1, 2, 3, 9]
    """
    return max(1, round(0.06 * epochs))


def choose_sampler(config: SamplerConfig, *, space_size: int | None, trials: int) -> tuple[SamplerConfig, str]:
    """Resolve `auto` to a named sampler, with the reason (empty where the experiment names one).

    Args:
        config: as read from the experiment.
        space_size: number of distinct configs, None for an infinite space.
        trials: the study's total.
    """
    if config.name != "auto":
        return config, ""
    if space_size is not None and space_size <= trials:
        return SamplerConfig(name="grid"), f"all {space_size} configs of the space fit into {trials} trials"
    return SamplerConfig(name="tpe"), "the space holds more configs than there are trials"


def choose_pruner(config: PrunerConfig, *, epochs: int, unit: str = "epoch") -> tuple[PrunerConfig, str]:
    """Resolve `auto` to a named pruner, with the reason (empty where the experiment names one)."""
    if config.name != "auto":
        return config, ""
    if epochs < 3:
        return PrunerConfig(name="none"), f"{epochs} {unit}s leave nothing to save"
    return PrunerConfig(name="halving"), f"the least regret for its {unit}s of those measured"
