"""What does a configuration written by hand fix, and what is said about it?"""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from spaces import Params, Space, SpaceError, parse_space, pin, resolve
from spaces.suggesters import Sampled

PLACE = "start_with[0]"
SPACE = parse_space(
    {
        "layers": {"int": [1, 3]},
        "units": {"int": [10, 100]},
        "activation": ["relu", "tanh"],
        "dropout": {"float": [0, 0.5], "shared": False},
        "input_dropout": {"float": [0, 0.4], "step": 0.2},
        "optimizer": ["adam", "sgd"],
        "momentum": {"choice": [0.0, 0.9]},
        "nesterov": {"choice": [True, False], "when": {"momentum": 0.9}},
        "l2": 1e-4,
    },
    batch_size=10,
)


@pytest.mark.parametrize(
    ("config", "params"),
    [
        ({}, {}),
        ({"optimizer": "adam"}, {"optimizer": "adam"}),
        ({"layers": 2, "units": [12, 80]}, {"layers": 2, "units_1": 12, "units_2": 80}),
        # A list implies the number of layers, and comes from YAML or from Python.
        ({"units": [12, 80]}, {"layers": 2, "units_1": 12, "units_2": 80}),
        ({"units": (12, 80)}, {"layers": 2, "units_1": 12, "units_2": 80}),
        ({"units": [12], "dropout": [0.1]}, {"layers": 1, "units_1": 12, "dropout_1": 0.1}),
        # One value for every layer, be there as many as there may.
        ({"layers": 2, "units": 16}, {"layers": 2, "units_1": 16, "units_2": 16}),
        ({"units": 16}, {"units_1": 16, "units_2": 16, "units_3": 16}),
        (
            {"units": [12, 80], "dropout": 0},
            {"layers": 2, "units_1": 12, "units_2": 80, "dropout_1": 0, "dropout_2": 0},
        ),
        # A whole number where a float is due, and the other way round.
        ({"input_dropout": 0}, {"input_dropout": 0.0}),
        ({"units": [12.0]}, {"layers": 1, "units_1": 12}),
        # What the space fixes anyway may be said.
        ({"l2": 1e-4, "batch_size": 10}, {"l2": 1e-4, "batch_size": 10}),
        # A child of a parent that is left to the sampler, and one whose parents are said.
        ({"momentum": 0.9}, {"momentum": 0.9}),
        (
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
        ),
    ],
)
def test_a_config_fixes_what_it_says_and_nothing_else(config: dict[str, Any], params: Params) -> None:
    pinned, notices = pin(SPACE, config, PLACE)
    assert pinned == params
    assert {key: type(value) for key, value in pinned.items()} == {
        key: float if "dropout" in key else type(value) for key, value in params.items()
    }
    assert notices == ()


