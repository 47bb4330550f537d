"""What does a space section mean: defaults, order, conditions, layers, and its canonical form?"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from random_spaces import example_of, sections

import spaces
from spaces import Choice, Condition, FloatRange, IntRange, Space, parse_space, resolve
from spaces.catalog import DEFAULT_SPACE, OPTIMIZER_SETTINGS, QUANTITIES
from spaces.suggesters import Extreme, Sampled

FIXED: dict[str, Any] = {
    "layers": 2,
    "units": 8,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0,
    "optimizer": "adam",
    "learning_rate": 0.01,
}


def names_of(section: dict[str, Any]) -> tuple[str, ...]:
    return parse_space(section).names


# What is left out.


def test_nothing_said_is_the_documented_default_space() -> None:
    space = parse_space({})
    assert space.names == tuple(DEFAULT_SPACE)
    assert space["layers"].domain == IntRange(1, 5)
    assert space["units"].domain == IntRange(10, 100, log=True)
    assert space["activation"].domain == Choice(("relu", "tanh", "elu", "leaky_relu"))
    assert space["batch_norm"].domain == Choice((True, False))
    assert space["dropout"].domain == FloatRange(0.0, 0.5)
    assert space["optimizer"].domain == Choice(("adam", "sgd", "rmsprop"))
    assert space["learning_rate"].domain == FloatRange(3e-4, 3e-2, log=True)
    assert space["momentum"].domain == FloatRange(0.0, 0.99)
    assert space["momentum"].when == (Condition("optimizer", ("sgd",)),)
    assert [d.name for d in space.dimensions if d.per_layer] == ["units"]


def test_what_is_said_replaces_its_default_and_leaves_the_others() -> None:
    space = parse_space({"dropout": 0.25, "l2": [0, 1e-4]})
    assert space["dropout"].domain == Choice((0.25,))
    assert set(space.names) == {*DEFAULT_SPACE, "l2"}


def test_a_default_that_no_trial_would_have_is_left_out() -> None:
    assert "momentum" not in names_of({"optimizer": ["adam", "rmsprop"]})
    assert "momentum" in names_of({"optimizer": ["sgd", "rmsprop"]})


def test_a_batch_size_from_elsewhere_is_fixed_in_the_space() -> None:
    space = parse_space({}, batch_size=10)
    assert space["batch_size"].domain == Choice((10,))
    assert resolve(space.suggest(Sampled(seed=0))).batch_size == 10
    assert "batch_size" not in parse_space({}).names
    assert resolve(parse_space({}).suggest(Sampled(seed=0))).batch_size == 32


# Order.


def test_a_section_is_asked_in_its_own_order_after_layers_and_defaults() -> None:
    assert names_of({"optimizer": "adam", "l2": 0.1, "units": 8, "layers": 1}) == (
        "layers",
        "activation",
        "batch_norm",
        "dropout",
        "learning_rate",
        "optimizer",
        "l2",
        "units",
    )


def test_a_condition_may_look_back_at_a_default() -> None:
    space = parse_space({"input_dropout": {"choice": [0.1, 0.2], "when": {"batch_norm": True, "layers": [4, 5]}}})
    assert space.names.index("input_dropout") > space.names.index("batch_norm")


# Conditions.

NESTED: dict[str, Any] = {
    **FIXED,
    "optimizer": ["adam", "sgd"],
    "momentum": {"choice": [0.0, 0.9], "when": {"optimizer": "sgd"}},
    "nesterov": {"choice": [True, False], "when": {"momentum": 0.9}},
    "l1": {"choice": [0.1, 0.2], "when": {"nesterov": [True], "layers": [2, 3]}},
}


@pytest.mark.parametrize(
    ("params", "name", "active"),
    [
        ({"layers": 2, "optimizer": "adam"}, "momentum", False),
        ({"layers": 2, "optimizer": "sgd"}, "momentum", True),
        ({"layers": 2, "optimizer": "sgd", "momentum": 0.0}, "nesterov", False),
        ({"layers": 2, "optimizer": "sgd", "momentum": 0.9}, "nesterov", True),
        ({"layers": 2, "optimizer": "sgd", "momentum": 0.9, "nesterov": True}, "l1", True),
        ({"layers": 4, "optimizer": "sgd", "momentum": 0.9, "nesterov": True}, "l1", False),
        ({"layers": 2, "optimizer": "sgd", "momentum": 0.9, "nesterov": False}, "l1", False),
        # Where a parent is absent, so is the child.
        ({"layers": 2, "optimizer": "adam"}, "nesterov", False),
        ({"layers": 2, "optimizer": "adam"}, "l1", False),
    ],
)
def test_a_dimension_exists_where_all_its_conditions_hold(params: dict[str, Any], name: str, active: bool) -> None:
    dimension = parse_space(NESTED)[name]
    assert dimension.active(params) == active
    assert dimension.keys(params) == ((name,) if active else ())


def test_a_switch_is_not_a_number_in_a_condition() -> None:
    assert Condition("batch_norm", (True,)).holds({"batch_norm": True})
    assert not Condition("batch_norm", (True,)).holds({"batch_norm": 1})
    assert not Condition("layers", (1,)).holds({"layers": True})


@pytest.mark.parametrize("setting", OPTIMIZER_SETTINGS)
def test_an_optimizers_setting_exists_only_under_optimizers_that_take_it(setting: str) -> None:
    takers = OPTIMIZER_SETTINGS[setting]
    value = example_of(QUANTITIES[setting])
    everyone = list(QUANTITIES["optimizer"].names)
    unsaid = parse_space({**FIXED, "optimizer": everyone, setting: [value]})
    assert unsaid[setting].when == (Condition("optimizer", takers),)
    # What is said is narrowed to the takers.
    said = parse_space({**FIXED, "optimizer": everyone, setting: {"choice": [value], "when": {"optimizer": everyone}}})
    assert set(said[setting].when[0].values) == set(takers)
    for seed in range(20):
        params = unsaid.suggest(Sampled(seed))
        assert (setting in params) == (params["optimizer"] in takers)


def test_a_written_condition_on_the_optimizer_stays_narrower_than_the_implied_one() -> None:
    space = parse_space({"momentum": {"float": [0, 0.9], "when": {"layers": 1, "optimizer": "sgd"}}})
    assert space["momentum"].when == (Condition("layers", (1,)), Condition("optimizer", ("sgd",)))


# Layers.


def test_a_per_layer_dimension_has_one_parameter_a_layer_and_a_shared_one_has_one() -> None:
    space = parse_space(
        {"layers": {"int": [1, 4]}, "dropout": {"float": [0, 0.5], "shared": False}, "units": {"int": [8, 9]}}
    )
    for seed in range(20):
        params = space.suggest(Sampled(seed))
        layers = range(1, int(params["layers"]) + 1)
        for name in ("units", "dropout"):
            assert [key for key in params if key.startswith(f"{name}")] == [f"{name}_{layer}" for layer in layers]
        assert "activation" in params


def test_units_are_per_layer_unless_shared() -> None:
    assert parse_space({"units": 8})["units"].keys({"layers": 2}) == ("units_1", "units_2")
    assert parse_space({"units": {"choice": [8], "shared": True}})["units"].keys({"layers": 2}) == ("units",)


def test_a_conditional_per_layer_dimension_exists_for_all_layers_or_none() -> None:
    dropout = {"choice": [0.1, 0.2], "shared": False, "when": {"batch_norm": False}}
    space = parse_space({"layers": 3, "dropout": dropout})
    assert space["dropout"].keys({"layers": 3, "batch_norm": True}) == ()
    assert space["dropout"].keys({"layers": 3, "batch_norm": False}) == ("dropout_1", "dropout_2", "dropout_3")


# Ranges in canonical form.


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ({"float": [0, 0.5], "step": 0.2}, FloatRange(0.0, 0.4, step=0.2)),
        ({"float": [0.2, 0.3], "step": 0.1}, FloatRange(0.2, 0.3, step=0.1)),
        ({"float": [0.1, 0.7], "step": 0.1}, FloatRange(0.1, 0.7, step=0.1)),
        ({"float": [0, 0.5]}, FloatRange(0.0, 0.5)),
        ([0, 0.5], Choice((0.0, 0.5))),
        ({"choice": 0.5}, Choice((0.5,))),
        (0, Choice((0.0,))),
    ],
)
def test_a_range_ends_at_its_last_step(entry: Any, domain: object) -> None:
    assert parse_space({"dropout": entry})["dropout"].domain == domain


def test_a_range_of_whole_numbers_ends_at_its_last_step() -> None:
    assert parse_space({"units": {"int": [1, 10], "step": 4}})["units"].domain == IntRange(1, 9, step=4)
    assert parse_space({"units": {"int": [1, 10], "step": 1, "log": True}})["units"].domain == IntRange(1, 10, log=True)


def test_the_extremes_of_a_space_are_values_of_it() -> None:
    space = parse_space({"dropout": {"float": [0, 0.5], "step": 0.2}, "units": {"int": [1, 10], "step": 4}})
    largest, smallest = space.suggest(Extreme(largest=True)), space.suggest(Extreme(largest=False))
    assert space.contains(largest)
    assert space.contains(smallest)
    assert (largest["layers"], largest["units_5"], largest["dropout"], largest["batch_norm"]) == (5, 9, 0.4, True)
    assert (smallest["layers"], smallest["units_1"], smallest["dropout"], smallest["batch_norm"]) == (1, 1, 0.0, False)


def test_a_name_that_the_space_lacks_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="l2"):
        parse_space({})["l2"]


# Description and fingerprint.


@settings(max_examples=200, deadline=None)
@given(sections(finite=False))
def test_a_described_space_reads_back_as_itself(section: dict[str, Any]) -> None:
    space = parse_space(section)
    again = parse_space(space.describe())
    assert again == space
    assert again.fingerprint == space.fingerprint
    assert again.describe() == space.describe()


@pytest.mark.parametrize(
    ("section", "batch_size"),
    [
        ({}, None),
        ({}, 10),
        (FIXED, 10),
        (NESTED, None),
        ({"units": {"int": [8, 16], "shared": True}}, None),
        ({"units": 8, "dropout": {"choice": [0.1], "shared": False}}, None),
    ],
)
def test_a_described_space_reads_back_with_what_was_given_elsewhere(
    section: dict[str, Any], batch_size: int | None
) -> None:
    space = parse_space(section, batch_size=batch_size)
    assert parse_space(space.describe()) == space


def test_a_description_leaves_nothing_to_defaults() -> None:
    described = parse_space({"units": {"int": [8, 16], "shared": True}, "momentum": [0.0, 0.9]}).describe()
    assert described["units"] == {"int": [8, 16], "shared": True}
    assert described["momentum"] == {"choice": [0.0, 0.9], "when": {"optimizer": ["sgd", "rmsprop", "muon"]}}
    assert described["activation"] == ["relu", "tanh", "elu", "leaky_relu"]
    assert described["layers"] == {"int": [1, 5]}


VARIANTS: list[dict[str, Any]] = [
    {},
    {"layers": {"int": [1, 4]}},
    {"layers": {"int": [2, 5]}},
    {"units": {"int": [10, 100]}},
    {"units": {"int": [10, 100], "step": 10}},
    {"units": {"int": [10, 100], "log": True, "shared": True}},
    {"units": [10, 100]},
    {"activation": ["relu", "tanh", "elu"]},
    {"activation": ["tanh", "relu", "elu", "leaky_relu"]},
    {"activation": {"choice": ["relu", "tanh", "elu", "leaky_relu"], "shared": False}},
    {"batch_norm": True},
    {"batch_norm": False},
    {"dropout": {"float": [0, 0.4]}},
    {"dropout": {"float": [0, 0.5], "step": 0.1}},
    {"dropout": {"float": [0, 0.5], "when": {"batch_norm": False}}},
    {"dropout": {"float": [0, 0.5], "when": {"batch_norm": True}}},
    {"dropout": {"float": [0, 0.5], "when": {"layers": [1, 2]}}},
    {"momentum": {"float": [0, 0.99]}},
    {"l2": [0.0, 1e-4]},
    {"l1": [0.0, 1e-4]},
    {"batch_size": 32},
]


def test_a_fingerprint_changes_whenever_the_space_does() -> None:
    prints = [parse_space(section).fingerprint for section in VARIANTS]
    for (one, first), (other, second) in combinations(zip(VARIANTS, prints, strict=True), 2):
        assert first != second, (one, other)
    assert all(len(text) == 12 and int(text, 16) >= 0 for text in prints)
    space = parse_space({})
    assert Space("other", space.dimensions).fingerprint != space.fingerprint


def test_a_fingerprint_does_not_change_with_how_the_same_space_is_written() -> None:
    plain = parse_space({"layers": 2, "dropout": 0.5, "units": {"int": [8, 16]}})
    long = parse_space(
        {
            "dropout": {"choice": [0.5], "shared": True},
            "units": {"int": [8.0, 16], "step": 1, "log": False, "shared": False},
            "layers": {"choice": 2},
        }
    )
    assert long == plain
    assert long.fingerprint == plain.fingerprint


def test_fingerprints_are_the_same_in_every_process() -> None:
    program = (
        "from spaces import parse_space, resolve; from spaces.suggesters import Sampled;"
        "s = parse_space({}, batch_size=9); print(s.fingerprint, resolve(s.suggest(Sampled(3))).fingerprint)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    space = parse_space({}, batch_size=9)
    assert printed == {f"{space.fingerprint} {resolve(space.suggest(Sampled(3))).fingerprint}\n"}


def test_the_package_offers_what_it_says_and_nothing_else() -> None:
    for name in spaces.__all__:
        assert getattr(spaces, name) is not None
    with pytest.raises(AttributeError, match="parse_spaces"):
        spaces.parse_spaces  # noqa: B018
