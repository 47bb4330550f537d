"""Which Optuna sampler draws the next config, and how does a resumed study go on as if never stopped?"""

from __future__ import annotations

import copy
import hashlib
import logging
import math
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.errors import StudyError
from search.study.strategy_config import SamplerConfig, choose_sampler


def make_sampler(
    config: SamplerConfig,
    *,
    seed: int,
    space_size: int | None,
    trials: int,
    has_conditions: bool,
    workers: int,
) -> tuple[BaseSampler | None, str]:
    """Build the sampler that a study asks, and one sentence that says which it is and why.

    Args:
        config: as read from the experiment; `auto` is resolved here (see `choose_sampler`).
        seed: the study's seed, at least 0.
        space_size: number of distinct configs, None for an infinite space.
        trials: the study's total.
        has_conditions: some dimensions exist only for some configs.
        workers: trials that run at the same time.

    Returns:
        The sampler, or None for a grid: its points are enqueued by the caller, in `grid_order`.

    Raises:
        StudyError: gp was asked for and PyTorch is not installed.
    """
    chosen, reason = choose_sampler(config, space_size=space_size, trials=trials)
    if chosen.name == "grid":
        total = "" if space_size is None else f" of {space_size} configs"
        return None, _sentence("grid", f"every point{total} once, in a seeded order", reason)
    if chosen.name == "gp" and find_spec("torch") is None:
        raise StudyError("search.sampler: gp needs PyTorch, which is not installed; pip install 'kerasweep[gp]'")
    with warnings.catch_warnings():
        # Optuna marks group, deterministic and consider_pruned_trials as experimental, and sigma0 as leaving
        # in version 6: known, and nothing that a user could act on.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", FutureWarning)
        inner, text = _BUILDERS[chosen.name](chosen, seed, has_conditions)
    if workers > 1 and chosen.name in ("tpe", "gp"):
        text += "; configs in training count as taken, so that workers spread out"
    return SeededSampler(inner, seed, fresh=chosen.name == "gp"), _sentence(chosen.name, text, reason)


def _tpe(config: SamplerConfig, seed: int, has_conditions: bool) -> tuple[BaseSampler, str]:
    group = has_conditions and bool(config.multivariate) if config.group is None else config.group
    sampler = optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=_given(config.startup_trials),
        n_ei_candidates=_given(config.candidates),
        multivariate=config.multivariate,
        group=group,
    )
    how = "jointly" if config.multivariate else "one dimension at a time"
    groups = ", conditional dimensions in groups of their own" if group else ""
    text = f"{config.startup_trials} random configs, then drawn where good ones were found, {how}{groups}"
    return sampler, text


def _random(config: SamplerConfig, seed: int, has_conditions: bool) -> tuple[BaseSampler, str]:
    return optuna.samplers.RandomSampler(seed=seed), "every config drawn independently"


def _qmc(config: SamplerConfig, seed: int, has_conditions: bool) -> tuple[BaseSampler, str]:
    sampler = optuna.samplers.QMCSampler(
        qmc_type=_given(config.kind),
        scramble=_given(config.scramble),
        seed=seed,
        warn_independent_sampling=False,
    )
    # Until a trial has finished, Optuna logs at each ask that spaces have no conditions here. We say it once.
    logging.getLogger("optuna.samplers._qmc").setLevel(logging.ERROR)
    text = f"an evenly spread {config.kind} sequence after one random config"
    if has_conditions:
        text += "; dimensions that the first config does not have are drawn at random"
    return sampler, text


def _cmaes(config: SamplerConfig, seed: int, has_conditions: bool) -> tuple[BaseSampler, str]:
    # sigma0 is passed only where it was asked for: Optuna 6 will not know it.
    extra: dict[str, Any] = {} if config.sigma is None else {"sigma0": config.sigma}
    sampler = NumericCmaEs(
        seed=seed,
        n_startup_trials=_given(config.startup_trials),
        warn_independent_sampling=False,
        # With pruning most trials never complete: without their last values there is little to learn from.
        consider_pruned_trials=True,
        **extra,
    )
    text = (
        f"{config.startup_trials} random configs, then an evolution strategy on the numbers that every "
        "config has; choices"
    )
    return sampler, text + (" and conditional dimensions" if has_conditions else "") + " are drawn at random"


def _gp(config: SamplerConfig, seed: int, has_conditions: bool) -> tuple[BaseSampler, str]:
    sampler = optuna.samplers.GPSampler(
        seed=seed,
        n_startup_trials=_given(config.startup_trials),
        deterministic_objective=_given(config.deterministic),
        warn_independent_sampling=False,
    )
    text = f"{config.startup_trials} random configs, then a Gaussian process fitted to the completed trials"
    return sampler, text + ("; conditional dimensions are drawn at random" if has_conditions else "")


