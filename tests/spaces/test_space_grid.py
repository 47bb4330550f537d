"""How many trials does a space have, and does its grid list each of them once?"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from random_spaces import every_trial, spaces

from spaces import FloatRange, IntRange, Params, Space, parse_space, resolve

FIXED: dict[str, Any] = {
    "layers": 1,
    "units": 8,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0,
    "optimizer": "adam",
    "learning_rate": 0.01,
}


def as_text(params: Params) -> str:
    return json.dumps(params)


@settings(max_examples=60, deadline=None)
@given(spaces(finite=True))
def test_the_grid_is_exactly_what_asking_for_every_value_gives(space: Space) -> None:
    assert space.size is not None
    assume(space.size <= 300)
    listed = list(every_trial(space))
    assert space.size == len(listed)
    assert space.grid_size(None) == len(listed)
    grid = [space.grid_point(index, None) for index in range(len(listed))]
    assert len({as_text(params) for params in grid}) == len(grid)
    assert {as_text(params) for params in grid} == {as_text(params) for params in listed}
    assert all(space.contains(params) for params in grid)
    # Different trials are different models, so counting models counts trials.
    assert len({resolve(params).fingerprint for params in grid}) == len(grid)


@settings(max_examples=30, deadline=None)
@given(spaces(finite=False))
def test_a_grid_over_continuous_ranges_lists_each_point_once(space: Space) -> None:
    count = space.grid_size(2)
    assume(count <= 400)
    grid = [space.grid_point(index, 2) for index in range(count)]
    assert len({as_text(params) for params in grid}) == count
    assert all(space.contains(params) for params in grid)
    with pytest.raises(IndexError):
        space.grid_point(count, 2)


@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({}, 1),
        ({"units": [8, 16]}, 2),
        ({"layers": {"int": [1, 3]}}, 3),
        ({"layers": {"int": [1, 3]}, "units": [8, 16]}, 2 + 4 + 8),
        ({"layers": {"int": [1, 3]}, "units": {"choice": [8, 16], "shared": True}}, 3 * 2),
        ({"layers": 3, "units": {"int": [1, 100]}}, 100**3),
        ({"optimizer": ["adam", "sgd"], "momentum": [0.0, 0.9]}, 1 + 2),
        ({"optimizer": ["adam", "sgd", "rmsprop"], "momentum": [0.0, 0.9]}, 1 + 2 + 2),
        (
            {
                "optimizer": ["adam", "sgd"],
                "momentum": [0.0, 0.5, 0.9],
                "nesterov": {"choice": [True, False], "when": {"momentum": [0.5, 0.9]}},
            },
            # adam; sgd without momentum; two momenta with two nesterovs each
            1 + 1 + 2 * 2,
        ),
        ({"layers": [1, 2], "dropout": {"choice": [0.1, 0.2], "shared": False, "when": {"layers": 2}}}, 1 + 4),
        ({"learning_rate": {"float": [0.1, 0.5], "step": 0.1}}, 5),
        ({"learning_rate": {"float": [0.1, 0.1]}}, 1),
        ({"learning_rate": {"float": [0.1, 0.2]}}, None),
        ({"optimizer": ["adam", "sgd"], "momentum": {"float": [0, 0.9]}}, None),
        ({"batch_size": {"int": [1, 1_000_000]}}, 1_000_000),
    ],
)
def test_the_size_of_a_space(change: dict[str, Any], size: int | None) -> None:
    assert parse_space({**FIXED, **change}).size == size


def test_the_default_space_is_infinite_and_its_grid_is_not() -> None:
    space = parse_space({})
    assert space.size is None
    layers = space["layers"].domain.grid(2)
    # 2 units in each layer; 4 activations, 2 switches, 2 dropouts, 2 learning rates; adam, sgd with 2 momenta, rmsprop.
    assert space.grid_size(2) == sum(2 ** int(n) for n in layers) * 4 * 2 * 2 * 2 * (1 + 2 + 1)


def test_a_large_grid_is_counted_and_entered_without_listing_it() -> None:
    space = parse_space({"layers": 60, "units": [8, 16], "learning_rate": 0.01, "dropout": 0.1, "optimizer": "adam"})
    assert space.size == 2**60 * 4 * 2
    first, last = space.grid_point(0, None), space.grid_point(space.size - 1, None)
    assert first["units_1"] == first["units_60"] == 8
    assert last["units_1"] == last["units_60"] == 16
    with pytest.raises(IndexError, match="beyond the last trial"):
        space.grid_point(space.size, None)


def test_a_negative_place_in_the_grid_is_refused() -> None:
    with pytest.raises(IndexError, match="at least 0, got -1"):
        parse_space(FIXED).grid_point(-1, None)


@pytest.mark.parametrize(
    ("domain", "points", "values"),
    [
        (IntRange(1, 5), None, (1, 2, 3, 4, 5)),
        (IntRange(1, 5), 9, (1, 2, 3, 4, 5)),
        (IntRange(1, 5), 3, (1, 3, 5)),
        (IntRange(1, 9), 1, (5,)),
        (IntRange(1, 9, step=4), 2, (1, 9)),
        (IntRange(10, 1000, log=True), 3, (10, 100, 1000)),
        (IntRange(1, 4, log=True), 3, (1, 2, 4)),
        (FloatRange(0, 1), 3, (0.0, 0.5, 1.0)),
        (FloatRange(0, 1), None, ()),
        (FloatRange(0.25, 0.25), None, (0.25,)),
        (FloatRange(1e-15, 1e-15), None, (1e-15,)),
        (FloatRange(1e-4, 1e-2, log=True), 1, (math.exp((math.log(1e-4) + math.log(1e-2)) / 2),)),
        (FloatRange(0.1, 0.3, step=0.1), None, (0.1, 0.2, 0.3)),
        (FloatRange(0, 3e-13, step=1e-13), None, (0.0, 1e-13, 2e-13, 3e-13)),
    ],
)
def test_the_grid_of_a_range(domain: IntRange | FloatRange, points: int | None, values: tuple[float, ...]) -> None:
    assert domain.grid(points) == values
    assert all(domain.contains(value) for value in domain.grid(points))
    if points is None and values:
        assert domain.size() == len(values)


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (IntRange(10, 20, step=5), (10, 15, 20), (9, 12, 25, 15.0, True, "15", None)),
        (FloatRange(0.1, 0.7, step=0.1), (0.1, 0.3, 0.1 + 2 * 0.1, 0.7), (0.0, 0.25, 0.75, True, "0.3", float("nan"))),
        (FloatRange(0, 1), (0, 0.5, 1), (-0.1, 1.1, True, None, float("inf"))),
    ],
)
def test_what_a_range_contains(
    domain: IntRange | FloatRange, inside: tuple[object, ...], outside: tuple[object, ...]
) -> None:
    assert [value for value in inside if not domain.contains(value)] == []
    assert [value for value in outside if domain.contains(value)] == []
