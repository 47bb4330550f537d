"""Has each family its own dimensions, counts and defaults, and do lists, grids and descriptions follow them?"""

from __future__ import annotations

from typing import Any

import pytest
from random_spaces import every_trial

from spaces import SpaceError, parse_space, pin, resolve
from spaces.catalog import (
    COUNTS,
    DEFAULT_SPACES,
    FAMILIES,
    FAMILY_DIMENSIONS,
    IMPLIED,
    LOSSES,
    OPTIMIZERS,
    QUANTITIES,
    SCHEDULES,
)
from spaces.dimension import Condition
from spaces.domains import FloatRange, IntRange
from spaces.model_config import read_model_config
from spaces.resolving import funnel
from spaces.suggesters import Extreme, Sampled

BUILT_IN = [family for family in FAMILIES if family != "custom"]


@pytest.mark.parametrize("family", BUILT_IN)
def test_a_default_space_says_all_that_a_model_of_the_family_needs(family: str) -> None:
    space = parse_space({}, family=family)
    assert set(space.names) == set(DEFAULT_SPACES[family])
    for suggester in (Extreme(largest=False), Extreme(largest=True), Sampled(1)):
        config = resolve(space.suggest(suggester), family=family)
        assert read_model_config(config.model_dump(mode="json"), "model") == config
    assert parse_space(space.describe(), family=family) == space


def test_families_differ_in_what_they_count() -> None:
    counts = {family: [name for name in COUNTS if name in names] for family, names in FAMILY_DIMENSIONS.items()}
    assert counts == {
        "linear": [],
        "mlp": ["layers"],
        "cnn": ["conv_layers", "layers"],
        "rnn": ["recurrent_layers", "layers"],
        "custom": [],
    }
    assert len({parse_space({}, family=family).fingerprint for family in FAMILIES}) == len(FAMILIES)


def test_a_custom_family_has_no_dimension_of_its_own() -> None:
    space = parse_space({}, family="custom")
    assert (space.names, space.size, space.has_conditions, space.describe()) == ((), 1, False, {})
    assert space.suggest(Sampled(1)) == space.grid_point(0, None) == {}
    assert space.contains({})
    assert resolve({}, family="custom").family == "custom"
    assert pin(space, {}, "start_with[0]") == ({}, ())
    assert parse_space({}, family="custom", batch_size=7).suggest(Sampled(1)) == {"batch_size": 7}


@pytest.mark.parametrize("name", [name for name in QUANTITIES if name != "loss"])
def test_every_dimension_has_a_default_range_that_auto_stands_for(name: str) -> None:
    assert QUANTITIES[name].suggested is not None
    family = next(family for family in ("mlp", "cnn", "rnn") if name in FAMILY_DIMENSIONS[family])
    parent, takers = IMPLIED.get(name, ("", ()))
    section: dict[str, Any] = {parent: list(takers)} if parent and name not in DEFAULT_SPACES[family] else {}
    section[name] = "auto"
    domain = parse_space(section, family=family)[name].domain
    assert domain.size() is None or domain.size() >= 2
    assert domain == parse_space({**section, name: domain.describe()}, family=family)[name].domain


def test_auto_is_the_familys_own_range() -> None:
    assert parse_space({"units": "auto"})["units"].domain == IntRange(10, 100, log=True)
    assert parse_space({"units": "auto"}, family="cnn")["units"].domain == IntRange(16, 128, log=True)
    assert parse_space({"l2": "auto"})["l2"].domain == FloatRange(1e-6, 1e-2, log=True)
    with pytest.raises(SpaceError, match=r"^space\.loss: has no default range, as it depends on the task; name them"):
        parse_space({"loss": "auto"})


# Layers of several kinds.

CNN: dict[str, Any] = {
    "conv_layers": [1, 2],
    "layers": [0, 1],
    "filters": [4, 8],
    "kernel_size": {"choice": [3, 5], "shared": False},
    "pooling": "max",
    "conv_dropout": 0.1,
    "head": "flatten",
    "units": [6, 7],
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0,
    "optimizer": "adam",
    "learning_rate": 0.01,
}


def test_each_kind_of_layer_follows_its_own_count() -> None:
    space = parse_space(CNN, family="cnn")
    # One block 2 x 2, two blocks (2 x 2) ** 2; times no hidden layer, or one of two widths.
    assert space.size == (4 + 16) * (1 + 2)
    listed = [space.grid_point(index, None) for index in range(space.size)]
    assert sorted(map(repr, every_trial(space))) == sorted(map(repr, listed))
    assert space.has_conditions
    for params in listed:
        config = resolve(params, family="cnn")
        assert (len(config.conv), len(config.hidden)) == (params["conv_layers"], params["layers"])
        assert space.contains(params)
        assert all(layer.batch_norm and layer.activation == "relu" for layer in config.conv)
    assert not parse_space({**CNN, "conv_layers": 2, "layers": 0}, family="cnn").has_conditions


