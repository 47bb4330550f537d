"""What is a space section told that breaks a rule?"""

from __future__ import annotations

from typing import Any

import pytest

from spaces import SpaceError, parse_space
from spaces.catalog import QUANTITIES
from spaces.errors import nearest
from spaces.values import check_value

FOUR_NAMES = ["relu", "tanh", "elu", "leaky_relu"]

# Section, and the beginning and the end of what it is told: place and rule, value and remedy.
BAD: dict[str, tuple[Any, str, str]] = {
    # The section and its entries.
    "a list": ([1], "space: must be a mapping such as {layers: {int: [1, 5]}}, got [1]", ""),
    "unknown dimension": ({"layer": 3}, "space.layer: there is no such dimension; did you mean 'layers'? ", ""),
    "a number for a name": ({7: 3}, "space.7: there is no such dimension; 'kerasweep spaces mlp' lists", "them"),
    "wrong case": ({"Dropout": 0.5}, "space.Dropout: there is no such dimension; did you mean 'dropout'? ", ""),
    "no kind": ({"units": {}}, "space.units: needs exactly one of int, float or choice, got no keys;", "{int: [1, 5]}"),
    "two kinds": ({"units": {"int": [1, 2], "choice": [3]}}, "space.units: needs exactly one of int, float or", ""),
    "unknown key": (
        {"units": {"int": [1, 2], "lg": True}},
        "space.units.lg: is not part of a dimension of kind int; did you mean 'log'?",
        "Allowed: int, step, log, when, shared",
    ),
    "step of a choice": ({"units": {"choice": [1, 2], "step": 1}}, "space.units.step: is not part of a dimension", ""),
    "nothing": ({"layers": None}, "space.layers: must be a whole number, got None (number of hidden layers)", ""),
    # Ranges.
    "one bound": ({"units": {"int": [8]}}, "space.units.int: must be [low, high], got [8]", ""),
    "three bounds": ({"units": {"int": [8, 16, 32]}}, "space.units.int: must be [low, high], got [8, 16, 32]", ""),
    "bounds as text": ({"units": {"int": "8-16"}}, "space.units.int: must be [low, high], got '8-16'", ""),
    "low above high": (
        {"layers": {"int": [5, 1]}},
        "space.layers: low must not be above high, got [5, 1]; swap them",
        "",
    ),
    "a fractional layer": ({"layers": {"int": [1, 2.5]}}, "space.layers.high: must be a whole number, got 2.5", ""),
    "no layer": ({"layers": {"int": [0, 5]}}, "space.layers.low: must be at least 1, got 0 (layers is number of", ""),
    "too many layers": ({"layers": 1001}, "space.layers: must be at most 1000, got 1001", ""),
    "no unit": ({"units": [0, 8]}, "space.units[0]: must be at least 1, got 0", ""),
    "too many units": ({"units": {"int": [1, 10**7]}}, "space.units.high: must be at most 1000000, got 10000000", ""),
    "dropout of 1.5": (
        {"dropout": {"float": [0, 1.5]}},
        "space.dropout.high: must be below 1, got 1.5 (dropout is a fraction of a hidden layer's outputs)",
        "",
    ),
    "dropout of 1": ({"dropout": 1}, "space.dropout: must be below 1, got 1", ""),
    "negative dropout": ({"input_dropout": -0.1}, "space.input_dropout: must be at least 0, got -0.1", ""),
    "no learning rate": ({"learning_rate": 0}, "space.learning_rate: must be above 0, got 0", ""),
    "negative penalty": ({"l2": {"float": [-1, 1]}}, "space.l2.low: must be at least 0, got -1", ""),
    "momentum of 1": ({"momentum": 1.0}, "space.momentum: must be below 1, got 1.0", ""),
    "log with zero": (
        {"l1": {"float": [0, 1], "log": True}},
        "space.l1.low: must be above 0 on a logarithmic scale, got 0.0; raise it or drop log",
        "",
    ),
    "log as text": ({"units": {"int": [1, 9], "log": "yes"}}, "space.units.log: must be true or false, got 'yes'", ""),
    "infinite": ({"l1": {"float": [0, float("inf")]}}, "space.l1.high: must be finite, got inf", ""),
    "not a number": ({"l1": float("nan")}, "space.l1: must be finite, got nan", ""),
    "beyond floats": ({"batch_size": 10**400}, "space.batch_size: must be finite, got 10000000000000000000 (", ""),
    "text": ({"learning_rate": "fast"}, "space.learning_rate: must be a number, got 'fast' (the optimizer's step", ""),
    "a switch as number": ({"batch_norm": [0, 1]}, "space.batch_norm[0]: must be true or false, got 0", ""),
    "a number as switch": ({"layers": True}, "space.layers: must be a whole number, got True", ""),
    "float range of units": (
        {"units": {"float": [1, 9]}},
        "space.units: cannot be a range of kind float; write {int: [low, high]}",
        "",
    ),
    "int range of a fraction": (
        {"dropout": {"int": [0, 1]}},
        "space.dropout: takes fractions; write {float: [low, high]}",
        "",
    ),
    "range of names": ({"activation": {"int": [1, 2]}}, "space.activation: cannot be a range of kind int; write a", ""),
    "range of switches": (
        {"batch_norm": {"float": [0, 1]}},
        "space.batch_norm: cannot be a range of kind float; write [true, false]",
        "",
    ),
    # Steps.
    "step of zero": ({"units": {"int": [1, 9], "step": 0}}, "space.units.step: must be a number above 0, got 0", ""),
    "step as text": ({"units": {"int": [1, 9], "step": "2"}}, "space.units.step: must be a number above 0, got", ""),
    "endless step": ({"l1": {"float": [0, 1], "step": float("inf")}}, "space.l1.step: must be a number above 0", ""),
    "half a unit": ({"units": {"int": [1, 9], "step": 0.5}}, "space.units.step: must be a whole number, got 0.5", ""),
    "step and log": (
        {"units": {"int": [1, 9], "step": 2, "log": True}},
        "space.units.step: cannot be combined with log; keep one of the two",
        "",
    ),
    "step of one and log": (
        {"l1": {"float": [1, 9], "step": 1, "log": True}},
        "space.l1.step: cannot be combined with log; keep one of the two",
        "",
    ),
    "step too large": (
        {"dropout": {"float": [0, 0.5], "step": 0.6}},
        "space.dropout.step: must not exceed the range, got 0.6 over a range of 0.5",
        "",
    ),
    "step too small": (
        {"dropout": {"float": [0, 0.5], "step": 1e-9}},
        "space.dropout.step: must give at most 1000000 values, got 1e-09 over a range of 0.5; enlarge it or drop it",
        "",
    ),
    # Choices.
    "no choice": ({"activation": []}, "space.activation: the list of choices is empty; name at least one value", ""),
    "twice": ({"activation": ["relu", "relu"]}, "space.activation[1]: 'relu' stands twice among the choices; rem", ""),
    "twice as numbers": ({"units": [8, 8.0]}, "space.units[1]: 8 stands twice among the choices; remove one", ""),
    "unknown activation": (
        {"activation": ["relu", "ReLu6"]},
        "space.activation[1]: 'ReLu6' is not known; did you mean 'relu6'?",
        "",
    ),
    "unknown optimizer": ({"optimizer": "adma"}, "space.optimizer: 'adma' is not known; did you mean 'adam'?", "adamw"),
    "a switch as a name": ({"optimizer": True}, "space.optimizer: True is not known; Allowed: sgd", ""),
    "a list as a name": ({"optimizer": [["adam"]]}, "space.optimizer: ['adam'] is not known; did you mean 'adam'?", ""),
    "unknown initializer": ({"kernel_initializer": "he"}, "space.kernel_initializer: 'he' is not known; ", ""),
    # Shared.
    "shared as text": (
        {"units": {"int": [1, 9], "shared": 1}},
        "space.units.shared: must be true or false, got 1",
        "",
    ),
    "layer by layer": (
        {"optimizer": {"choice": ["adam"], "shared": False}},
        "space.optimizer.shared: optimizer is one for the whole model; leave 'shared' out",
        "",
    ),
    # Conditions.
    "when as text": (
        {"l1": {"choice": [0.1], "when": "sgd"}},
        "space.l1.when: must map a dimension to its values, e.g. {optimizer: sgd}, got 'sgd'",
        "",
    ),
    "when as nothing": ({"l1": {"choice": [0.1], "when": None}}, "space.l1.when: must map a dimension to its", "None"),
    "when empty": ({"l1": {"choice": [0.1], "when": {}}}, "space.l1.when: must map a dimension to its values,", "{}"),
    "when of no values": (
        {"l1": {"choice": [0.1], "when": {"layers": []}}},
        "space.l1.when.layers: the list of values is empty; name at least one",
        "",
    ),
    "when of an unknown dimension": (
        {"l1": {"choice": [0.1], "when": {"optimiser": "sgd"}}},
        "space.l1.when.optimiser: there is no such dimension; did you mean 'optimizer'?",
        "",
    ),
    "when of an unknown value": (
        {"l1": {"choice": [0.1], "when": {"optimizer": "sdg"}}},
        "space.l1.when.optimizer: 'sdg' is not known; did you mean 'sgd'?",
        "",
    ),
    "when of a dimension that the space lacks": (
        {"l1": {"choice": [0.1], "when": {"l2": 0.1}}},
        "space.l1.when.l2: the space has no l2; add it above l1",
        "",
    ),
    "when of a later dimension": (
        {"l1": {"choice": [0.1], "when": {"l2": 0.1}}, "l2": [0.0, 0.1]},
        "space.l1.when.l2: l2 comes later; move it above l1",
        "",
    ),
    "a setting above its optimizer": (
        {"momentum": {"float": [0, 0.9]}, "optimizer": ["sgd", "adam"]},
        "space.momentum.when.optimizer: optimizer comes later; move it above momentum",
        "",
    ),
    "on itself": (
        {"l1": {"choice": [0.0, 0.1], "when": {"l1": 0.1}}},
        "space.l1.when.l1: a dimension cannot depend on itself; remove the condition",
        "",
    ),
    "a cycle of two": (
        {"l1": {"choice": [0.0, 0.1], "when": {"l2": 0.1}}, "l2": {"choice": [0.0, 0.1], "when": {"l1": 0.1}}},
        "space.l1.when.l2: l1 and l2 depend on each other (a cycle); remove one",
        "",
    ),
    "a cycle of three": (
        {
            "l1": {"choice": [0.0, 0.1], "when": {"weight_decay": 0.1}},
            "l2": {"choice": [0.0, 0.1], "when": {"l1": 0.1}},
            "weight_decay": {"choice": [0.0, 0.1], "when": {"l2": 0.1}},
        },
        "space.l1.when.weight_decay: l1 and weight_decay depend on each other (a cycle); remove one",
        "",
    ),
    "on a per-layer dimension": (
        {"l1": {"choice": [0.1], "when": {"units": 32}}},
        "space.l1.when.units: units differs from layer to layer; add 'shared: true' to space.units to depend on it",
        "",
    ),
    "on a continuous range": (
        {"l1": {"choice": [0.1], "when": {"dropout": 0.25}}},
        "space.l1.when.dropout: dropout is a continuous range, which hardly ever gives one exact value; ",
        "give space.dropout a step, or a list of choices",
    ),
    "never true": (
        {"activation": FOUR_NAMES, "l1": {"choice": [0.1], "when": {"activation": ["selu", "gelu"]}}},
        "space.l1.when.activation: activation is never 'selu', 'gelu'; the space has ['relu', 'tanh', ",
        "",
    ),
    "outside the range": (
        {"l1": {"choice": [0.1], "when": {"layers": [6, 7]}}},
        "space.l1.when.layers: layers is never 6, 7; the space has {'int': [1, 5]}",
        "",
    ),
    "never true together": (
        {
            "l1": {"choice": [0.0, 0.1], "when": {"optimizer": "adam"}},
            "l2": {"choice": [0.0, 0.1], "when": {"l1": 0.1, "optimizer": "sgd"}},
        },
        "space.l2.when: never holds, as its conditions and those of what it depends on ask for different values of opt",
        "remove one of them",
    ),
    "a setting under an optimizer without it": (
        {"momentum": {"float": [0, 0.9], "when": {"optimizer": "adam"}}},
        "space.momentum.when.optimizer: adam has no momentum; it belongs to sgd, rmsprop",
        "",
    ),
    "a setting without its optimizers": (
        {"optimizer": "adam", "momentum": {"float": [0, 0.9]}},
        "space.momentum: only sgd, rmsprop, muon has this setting, and the space has none of them; remove it, or",
        "",
    ),
    "conditional layers": (
        {"layers": {"int": [1, 3], "when": {"optimizer": "adam"}}},
        "space.layers.when: every trial needs layers; remove the condition",
        "",
    ),
    "conditional units": (
        {"units": {"int": [1, 3], "when": {"optimizer": "adam"}}},
        "space.units.when: every trial needs units; remove the condition",
        "",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_section_is_refused_in_one_line_with_place_rule_value_and_remedy(case: str) -> None:
    section, begins, ends = BAD[case]
    with pytest.raises(SpaceError) as caught:
        parse_space(section)
    text = str(caught.value)
    assert text.startswith(begins)
    assert text.endswith(ends)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"family": "mpl"},
            "model: there is no model family 'mpl'; did you mean 'mlp'? Allowed: linear, mlp, cnn, rnn, custom",
        ),
        (
            {"batch_size": 10},
            "space.batch_size: is given twice, here and as training.batch_size; "
            "keep the one here to search it, the other to fix it",
        ),
    ],
)
def test_what_comes_with_the_section_is_checked_too(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space({"batch_size": [16, 32]}, **arguments)
    assert str(caught.value) == expected


def test_a_batch_size_of_the_training_section_is_refused_where_it_was_written() -> None:
    with pytest.raises(SpaceError, match=r"^training\.batch_size: must be at most 1000000, got 10000000 "):
        parse_space({}, batch_size=10**7)


@pytest.mark.parametrize("name", [name for name, quantity in QUANTITIES.items() if quantity.kind in ("int", "float")])
def test_every_number_has_its_bounds_checked(name: str) -> None:
    quantity = QUANTITIES[name]
    beyond = [
        *([] if quantity.minimum is None else [quantity.minimum - 1]),
        *([] if quantity.maximum is None else [quantity.maximum + 1]),
        *([] if quantity.below is None else [quantity.below]),
        *([] if quantity.above is None else [quantity.above]),
    ]
    assert beyond, "a quantity without bounds"
    for value in beyond:
        with pytest.raises(SpaceError, match=rf"^space\.{name}: must be (at least|at most|below|above) \d+, got "):
            check_value(name, value, f"space.{name}")
    for bound in (quantity.minimum, quantity.maximum):
        if bound is not None:
            assert check_value(name, bound, "place") == bound


@pytest.mark.parametrize("name", [name for name, quantity in QUANTITIES.items() if quantity.kind == "name"])
def test_every_name_of_the_catalog_is_allowed(name: str) -> None:
    for value in QUANTITIES[name].names:
        assert check_value(name, value, "place") == value


def test_a_whole_number_becomes_a_float_where_a_float_is_due_and_back() -> None:
    assert repr(check_value("dropout", 0, "place")) == "0.0"
    assert repr(check_value("dropout", -0.0, "place")) == "0.0"
    assert repr(check_value("units", 16.0, "place")) == "16"


@pytest.mark.parametrize(
    ("name", "allowed", "expected"),
    [
        ("adma", ["adam", "sgd"], "did you mean 'adam'? Allowed: adam, sgd"),
        ("adma", ["adamax", "adam"], "did you mean 'adam'? Allowed: adamax, adam"),
        ("SGD", ["adam", "sgd"], "did you mean 'sgd'? Allowed: adam, sgd"),
        ("glucose", ["Glucose", "BMI"], "did you mean 'Glucose'? Allowed: Glucose, BMI"),
        ("zzz", ["adam", "sgd"], "Allowed: adam, sgd"),
        (3, ["adam"], "Allowed: adam"),
        (None, ["none"], "did you mean 'none'? Allowed: none"),
    ],
)
def test_the_nearest_name_is_named(name: object, allowed: list[str], expected: str) -> None:
    assert nearest(name, allowed) == expected