_BUILDERS: dict[str, Callable[[SamplerConfig, int, bool], tuple[BaseSampler, str]]] = {
    "tpe": _tpe,
    "random": _random,
    "qmc": _qmc,
    "cmaes": _cmaes,
    "gp": _gp,
}


def _given(value: Any) -> Any:
    """Pass on a setting that SamplerConfig filled in with the named sampler's default."""
    if value is None:
        raise ValueError("a setting of the named sampler is None; build the config with SamplerConfig(...)")
    return value


def _sentence(name: str, text: str, reason: str) -> str:
    return f"{name}: {text}" + (f" (auto: {reason})" if reason else "")


class NumericCmaEs(optuna.samplers.CmaEsSampler):
    """CMA-ES on the numeric dimensions that completed and pruned trials have in common.

    Optuna's own takes the dimensions common to the completed trials only, and then fails an assertion
    on a pruned trial that has not all of them (seen in 5.0 with `consider_pruned_trials`).
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._common = IntersectionSearchSpace(include_pruned=True)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Optuna's hook: the dimensions that are drawn together."""
        return {
            name: distribution
            for name, distribution in self._common.calculate(study).items()
            if isinstance(distribution, FloatDistribution | IntDistribution) and not distribution.single()
        }


class SeededSampler(BaseSampler):
    """Make another sampler's draws a function of (seed, trial number, what is drawn), and of the past trials.

    No generator state outlives a call: a study that is resumed, or whose trials are asked in another
    order, draws what it would have drawn. One worker therefore gives the same study, value for value.

    Args:
        inner: the sampler that draws. Its generators are reseeded before each call.
        seed: the study's seed, at least 0.
        fresh: give each trial an untouched copy of `inner`, for samplers that keep more than generators
            (gp starts its fit from the previous trial's).
    """

    def __init__(self, inner: BaseSampler, seed: int, *, fresh: bool = False) -> None:
        self.inner = inner
        self._seed = seed
        self._fresh = fresh
        self._generators = list(_generators(inner))
        if not self._generators:
            raise RuntimeError(f"found no random generator in {type(inner).__name__}: its draws cannot be seeded")

    def __str__(self) -> str:
        return str(self.inner)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Optuna's hook: the dimensions that are drawn together."""
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Optuna's hook: draw the dimensions that are drawn together."""
        self._reseed(trial.number, 0)
        sampler = copy.deepcopy(self.inner) if self._fresh else self.inner
        return sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Optuna's hook: draw one dimension by itself."""
        # By name, not by a counter: a condition that goes the other way must not shift later draws.
        self._reseed(trial.number, 1 + zlib.crc32(param_name.encode()))
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Optuna's hook for threads: nothing to do, as draws differ by trial already."""

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Optuna's hook: not passed on, as the samplers here only warn in it (cmaes, once a trial)."""

    def _reseed(self, number: int, draw: int) -> None:
        words = np.random.SeedSequence(self._seed, spawn_key=(number, draw)).generate_state(4 * len(self._generators))
        for i, generator in enumerate(self._generators):
            generator.seed(words[4 * i : 4 * i + 4])


def _generators(sampler: BaseSampler) -> Iterator[np.random.RandomState]:
    """Find the generators of a sampler and of the samplers that it falls back to, in a fixed order.

    Optuna's own `reseed_rng` takes no seed, so this looks at the attributes: a holder has `rng`.
    """
    for _, value in sorted(vars(sampler).items()):
        if isinstance(value, BaseSampler):
            yield from _generators(value)
        elif isinstance(rng := getattr(value, "rng", None), np.random.RandomState):
            yield rng


def grid_order(size: int, seed: int) -> Callable[[int], int]:
    """Permute range(size) by a seed, without holding it: size may be far beyond memory.

    A Feistel network permutes the next even power of two; a value outside the range is put through
    it again until it falls inside (cycle walking, Black and Rogaway 2002: fewer than four passes on average).

    Args:
        size: number of grid points, at least 1.
        seed: another seed is another order.

    Returns:
        position -> index, a bijection of range(size); raises IndexError outside of it.

    Raises:
        ValueError: size is below 1.
    """
    if size < 1:
        raise ValueError(f"a grid has at least one point, got {size}")
    half = max(1, math.ceil((size - 1).bit_length() / 2))
    width = (half + 7) // 8
    mask = (1 << half) - 1

    def feistel(value: int) -> int:
        left, right = value >> half, value & mask
        for turn in range(4):
            digest = hashlib.shake_256(f"{seed}/{turn}/{right}".encode()).digest(width)
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        return left << half | right

    def index(position: int) -> int:
        if not 0 <= position < size:
            raise IndexError(f"position must be in 0..{size - 1}, got {position}")
        value = feistel(position)
        while value >= size:
            value = feistel(value)
        return value

    return index