def test_convolutions_take_after_the_hidden_layers_where_nothing_else_is_said() -> None:
    params = {"conv_layers": 2, "filters": 4, "layers": 1, "units": 3, "activation": "elu", "layer_norm": True}
    config = resolve(params, family="cnn")
    assert [(layer.activation, layer.layer_norm) for layer in config.conv] == [("elu", True)] * 2
    own = resolve({**params, "conv_activation_2": "tanh", "conv_layer_norm": False}, family="cnn")
    assert [(layer.activation, layer.layer_norm) for layer in own.conv] == [("elu", False), ("tanh", False)]
    assert own.hidden == config.hidden


@pytest.mark.parametrize(
    ("family", "config", "expected"),
    [
        ("cnn", {"filters": [16, 4]}, {"conv_layers": 2, "filters_1": 16, "filters_2": 4}),
        ("cnn", {"filters": [16, 4], "units": []}, {"conv_layers": 2, "layers": 0, "filters_1": 16, "filters_2": 4}),
        (
            "cnn",
            {"conv_layers": 1, "filters": 4, "units": [5]},
            {"conv_layers": 1, "layers": 1, "filters_1": 4, "units_1": 5},
        ),
        ("rnn", {"state_size": 11}, {"state_size_1": 11, "state_size_2": 11}),
        (
            "rnn",
            {"recurrent_layers": 1, "state_size": 11, "layers": 0},
            {"recurrent_layers": 1, "layers": 0, "state_size_1": 11},
        ),
        ("linear", {"l2": 0.001, "optimizer": "sgd"}, {"l2": 0.001, "optimizer": "sgd"}),
    ],
)
def test_lists_to_start_with_imply_the_count_of_their_own_layers(
    family: str, config: dict[str, Any], expected: dict[str, Any]
) -> None:
    params, _ = pin(parse_space({}, family=family), config, "start_with[0]")
    assert params == expected


@pytest.mark.parametrize(
    ("family", "config", "words"),
    [
        ("cnn", {"conv_layers": 3, "filters": [16, 4]}, "filters: has 2 values for 3 convolution blocks; give one"),
        ("rnn", {"recurrent_layers": 1, "state_size": [4, 4]}, "state_size: has 2 values for 1 recurrent layer; give"),
        ("cnn", {"filters": []}, "filters: the list is empty; give one value per layer"),
        ("mlp", {"units": []}, "units: the list is empty; give one value per layer"),
        ("mlp", {"filters": [4]}, "filters: the space does not have filters; add it to 'space' as well"),
        (
            "rnn",
            {"cell": "simple_rnn"},
            "cell: 'simple_rnn' is not among the choices (gru, lstm); add it",
        ),
        ("cnn", {"layers": -1}, "layers: must be at least 0, got -1"),
        ("rnn", {"recurrent_layers": 0}, "recurrent_layers: must be at least 1, got 0"),
    ],
)
def test_what_a_family_cannot_start_with(family: str, config: dict[str, Any], words: str) -> None:
    with pytest.raises(SpaceError) as caught:
        pin(parse_space({}, family=family), config, "start_with[0]")
    assert str(caught.value).startswith(f"start_with[0].{words}")


# Dimensions that come with others.


def test_a_funnel_has_two_ends_and_no_widths_of_its_own() -> None:
    space = parse_space({"widths": "funnel", "layers": 3, "units_first": 100, "units_last": 1})
    assert "units" not in space.names
    assert [layer.units for layer in resolve(space.suggest(Sampled(0))).hidden] == [100, 10, 1]
    assert {"units_first", "units_last"} <= set(parse_space({"widths": "funnel"}).names)
    assert funnel(4, 64, 3) == (4, 16, 64)
    assert funnel(7, 100, 1) == (7,)


def test_free_widths_and_a_funnel_can_be_searched_together() -> None:
    space = parse_space({"units": [4, 8], "widths": ["free", "funnel"], "layers": 2})
    seen = set()
    for seed in range(20):
        params = space.suggest(Sampled(seed))
        free = params["widths"] == "free"
        assert ("units_1" in params) == free
        assert ("units_first" in params) == (not free)
        assert len(resolve(params).hidden) == 2
        seen.add(free)
    assert seen == {True, False}


def test_widths_to_start_with_say_of_which_kind_they_are() -> None:
    space = parse_space({"widths": ["free", "funnel"]})
    assert pin(space, {"units": [12, 10]}, "start_with[0]")[0]["widths"] == "free"
    assert pin(space, {"layers": 2, "units_first": 64}, "start_with[0]")[0]["widths"] == "funnel"
    assert "widths" not in pin(space, {"layers": 2}, "start_with[0]")[0]
    with pytest.raises(SpaceError, match=r"^start_with\[0\]\.units: has no effect where widths is 'funnel'; remove it"):
        pin(space, {"units": [12], "widths": "funnel"}, "start_with[0]")