@pytest.mark.parametrize(
    ("config", "params", "notices"),
    [
        (
            {"units": [12, 8]},
            {"layers": 2, "units_1": 12, "units_2": 8},
            ("start_with[0].units[1]: 8 lies outside the searched range [10, 100]; it runs as given",),
        ),
        (
            {"layers": 5},
            {"layers": 5},
            ("start_with[0].layers: 5 lies outside the searched range [1, 3]; it runs as given",),
        ),
        # Said once, not once a layer.
        (
            {"units": 8},
            {"units_1": 8, "units_2": 8, "units_3": 8},
            ("start_with[0].units: 8 lies outside the searched range [10, 100]; it runs as given",),
        ),
        (
            {"input_dropout": 0.3},
            {"input_dropout": 0.3},
            (
                "start_with[0].input_dropout: 0.3 lies outside the searched range [0.0, 0.4] in steps of 0.2; "
                "it runs as given",
            ),
        ),
    ],
)
def test_a_number_outside_its_range_runs_as_given_with_a_notice(
    config: dict[str, Any], params: Params, notices: tuple[str, ...]
) -> None:
    assert pin(SPACE, config, PLACE) == (params, notices)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ([1], "start_with[0]: must map dimensions to values, e.g. {layers: 2, units: [64, 32]}, got [1]"),
        (
            {"unit": 8},
            "start_with[0].unit: there is no such dimension; did you mean 'units'? Allowed: " + ", ".join(SPACE.names),
        ),
        ({3: 8}, "start_with[0].3: there is no such dimension; Allowed: " + ", ".join(SPACE.names)),
        ({"l1": 0.1}, "start_with[0].l1: the space does not have l1; add it to 'space' as well"),
        ({"layers": 3, "units": [12, 80]}, "start_with[0].units: has 2 values for 3 layers; give one per layer"),
        ({"layers": 1, "units": [12, 80]}, "start_with[0].units: has 2 values for 1 layer; give one per layer"),
        ({"units": [12, 80], "dropout": [0]}, "start_with[0].dropout: has 1 value for 2 layers; give one per layer"),
        ({"units": []}, "start_with[0].units: the list is empty; give one value per layer"),
        (
            {"activation": ["relu", "tanh"]},
            "start_with[0].activation: is one value for the whole model here, got a list of 2",
        ),
        ({"layers": [2]}, "start_with[0].layers: is one value for the whole model here, got a list of 1"),
        (
            {"layers": "2", "units": [12, 80]},
            "start_with[0].layers: must be a whole number, got '2' (number of hidden layers)",
        ),
        ({"layers": 0}, "start_with[0].layers: must be at least 1, got 0 (layers is number of hidden layers)"),
        (
            {"units": [12, "many"]},
            "start_with[0].units[1]: must be a whole number, got 'many' (neurons of a hidden layer)",
        ),
        (
            {"units": [12], "dropout": [1.5]},
            "start_with[0].dropout[0]: must be below 1, got 1.5 (dropout is a fraction of a hidden layer's outputs)",
        ),
        (
            {"activation": "selu"},
            "start_with[0].activation: 'selu' is not among the choices (relu, tanh); add it to space.activation",
        ),
        (
            {"momentum": 0.5},
            "start_with[0].momentum: 0.5 is not among the choices (0.0, 0.9); add it to space.momentum",
        ),
        (
            {"batch_size": 32},
            "start_with[0].batch_size: the space fixes it at 10; remove it here, or search it there",
        ),
        ({"l2": 0}, "start_with[0].l2: the space fixes it at 0.0001; remove it here, or search it there"),
        (
            {"optimizer": "adam", "momentum": 0.9},
            "start_with[0].momentum: has no effect where optimizer is 'adam'; remove it",
        ),
        # By way of a parent that is absent itself.
        (
            {"optimizer": "adam", "nesterov": True},
            "start_with[0].nesterov: has no effect where optimizer is 'adam'; remove it",
        ),
        (
            {"optimizer": "sgd", "momentum": 0.0, "nesterov": True},
            "start_with[0].nesterov: has no effect where momentum is 0.0; remove it",
        ),
    ],
)
def test_a_config_that_cannot_run_is_refused(config: Any, expected: str) -> None:
    with pytest.raises(SpaceError) as caught:
        pin(SPACE, config, PLACE)
    text = str(caught.value)
    assert text.startswith(expected)
    assert "\n" not in text


def test_one_value_for_all_layers_covers_a_fixed_number_of_layers() -> None:
    space = parse_space({"layers": 4, "units": {"int": [8, 16]}})
    assert pin(space, {"units": 8}, PLACE) == ({f"units_{layer}": 8 for layer in (1, 2, 3, 4)}, ())


def trial_that_starts_with(space: Space, config: dict[str, Any]) -> Params:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.enqueue_trial(pin(space, config, PLACE)[0])
    return space.suggest(study.ask())


@pytest.mark.filterwarnings("ignore:Fixed parameter .* is out of range:UserWarning")
def test_the_sampler_completes_what_a_config_leaves_open() -> None:
    params = trial_that_starts_with(SPACE, {"units": [12, 8], "optimizer": "adam"})
    assert [params[name] for name in ("layers", "units_1", "units_2", "optimizer")] == [2, 12, 8, "adam"]
    assert params["activation"] in ("relu", "tanh")
    config = resolve(params)
    assert [layer.units for layer in config.hidden] == [12, 8]
    assert config.batch_size == 10


def test_a_config_fits_every_trial_that_takes_it_over() -> None:
    """The values of a one-for-all config reach exactly the layers that a trial turns out to have."""
    pinned, _ = pin(SPACE, {"units": 16, "dropout": 0.25}, PLACE)
    for seed in range(10):
        drawn = SPACE.suggest(Sampled(seed))
        params = SPACE.replay({**drawn, **pinned})
        assert SPACE.contains(params)
        assert {layer.units for layer in resolve(params).hidden} == {16}


def test_a_zero_is_refused_where_the_search_is_in_logarithms() -> None:
    space = parse_space({"l2": {"float": [1e-6, 1e-2], "log": True}})
    with pytest.raises(SpaceError, match=r"start_with\[0\]\.l2: is searched in logarithms, which 0"):
        pin(space, {"l2": 0}, "start_with[0]")
