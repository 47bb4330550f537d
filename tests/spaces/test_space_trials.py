"""Which parameters does a trial get, from Optuna and others, and do they give the same model again?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_spaces import every_trial, spaces

from spaces import Params, Space, SpaceError, Suggester, parse_space, resolve
from spaces.suggesters import Extreme, Replay, Sampled


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def study(**settings: Any) -> optuna.Study:
    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=1, n_startup_trials=3, multivariate=False, **settings)
    )


class Asked:
    """Passes every question on to another suggester, and notes which."""

    def __init__(self, inner: Suggester) -> None:
        self.inner, self.names = inner, list[str]()

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        self.names.append(name)
        return self.inner.suggest_int(name, low, high, step=step, log=log)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.names.append(name)
        return self.inner.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.names.append(name)
        return self.inner.suggest_categorical(name, choices)


def check_trial(space: Space, params: Params) -> None:
    """What holds for every trial of every space."""
    assert space.contains(params)
    for dimension in space.dimensions:
        keys = dimension.keys(params)
        assert all(key in params for key in keys)
        assert len(keys) == (0 if not dimension.active(params) else params["layers"] if dimension.per_layer else 1)
    config = resolve(params, family=space.family)
    assert len(config.hidden) == params["layers"]
    # As recorded by Optuna, and as read back from a file.
    assert space.replay(params) == params
    from_file = space.replay(json.loads(json.dumps(params)))
    assert from_file == params
    assert resolve(from_file) == config
    assert resolve(from_file).fingerprint == config.fingerprint


@settings(max_examples=150, deadline=None)
@given(spaces(finite=False), st.integers(0, 2**31))
def test_a_random_trial_lies_in_its_space_and_replays(space: Space, seed: int) -> None:
    params = space.suggest(Sampled(seed))
    check_trial(space, params)
    assert space.suggest(Sampled(seed)) == params


@settings(max_examples=60, deadline=None)
@given(spaces(finite=False), st.booleans())
def test_an_extreme_trial_lies_in_its_space_and_replays(space: Space, largest: bool) -> None:
    params = space.suggest(Extreme(largest=largest))
    check_trial(space, params)
    assert params["layers"] == space["layers"].domain.grid(None)[-1 if largest else 0]


@settings(max_examples=12, deadline=None)
@given(spaces(finite=False))
def test_an_optuna_trial_is_a_suggester_as_it_is(space: Space) -> None:
    """Warnings are errors here: no range makes Optuna adjust it, and no parameter changes its range in a study."""
    asked = study()
    seen = []
    for number in range(8):
        trial = asked.ask()
        params = space.suggest(trial)
        check_trial(space, params)
        # The values of a choice of one are nobody's to draw, so they are not in Optuna's record; replay fills them in.
        assert space.replay(trial.params) == params
        seen.append(params)
        asked.tell(trial, math.sin(number))
    recorded = asked.get_trials()
    assert [space.replay(trial.params) for trial in recorded] == seen


def test_only_what_has_several_values_is_asked_for() -> None:
    space = parse_space({"layers": 2, "units": [8, 16], "activation": "relu", "batch_norm": True, "dropout": [0, 0.1]})
    asked = Asked(Sampled(0))
    params = space.suggest(asked)
    assert {"layers", "activation", "batch_norm"}.isdisjoint(asked.names)
    assert {"units_1", "units_2", "dropout"} <= set(asked.names)
    assert params["layers"] == 2
    assert {d.name for d in space.searched} == {"optimizer", "learning_rate", "units", "dropout", "momentum"}


def test_an_inactive_child_is_not_asked_for() -> None:
    space = parse_space({"optimizer": ["adam", "sgd"]})
    for seed in range(30):
        asked = Asked(Sampled(seed))
        params = space.suggest(asked)
        assert ("momentum" in asked.names) == (params["optimizer"] == "sgd")
        assert ("momentum" in params) == (params["optimizer"] == "sgd")


def test_steps_of_a_tenth_have_one_value_each_whoever_draws_them() -> None:
    """0.1 + 2 * 0.1 is 0.30000000000000004 in binary: as that, one config would have two fingerprints."""
    space = parse_space({"dropout": {"float": [0.1, 0.7], "step": 0.1}})
    sampler = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn = {space.suggest(sampler.ask())["dropout"] for _ in range(60)}
    drawn |= {space.suggest(Sampled(seed))["dropout"] for seed in range(60)}
    assert sorted(drawn, key=float) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_a_value_off_the_steps_stays_as_it_was_recorded() -> None:
    space = parse_space({"layers": 1, "dropout": {"float": [0.1, 0.7], "step": 0.1}})
    params = space.suggest(Sampled(0))
    assert space.replay({**params, "dropout": 0.25})["dropout"] == 0.25
    assert space.replay({**params, "dropout": 0.95})["dropout"] == 0.95


def test_a_record_of_another_space_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"^units_2: the recorded parameters have no such value; they belong to ano"):
        parse_space({"layers": 2}).replay({"units_1": 8})


def test_replay_answers_in_the_kind_that_was_asked_for() -> None:
    replay = Replay({"units": 8.0, "dropout": 0, "activation": "relu"})
    assert repr(replay.suggest_int("units", 1, 2)) == "8"
    assert repr(replay.suggest_float("dropout", 0.1, 0.2)) == "0.0"
    assert replay.suggest_categorical("activation", ["tanh"]) == "relu"


@pytest.mark.parametrize(
    ("change", "inside"),
    [
        ({}, True),
        ({"units_1": 101}, False),
        ({"units_1": 50.0}, False),
        ({"units_1": True}, False),
        ({"dropout": 0.5}, True),
        ({"dropout": 0.51}, False),
        ({"dropout": 0}, True),
        ({"activation": "selu"}, False),
        ({"batch_norm": 1}, False),
        ({"momentum": 0.5}, False),
        ({"units_2": 50}, False),
        ({"optimizer": "sgd"}, False),
        ({"optimizer": "sgd", "momentum": 0.5}, True),
        ({"layers": 2}, False),
        ({"layers": 2, "units_2": 50}, True),
        ({"layers": 6}, False),
        ({"unheard_of": 1}, False),
    ],
)
def test_a_space_contains_whole_trials_only(change: dict[str, Any], inside: bool) -> None:
    params: Params = {
        "layers": 1,
        "units_1": 50,
        "activation": "relu",
        "batch_norm": True,
        "dropout": 0.1,
        "optimizer": "adam",
        "learning_rate": 0.01,
    }
    assert parse_space({}).contains({**params, **change}) == inside


def test_a_trial_without_a_parameter_is_not_contained() -> None:
    space = parse_space({})
    params = space.suggest(Sampled(0))
    for key in params:
        assert not space.contains({name: value for name, value in params.items() if name != key})


def test_draws_reach_every_trial_of_a_small_space() -> None:
    space = parse_space(
        {
            "layers": [1, 2],
            "units": {"int": [8, 16], "step": 8},
            "activation": "relu",
            "batch_norm": False,
            "dropout": {"float": [0, 0.2], "step": 0.1},
            "optimizer": ["adam", "sgd"],
            "learning_rate": 0.1,
            "momentum": [0.0, 0.9],
        }
    )
    listed = {json.dumps(params) for params in every_trial(space)}
    assert len(listed) == (2 + 4) * 3 * (1 + 2)
    assert {json.dumps(space.suggest(Sampled(seed))) for seed in range(2000)} == listed


@pytest.mark.parametrize(
    ("entry", "low", "high"),
    [
        ({"int": [10, 100], "log": True}, 10, 100),
        ({"int": [10, 100]}, 10, 100),
        ({"int": [10, 100], "step": 30}, 10, 100),
    ],
)
def test_draws_spread_over_the_whole_range(entry: dict[str, Any], low: int, high: int) -> None:
    space = parse_space({"layers": 1, "units": entry})
    drawn = [int(space.suggest(Sampled(seed))["units_1"]) for seed in range(400)]
    assert min(drawn) == low
    assert max(drawn) >= high - 1
    below = sum(value < 32 for value in drawn) / len(drawn)  # 10 to 31: half of the range in logarithms
    assert 0.4 < below < 0.6 if entry.get("log") else below < 0.6


def test_a_space_says_whether_its_trials_differ_in_their_parameters() -> None:
    plain = {"layers": 2, "optimizer": "adam"}
    assert not parse_space(plain).has_conditions
    assert parse_space({**plain, "layers": [1, 2]}).has_conditions
    assert not parse_space({**plain, "layers": [1, 2], "units": {"int": [8, 9], "shared": True}}).has_conditions
    assert parse_space({**plain, "l2": {"choice": [0.1, 0.2], "when": {"batch_norm": True}}}).has_conditions
    # A fixed value is nothing that a sampler sees.
    assert not parse_space({**plain, "l2": {"choice": [0.1], "when": {"batch_norm": True}}}).has_conditions