def test_the_slope_of_leaky_relu_comes_only_with_it() -> None:
    section = {"activation": ["relu", "leaky_relu"], "leaky_slope": [0.1, 0.3]}
    assert parse_space(section)["leaky_slope"].when == (Condition("activation", ("leaky_relu",)),)
    per_layer = parse_space({**section, "activation": {"choice": ["relu", "leaky_relu"], "shared": False}})
    assert per_layer["leaky_slope"].when == ()
    assert resolve({"layers": 1, "units": 2, "activation": "relu", "leaky_slope": 0.3}).leaky_slope == 0.2
    blocks = parse_space({**section, "activation": "relu", "conv_activation": "leaky_relu"}, family="cnn")
    assert resolve(blocks.suggest(Extreme(largest=True)), family="cnn").leaky_slope == 0.3


def test_settings_of_schedules_and_losses_exist_only_with_them() -> None:
    section = {"schedule": list(SCHEDULES), "decay_rate": "auto", "loss": ["mse", "huber"], "huber_delta": "auto"}
    space = parse_space(section, epochs=40)
    for seed in range(30):
        params = space.suggest(Sampled(seed))
        assert ("decay_rate" in params) == (params["schedule"] in ("exponential", "staircase"))
        assert ("huber_delta" in params) == (params["loss"] == "huber")
        assert params.get("span_epochs", 40.0) == 40.0
        config = resolve(params)
        schedule = config.optimizer.schedule
        assert (schedule is None) == (params["schedule"] == "constant")
        if schedule is not None:
            assert set(schedule.settings) == set(SCHEDULES[schedule.name])
        assert config.loss is not None
        assert set(config.loss.settings) == set(LOSSES[config.loss.name].settings)


def test_a_warm_up_needs_no_schedule() -> None:
    schedule = resolve({"layers": 1, "units": 2, "warmup_epochs": 3.0}).optimizer.schedule
    assert schedule is not None
    assert (schedule.name, schedule.settings, schedule.warmup_epochs) == ("constant", {}, 3.0)


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [(0.5, 51, 51), ({"float": [0.0, 0.9]}, 2, 91), (7, 7, 7), ([0.1, 0.999], 11, 100), ({"int": [5, 9]}, 5, 9)],
)
def test_a_second_phase_begins_at_an_epoch_or_behind_a_fraction(given: Any, first: int, last: int) -> None:
    space = parse_space({"second_optimizer": ["none", "sgd"], "second_from": given, "second_momentum": 0.9})
    values = space["second_from"].domain.grid(None)
    assert (values[0], values[-1]) == (first, last)
    params = space.suggest(Extreme(largest=True)) | {"second_optimizer": "sgd", "second_from": last}
    second = resolve({**params, "second_momentum": 0.9, "clipnorm": 1.0}).second
    assert second is not None
    assert (second.from_epoch, second.optimizer.name, second.optimizer.settings) == (last, "sgd", {"momentum": 0.9})
    assert second.optimizer.clipnorm == 1.0
    assert resolve({**params, "second_optimizer": "none"}).second is None


def test_a_second_optimizer_brings_its_start_and_its_step_size() -> None:
    space = parse_space({"second_optimizer": ["none", "sgd", "lion"]}, epochs=10)
    assert space["second_from"].domain == IntRange(4, 9)
    assert space["second_learning_rate"].when == (Condition("second_optimizer", ("sgd", "lion")),)
    assert "second_from" not in parse_space({"second_optimizer": "none"}).names


def test_a_space_of_every_dimension_describes_itself() -> None:
    for family in BUILT_IN:
        section: dict[str, Any] = {
            "activation": ["relu", "leaky_relu"],
            "optimizer": list(OPTIMIZERS),
            "schedule": list(SCHEDULES),
            "loss": list(LOSSES),
            "second_optimizer": ["none", *OPTIMIZERS],
        }
        others = set(section) | {"clipvalue", "global_clipnorm"}
        section |= {name: "auto" for name in FAMILY_DIMENSIONS[family] if name not in others}
        if family == "linear":
            del section["activation"]
        space = parse_space(section, family=family)
        assert parse_space(space.describe(), family=family) == space
        for seed in range(5):
            params = space.suggest(Sampled(seed))
            assert space.contains(params)
            config = resolve(params, family=family)
            assert read_model_config(config.model_dump(mode="json"), "model") == config


