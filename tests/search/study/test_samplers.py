"""Samplers: what an experiment may say, that studies repeat and resume exactly, and odd trials break none."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState
from pydantic import ValidationError

from search.errors import StudyError
from search.study.samplers import SeededSampler, grid_order, make_sampler
from search.study.strategy_config import SAMPLER_SETTINGS, SamplerConfig, choose_sampler

HAS_TORCH = find_spec("torch") is not None
MODEL_BASED = [
    "tpe",
    "random",
    "qmc",
    "cmaes",
    pytest.param("gp", marks=pytest.mark.skipif(not HAS_TORCH, reason="needs torch")),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def build(name: str, seed: int = 7, **options: Any) -> BaseSampler:
    arguments: dict[str, Any] = {"space_size": None, "trials": 60, "has_conditions": True, "workers": 1}
    sampler, _ = make_sampler(SamplerConfig.model_validate(name), seed=seed, **arguments | options)
    assert sampler is not None
    return sampler


def suggest(trial: Trial) -> dict[str, Any]:
    """A space with ints, logs, choices, per-layer dimensions and a condition."""
    layers = trial.suggest_int("layers", 1, 3)
    for i in range(layers):
        trial.suggest_int(f"units_{i}", 10, 100, log=True)
    trial.suggest_float("learning_rate", 3e-4, 3e-2, log=True)
    trial.suggest_float("dropout", 0, 0.5)
    if trial.suggest_categorical("optimizer", ["adam", "sgd"]) == "sgd":
        trial.suggest_float("momentum", 0, 0.99)
    return trial.params


def play(study: optuna.Study, until: int) -> list[dict[str, Any]]:
    """Go on until the study has so many trials: every third diverges, prunes or completes by its number."""
    while len(study.trials) < until:
        trial = study.ask()
        params = suggest(trial)
        value = params["learning_rate"] + params["dropout"] + 0.01 * params["layers"]
        trial.report(value, 1)
        if trial.number % 7 == 5:
            trial.set_constraint("diverged", 1.0)
            study.tell(trial, state=TrialState.PRUNED)
        elif trial.number % 3 == 2:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, value)
    return [trial.params for trial in study.trials]


def open_study(storage: BaseStorage, sampler: BaseSampler) -> optuna.Study:
    return optuna.create_study(storage=storage, sampler=sampler, study_name="s", load_if_exists=True)


# --- what an experiment may say


@pytest.mark.parametrize("name", list(SAMPLER_SETTINGS))
def test_a_name_alone_is_a_config_with_its_defaults(name: str) -> None:
    config = SamplerConfig.model_validate(name)
    assert config == SamplerConfig.model_validate({"name": name})
    assert config.model_dump(exclude={"name"}, exclude_none=True) == {
        key: value for key, value in SAMPLER_SETTINGS[name].items() if value is not None
    }


def test_a_dumped_config_reads_back() -> None:
    config = SamplerConfig.model_validate({"name": "tpe", "startup_trials": 20})
    assert SamplerConfig.model_validate(config.model_dump(exclude_none=True)) == config


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("tpr", "unknown sampler 'tpr'; did you mean 'tpe'?"),
        ({"name": "bayes"}, "Allowed: auto, tpe"),
        ({"name": ["tpe"]}, "unknown sampler"),
        ({"startup_trials": 3}, "needs a name"),
        (None, "must name a sampler"),
        ({"name": "tpe", "startup_trails": 3}, "sampler 'tpe' has no setting 'startup_trails'"),
        ({"name": "tpe", "startup_trails": 3}, "did you mean 'startup_trials'?"),
        ({"name": "tpe", "points": 3}, "sampler 'tpe' has no setting 'points'"),
        ({"name": "random", "points": 3}, "it takes none"),
        ({"name": "tpe", "startup_trials": -1}, "greater than or equal to 0"),
        ({"name": "tpe", "startup_trials": 1.5}, "valid integer"),
        ({"name": "tpe", "candidates": 0}, "greater than or equal to 1"),
        ({"name": "tpe", "multivariate": "yes"}, "valid boolean"),
        ({"name": "tpe", "multivariate": False, "group": True}, "group: true needs multivariate: true"),
        ({"name": "grid", "points": 1}, "greater than or equal to 2"),
        ({"name": "qmc", "kind": "soboll"}, "'sobol' or 'halton'"),
        ({"name": "cmaes", "sigma": 0}, "greater than 0"),
        (7, "valid dictionary"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(value: object, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SamplerConfig.model_validate(value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("size", "trials", "name"),
    [(None, 60, "tpe"), (60, 60, "grid"), (61, 60, "tpe"), (1, 60, "grid"), (10**30, 60, "tpe")],
)
def test_auto_takes_the_grid_where_it_fits_the_trials(size: int | None, trials: int, name: str) -> None:
    chosen, reason = choose_sampler(SamplerConfig(name="auto"), space_size=size, trials=trials)
    assert chosen.name == name
    assert reason
    named, no_reason = choose_sampler(SamplerConfig(name="random"), space_size=size, trials=trials)
    assert (named.name, no_reason) == ("random", "")


@pytest.mark.parametrize("name", ["auto", "tpe", "random", "qmc", "cmaes"])
@pytest.mark.parametrize("has_conditions", [True, False])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_sampler_comes_with_one_sentence(name: str, has_conditions: bool, workers: int) -> None:
    sampler, text = make_sampler(
        SamplerConfig.model_validate(name),
        seed=0,
        space_size=None,
        trials=60,
        has_conditions=has_conditions,
        workers=workers,
    )
    assert isinstance(sampler, SeededSampler)
    assert "\n" not in text
    assert ("auto:" in text) == (name == "auto")
    if name == "cmaes":
        assert "choices" in text
        assert ("conditional" in text) == has_conditions


def test_a_grid_has_no_sampler_but_a_sentence() -> None:
    sampler, text = make_sampler(
        SamplerConfig(name="auto"), seed=0, space_size=12, trials=60, has_conditions=False, workers=1
    )
    assert sampler is None
    assert text.startswith("grid: ")
    assert "12 configs" in text


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed here")
def test_gp_without_torch_names_the_remedy() -> None:
    with pytest.raises(StudyError, match=r"pip install 'kerasweep\[gp\]'"):
        build("gp")


@pytest.mark.parametrize(
    "config",
    [
        {"name": "tpe", "startup_trials": 2, "candidates": 8, "multivariate": False},
        {"name": "tpe", "startup_trials": 2, "group": True},
        {"name": "qmc", "kind": "halton", "scramble": False},
        {"name": "cmaes", "startup_trials": 2, "sigma": 0.3},
    ],
)
def test_settings_reach_a_working_sampler(config: dict[str, Any]) -> None:
    sampler, _ = make_sampler(
        SamplerConfig.model_validate(config),
        seed=1,
        space_size=None,
        trials=9,
        has_conditions=True,
        workers=1,
    )
    assert len(play(open_study(InMemoryStorage(), sampler or build("random")), 9)) == 9


# --- studies repeat and resume exactly


@pytest.mark.parametrize("name", MODEL_BASED)
def test_the_same_seed_gives_the_same_study_and_another_seed_another(name: str) -> None:
    first, again, other = (
        play(open_study(InMemoryStorage(), build(name, seed)), 16) for seed in (7, 7, 8)
    )  # fmt: skip
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", MODEL_BASED)
@pytest.mark.parametrize("journal", [True, False])
def test_a_resumed_study_draws_what_it_would_have_drawn(name: str, journal: bool, tmp_path: Path) -> None:
    def storage(part: str) -> BaseStorage:
        return JournalStorage(JournalFileBackend(str(tmp_path / part))) if journal else InMemoryStorage()

    whole = play(open_study(storage("whole"), build(name)), 20)
    first = storage("parts")
    play(open_study(first, build(name)), 10)
    # A new process reads the journal anew; memory cannot be left, so only sampler and study are new there.
    second = storage("parts") if journal else first
    assert play(open_study(second, build(name)), 20) == whole


def test_the_order_in_which_trials_draw_does_not_matter() -> None:
    def draws(order: list[int]) -> dict[int, float]:
        study = open_study(InMemoryStorage(), build("random"))
        trials = [study.ask() for _ in order]
        return {i: trials[i].suggest_float("x", 0, 1) for i in order}

    assert draws([0, 1, 2]) == draws([2, 0, 1])


def test_a_condition_that_goes_the_other_way_does_not_shift_later_draws() -> None:
    def draw(names: list[str]) -> float:
        trial = open_study(InMemoryStorage(), build("random")).ask()
        return [trial.suggest_float(name, 0, 1) for name in names][-1]

    assert draw(["a", "b", "c"]) == draw(["a", "c"])


def test_trials_of_a_seed_differ_from_each_other() -> None:
    study = open_study(InMemoryStorage(), build("random"))
    values = [study.ask().suggest_float("x", 0, 1) for _ in range(200)]
    assert len(set(values)) == 200
    assert 0.4 < sum(values) / 200 < 0.6


def test_dimensions_of_a_trial_differ_from_each_other() -> None:
    trial = open_study(InMemoryStorage(), build("random")).ask()
    assert len({trial.suggest_float(f"x{i}", 0, 1) for i in range(100)}) == 100


def test_reseeding_costs_under_two_milliseconds_an_ask() -> None:
    def seconds(sampler: BaseSampler) -> float:
        study = open_study(InMemoryStorage(), sampler)
        start = time.process_time()
        for _ in range(40):
            trial = study.ask()
            for i in range(10):
                trial.suggest_float(f"x{i}", 0, 1)
        return time.process_time() - start

    plain = min(seconds(optuna.samplers.RandomSampler(seed=0)) for _ in range(3))
    seeded = min(seconds(build("random")) for _ in range(3))
    assert (seeded - plain) / 40 < 0.002


def test_a_sampler_whose_generators_cannot_be_found_is_refused() -> None:
    class Odd(optuna.samplers.RandomSampler):
        def __init__(self) -> None:
            """Keep no generator."""

    with pytest.raises(RuntimeError, match="cannot be seeded"):
        SeededSampler(Odd(), 0)


# --- odd trials break no sampler


@pytest.mark.parametrize("name", MODEL_BASED)
def test_configs_outside_the_ranges_break_no_sampler(name: str) -> None:
    study = open_study(InMemoryStorage(), build(name))
    study.enqueue_trial({"layers": 2, "units_0": 12, "units_1": 8, "optimizer": "adam", "learning_rate": 1e-5})
    study.enqueue_trial({"layers": 1, "units_0": 1000, "dropout": 0.9})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Fixed parameter .* is out of range")
        params = play(study, 24)
    assert params[0]["units_1"] == 8
    assert params[1]["units_0"] == 1000
    for drawn in params[2:]:
        assert all(10 <= value <= 100 for key, value in drawn.items() if key.startswith("units"))
        assert 0 <= drawn["dropout"] <= 0.5
        assert 3e-4 <= drawn["learning_rate"] <= 3e-2


@pytest.mark.parametrize("name", MODEL_BASED)
def test_a_study_of_diverged_trials_breaks_no_sampler(name: str) -> None:
    study = open_study(InMemoryStorage(), build(name))
    for reports in itertools.islice(itertools.cycle([0, 1, 3]), 14):
        trial = study.ask()
        suggest(trial)
        for step in range(reports):
            trial.report(1.0, step + 1)
        trial.set_constraint("diverged", 1.0)
        study.tell(trial, state=TrialState.PRUNED)
    assert len(play(study, 30)) == 30


def test_tpe_keeps_away_from_where_trials_diverged() -> None:
    study = open_study(InMemoryStorage(), build("tpe"))
    high = []
    for _ in range(60):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        # The last report of a diverging trial is the best seen: only the constraint says that it is bad.
        trial.report(-10.0 if x > 0.5 else (x - 0.2) ** 2, 1)
        if x > 0.5:
            trial.set_constraint("diverged", 1.0)
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, (x - 0.2) ** 2)
        high.append(x > 0.5)
    assert sum(high[30:]) <= 5  # of 30; without the constraint nearly all would lie there
    assert study.best_trial.params["x"] <= 0.5


# --- the order of a grid


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_grid_order_visits_every_point_once(size: int, seed: int) -> None:
    order = grid_order(size, seed)
    assert sorted(order(i) for i in range(size)) == list(range(size))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 255, 256, 257])
def test_grid_order_holds_at_powers_of_two(size: int) -> None:
    assert sorted(map(grid_order(size, 0), range(size))) == list(range(size))


def test_grid_order_of_a_huge_grid_is_immediate_and_in_range() -> None:
    size = 10**40
    order = grid_order(size, 3)
    seen = {order(i) for i in range(1000)}
    assert len(seen) == 1000
    assert all(0 <= index < size for index in seen)
    # Spread out: the mean of 1000 uniform draws lies within 5 standard errors, 5 / sqrt(12000) = 0.046.
    assert abs(sum(seen) / 1000 / size - 0.5) < 0.046


def test_grid_order_follows_the_seed() -> None:
    def first(seed: int) -> list[int]:
        return list(map(grid_order(1000, seed), range(20)))

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert first(1) != sorted(first(1))


@pytest.mark.parametrize("call", [lambda: grid_order(0, 1), lambda: grid_order(3, 1)(3), lambda: grid_order(3, 1)(-1)])
def test_grid_order_refuses_what_it_does_not_hold(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, IndexError)):
        call()
