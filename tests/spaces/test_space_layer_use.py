"""Does a trial have just those dimensions that some layer of its model uses?"""

from __future__ import annotations

from typing import Any

import pytest
from random_spaces import every_trial

from spaces import Space, parse_space, pin, resolve
from spaces.suggesters import Sampled

# All that could tell models apart is fixed but for what the tests search.
FIXED: dict[str, dict[str, Any]] = {
    "cnn": {"conv_layers": 1, "filters": 4, "kernel_size": 3, "pooling": "max", "conv_dropout": 0.0, "head": "flatten"},
    "rnn": {"recurrent_layers": 1, "cell": "gru", "state_size": 4, "bidirectional": False, "cell_dropout": 0.0},
    "mlp": {},
}
DENSE = {
    "units": 8,
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.1,
}


def space_of(family: str, **section: Any) -> Space:
    dense = {name: value for name, value in DENSE.items() if name != "units" or section.get("widths") != "funnel"}
    return parse_space({**FIXED[family], **dense, **section}, family=family)


def one_for_all(*values: Any) -> dict[str, Any]:
    return {"choice": list(values), "shared": True}


@pytest.mark.parametrize(
    ("family", "section", "size"),
    [
        # No layer, or one with either value.
        ("rnn", {"layers": [0, 1], "dropout": [0.0, 0.2]}, 1 + 2),
        ("rnn", {"layers": [0, 1], "activation": ["relu", "tanh"]}, 1 + 2),
        ("rnn", {"layers": [0, 1], "batch_norm": [True, False], "layer_norm": [True, False]}, 1 + 2 * 2),
        ("rnn", {"layers": [0, 1], "units": one_for_all(4, 8)}, 1 + 2),
        ("rnn", {"layers": 0, "dropout": {"float": [0.0, 0.5]}, "activation": ["relu", "tanh"]}, 1),
        ("cnn", {"layers": [0, 2], "dropout": [0.0, 0.2]}, 1 + 2),
        # Convolutions take after these, unless they have their own.
        ("cnn", {"layers": [0, 1], "activation": ["relu", "tanh"]}, 2 + 2),
        ("cnn", {"layers": [0, 1], "batch_norm": [True, False]}, 2 + 2),
        ("cnn", {"layers": [0, 1], "activation": ["relu", "tanh"], "conv_activation": "elu"}, 1 + 2),
        ("cnn", {"layers": 0, "batch_norm": [True, False], "conv_batch_norm": [True, False]}, 2),
        # The slope goes with the layers that can be leaky.
        ("rnn", {"layers": [0, 1], "activation": "leaky_relu", "leaky_slope": [0.1, 0.3]}, 1 + 2),
        ("cnn", {"layers": [0, 1], "activation": "leaky_relu", "leaky_slope": [0.1, 0.3]}, 2 + 2),
        (
            "rnn",
            {
                "layers": [0, 1],
                "activation": {"choice": ["leaky_relu"], "shared": False},
                "leaky_slope": [0.1, 0.3],
            },
            1 + 2,
        ),
        # A funnel of one layer has a first width only.
        (
            "rnn",
            {
                "layers": [0, 1, 2],
                "units": 4,
                "widths": ["free", "funnel"],
                "units_first": [8, 9],
                "units_last": [2, 3],
            },
            1 + (1 + 2) + (1 + 2 * 2),
        ),
        ("mlp", {"layers": [1, 2], "widths": "funnel", "units_first": 8, "units_last": [2, 3]}, 1 + 2),
        # One recurrent layer has nothing to add its input to.
        ("rnn", {"layers": [0, 1], "residual": [True, False]}, 1 + 2),
        ("rnn", {"layers": [0, 1], "recurrent_layers": [1, 2], "residual": [True, False]}, (1 + 2) + (2 + 2)),
        ("cnn", {"layers": [0, 1], "residual": [True, False]}, 2 + 2),
    ],
)
def test_a_space_counts_each_model_once(family: str, section: dict[str, Any], size: int) -> None:
    space = space_of(family, **section)
    trials = list(every_trial(space))
    assert space.size == len(trials) == size
    assert len({resolve(params, family=family).fingerprint for params in trials}) == size
    assert sorted(map(repr, trials)) == sorted(repr(space.grid_point(index, None)) for index in range(size))
    assert all(space.contains(params) for params in trials)
    assert parse_space(space.describe(), family=family) == space


def test_without_a_layer_nothing_of_it_is_searched() -> None:
    space = parse_space({"layers": 0}, family="rnn")
    searched = {dimension.name for dimension in space.searched}
    assert searched.isdisjoint({"units", "activation", "batch_norm", "dropout"})
    assert "cell" in searched
    assert set(DENSE) <= set(space.names), "they can still be named, to start with"
    assert not parse_space({"layers": 0, "recurrent_layers": 1, "optimizer": "adam"}, family="rnn").has_conditions
    shared = space_of("rnn", layers=[0, 1], dropout=[0.0, 0.2])
    assert shared.has_conditions
    assert not space_of("rnn", layers=[1, 2], dropout=[0.0, 0.2]).has_conditions


def test_what_a_trial_does_draw_is_drawn_as_before() -> None:
    """A space without such layers is asked the same questions, so that the same seed gives the same trial."""
    space = parse_space({"layers": 0}, family="cnn")
    params = space.suggest(Sampled(3))
    assert {"activation", "batch_norm"} <= set(params), "the convolutions take after them"
    assert "dropout" not in params
    assert "layers" not in parse_space({}, family="linear").names


def test_a_config_to_start_with_may_name_what_has_no_layer() -> None:
    space = space_of("rnn", layers=[0, 1], dropout={"float": [0.0, 0.5]}, activation=["relu", "tanh"])
    assert pin(space, {"layers": 0, "dropout": 0.2, "activation": "tanh"}, "start_with[0]") == ({"layers": 0}, ())
    # Left to the sampler there may be one.
    assert pin(space, {"dropout": 0.2}, "start_with[0]")[0] == {"dropout": 0.2}
    assert pin(space, {"layers": 1, "dropout": 0.2}, "start_with[0]")[0] == {"layers": 1, "dropout": 0.2}
    # More layers than are searched have their dimensions too.
    space = space_of("rnn", layers={"int": [0, 0]}, dropout={"float": [0.0, 0.5]})
    params, _ = pin(space, {"layers": 2, "dropout": 0.2}, "start_with[0]")
    assert [layer.dropout for layer in resolve(space.replay(params), family="rnn").hidden] == [0.2, 0.2]


def test_recorded_trials_and_configs_of_before_are_the_same_models() -> None:
    """Earlier versions drew what no layer used, and recorded it."""
    space = space_of("rnn", layers=[0, 1], activation=["relu", "tanh"], dropout=[0.0, 0.2])
    recorded = {"layers": 0, "activation": "tanh", "dropout": 0.2}
    assert "dropout" not in space.replay(recorded)
    before = resolve({**space.replay(recorded), **recorded}, family="rnn")
    assert resolve(space.replay(recorded), family="rnn") == before
    funnel = {"layers": 1, "widths": "funnel", "units_first": 8}
    assert resolve({**funnel, "units_last": 2}) == resolve(funnel)