# What a family's section is told.

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "another family's dimension": (
        "mlp",
        {"filters": 8},
        "space.filters: mlp has no such dimension; it belongs to cnn; remove it, or write model: cnn",
    ),
    "layers of a linear model": ("linear", {"layers": 2}, "space.layers: linear has no such dimension; it belongs to"),
    "augmentation in an RNN": ("rnn", {"flip": "both"}, "space.flip: rnn has no such dimension; it belongs to linear,"),
    "dimensions of a custom model": ("custom", {"units": 8}, "space.units: custom has no such dimension; it belongs"),
    "misspelt": ("cnn", {"filter": 8}, "space.filter: there is no such dimension; did you mean 'filters'? 'kerasweep"),
    "unknown cell": ("rnn", {"cell": "lstmm"}, "space.cell: 'lstmm' is not known; did you mean 'lstm'? Allowed"),
    "unknown pooling": ("cnn", {"pooling": "mean"}, "space.pooling: 'mean' is not known; Allowed: max, average, none"),
    "no filter": ("cnn", {"filters": {"int": [0, 4]}}, "space.filters.low: must be at least 1, got 0"),
    "half a kernel": ("cnn", {"kernel_size": 2.5}, "space.kernel_size: must be a whole number, got 2.5"),
    "no block": ("cnn", {"conv_layers": 0}, "space.conv_layers: must be at least 1, got 0"),
    "blocks under a condition": (
        "cnn",
        {"conv_layers": {"int": [1, 2], "when": {"optimizer": "sgd"}}},
        "space.conv_layers.when: every trial needs conv_layers; remove the condition",
    ),
    "a slope without leaky_relu": (
        "mlp",
        {"activation": ["relu", "tanh"], "leaky_slope": 0.1},
        "space.leaky_slope: no layer can be leaky_relu; remove it, or add leaky_relu to space.activation",
    ),
    "units in a funnel": (
        "mlp",
        {"widths": "funnel", "units": 8},
        "space.units: belongs to widths: free, which the space does not have; write units_first and units_last instead",
    ),
    "ends without a funnel": (
        "mlp",
        {"units_first": 64},
        "space.units_first: belongs to widths: funnel, which the space does not have; write units instead, or funnel",
    ),
    "a second phase too late": (
        "mlp",
        {"second_optimizer": "sgd", "second_from": 150},
        "space.second_from: must be at most 100, the training's epochs, got 150; lower it, or raise training.epochs",
    ),
    "a second phase at once": ("mlp", {"second_optimizer": "sgd", "second_from": 1}, "space.second_from: must be at"),
    "a start without a second phase": (
        "mlp",
        {"second_from": 0.5},
        "space.second_from: only sgd, rmsprop, adam,",
    ),
    "a schedule's setting without it": (
        "mlp",
        {"decay_rate": 0.5},
        "space.decay_rate: only exponential, staircase has this setting, and the space has none of them; remove it, or",
    ),
    "a setting under another schedule": (
        "mlp",
        {"schedule": ["cosine", "staircase"], "power": {"choice": [1.0], "when": {"schedule": "cosine"}}},
        "space.power.when.schedule: cosine has no power; it belongs to polynomial",
    ),
    "a loss's setting without it": ("mlp", {"loss": "mse", "huber_delta": 1}, "space.huber_delta: only huber has this"),
    "unknown loss": ("mlp", {"loss": "hubber"}, "space.loss: 'hubber' is not known; did you mean 'huber'? Allowed"),
    "a file without a function": ("mlp", {"loss": "losses.py"}, "space.loss: 'losses.py' is not known; Allowed: mse"),
    "clipped twice": (
        "mlp",
        {"clipnorm": [0.0, 1.0], "global_clipnorm": 1.0},
        "space.global_clipnorm: clips gradients, and so does clipnorm; keep one of the two, or",
    ),
    "a zoom to nothing": ("cnn", {"zoom": 1.0}, "space.zoom: must be below 1, got 1.0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_section_of_a_family_is_told_in_one_line(case: str) -> None:
    family, section, begins = BAD[case]
    with pytest.raises(SpaceError) as caught:
        parse_space(section, family=family)
    assert str(caught.value).startswith(begins)
    assert "\n" not in str(caught.value)


def test_a_second_phase_needs_two_epochs() -> None:
    assert "second_from" not in parse_space({}, epochs=1).names
    with pytest.raises(SpaceError, match=r"^space\.second_optimizer: needs at least 2 epochs, got 1; raise training"):
        parse_space({"second_optimizer": "sgd"}, epochs=1)


def test_ways_of_clipping_exclude_each_other_by_a_condition() -> None:
    space = parse_space({"clipnorm": [0.0, 1.0], "clipvalue": {"choice": [0.1, 0.5], "when": {"clipnorm": 0}}})
    for seed in range(20):
        optimizer = resolve(space.suggest(Sampled(seed))).optimizer
        assert (optimizer.clipnorm is None) != (optimizer.clipvalue is None)
