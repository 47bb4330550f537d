"""When are two configs the same model, and what is a hand-edited config told?"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError
from random_spaces import example_of

from spaces import ModelConfig, SpaceError, parse_space, resolve
from spaces.catalog import OPTIMIZERS
from spaces.model_config import read_model_config
from spaces.suggesters import Sampled

PARAMS: dict[str, Any] = {
    "layers": 2,
    "units_1": 12,
    "units_2": 8,
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0.1,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "nesterov": True,
    "batch_size": 10,
}
CONFIG = resolve(PARAMS)
PLAIN: dict[str, Any] = CONFIG.model_dump(mode="json")
BLOCK: dict[str, Any] = {
    "filters": 4,
    "kernel_size": 3,
    "pooling": "max",
    "activation": "relu",
    "batch_norm": False,
    "dropout": 0.0,
}


def test_a_config_says_all_that_a_model_needs() -> None:
    assert PLAIN == {
        "family": "mlp",
        "hidden": [
            {"units": 12, "activation": "relu", "batch_norm": True, "dropout": 0.1, "layer_norm": False},
            {"units": 8, "activation": "relu", "batch_norm": True, "dropout": 0.1, "layer_norm": False},
        ],
        "input_dropout": 0.0,
        "l1": 0.0,
        "l2": 0.0,
        "kernel_initializer": "glorot_uniform",
        "optimizer": {
            "name": "sgd",
            "learning_rate": 0.01,
            "weight_decay": 0.0,
            "settings": {"momentum": 0.9, "nesterov": True},
            "clipnorm": None,
            "clipvalue": None,
            "global_clipnorm": None,
            "ema_momentum": None,
            "schedule": None,
        },
        "batch_size": 10,
        "conv": [],
        "recurrent": [],
        "head": "flatten",
        "embedding": 16,
        "residual": False,
        "leaky_slope": 0.2,
        "max_norm": None,
        "augment": None,
        "precision": "float32",
        "loss": None,
        "positive_weight": None,
        "class_weight": None,
        "second": None,
        "custom": None,
    }


def test_what_params_leave_out_is_at_its_neutral_value() -> None:
    config = resolve({"layers": 1, "units": 4})
    layer = config.hidden[0]
    assert (layer.activation, layer.batch_norm, layer.dropout) == ("relu", False, 0.0)
    assert (config.optimizer.name, config.optimizer.learning_rate, config.optimizer.settings) == ("adam", None, {})
    assert config.batch_size == 32


def test_settings_of_other_optimizers_are_no_part_of_the_model() -> None:
    assert resolve({**PARAMS, "optimizer": "adam"}).optimizer.settings == {}
    assert resolve({**PARAMS, "optimizer": "adam"}) == resolve({**PARAMS, "optimizer": "adam", "momentum": 0.1})


@pytest.mark.parametrize(
    "same",
    [
        {**PARAMS, "input_dropout": 0.0, "l2": 0, "weight_decay": 0.0, "kernel_initializer": "glorot_uniform"},
        {key: value for key, value in PARAMS.items() if key != "dropout"} | {"dropout_1": 0.1, "dropout_2": 0.1},
        {**PARAMS, "activation": "tanh", "activation_1": "relu", "activation_2": "relu"},
        {**PARAMS, "units_3": 99},
        {**PARAMS, "max_norm": 0.0, "clipnorm": 0.0, "ema_momentum": 0.0, "positive_weight": 1.0, "flip": "none"},
        # No layer is leaky, the schedule is constant, there is no second phase, and an MLP has no filters.
        {**PARAMS, "leaky_slope": 0.4, "schedule": "constant", "decay_rate": 0.5, "second_optimizer": "none"},
        {**PARAMS, "conv_layers": 2, "filters": 3, "cell": "lstm"},
        dict(reversed(PARAMS.items())),
        json.loads(json.dumps(PARAMS)),
    ],
)
def test_equal_models_are_equal_whatever_space_they_came_from(same: dict[str, Any]) -> None:
    assert resolve(same) == CONFIG
    assert resolve(same).fingerprint == CONFIG.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"layers": 1},
        {"units_2": 9},
        {"units_1": 8, "units_2": 12},
        {"activation": "tanh"},
        {"activation_2": "tanh"},
        {"batch_norm": False},
        {"dropout": 0.2},
        {"input_dropout": 0.1},
        {"l1": 1e-4},
        {"l2": 1e-4},
        {"kernel_initializer": "he_normal"},
        {"optimizer": "rmsprop"},
        {"learning_rate": 0.02},
        {"momentum": 0.8},
        {"nesterov": False},
        {"weight_decay": 1e-4},
        {"batch_size": 11},
        {"layer_norm": True},
        {"residual": True},
        {"max_norm": 2.0},
        {"flip": "both"},
        {"zoom": 0.1},
        {"precision": "mixed_bfloat16"},
        {"loss": "focal"},
        {"loss": "focal", "focal_gamma": 3.0},
        {"positive_weight": 2.0},
        {"class_weight": "balanced"},
        {"clipnorm": 1.0},
        {"ema_momentum": 0.9},
        {"schedule": "cosine"},
        {"schedule": "cosine", "end_fraction": 0.1},
        {"warmup_epochs": 2.0},
        {"second_optimizer": "adam", "second_from": 5},
        {"second_optimizer": "adam", "second_from": 6},
    ],
)
def test_any_change_is_another_model(change: dict[str, Any]) -> None:
    other = resolve({**PARAMS, **change})
    assert other != CONFIG
    assert other.fingerprint != CONFIG.fingerprint


def test_a_config_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CONFIG.batch_size = 3  # type: ignore[misc]


def test_a_config_reads_back_as_itself() -> None:
    assert read_model_config(PLAIN, "model") == CONFIG
    space = parse_space({})
    for seed in range(30):
        config = resolve(space.suggest(Sampled(seed)))
        again = read_model_config(json.loads(config.model_dump_json()), "model")
        assert again == config
        assert again.fingerprint == config.fingerprint


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_settings_keep_their_kind(optimizer: str) -> None:
    given = {name: example_of(quantity) for name, quantity in OPTIMIZERS[optimizer].items()}
    config = resolve({**PARAMS, "optimizer": optimizer, **given})
    read = read_model_config(config.model_dump(mode="json"), "model")
    # 1.0 == True in Python, and Keras is to be handed the switch.
    assert {name: type(value) for name, value in read.optimizer.settings.items()} == {
        name: type(value) for name, value in given.items()
    }


def edited(path: str, value: Any) -> dict[str, Any]:
    """The plain config with another value at ``hidden.0.units``; a value of ... takes the key away."""
    plain = copy.deepcopy(PLAIN)
    inner: Any = plain
    *parents, last = path.split(".")
    for part in parents:
        inner = inner[int(part) if part.isdigit() else part]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return plain


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("adam", "model: must be a mapping, got 'adam'"),
        (None, "model: must be a mapping, got None"),
        (edited("family", "cnnn"), "model.family: 'cnnn' is not known; did you mean 'cnn'? Allowed: linear, mlp"),
        (edited("family", "cnn"), "model.conv: is empty; a CNN has at least one convolution block"),
        (edited("family", "rnn"), "model.recurrent: is empty; an RNN has at least one recurrent layer"),
        (edited("family", "linear"), "model.hidden: a model of family linear has no hidden layer; remove it"),
        (edited("family", "custom"), "model.hidden: a model of family custom has no hidden layer; remove it"),
        (edited("custom", {"source": "m.py:b", "digest": "0"}), "model.custom: belongs to family custom"),
        (edited("conv", [BLOCK]), "model.conv: a model of family mlp has no convolution block; remove it"),
        (edited("conv", [{**BLOCK, "filter": 3}]), "model.conv[0].filter: there is no such key; did you mean 'filt"),
        (edited("head", "flat"), "model.head: 'flat' is not known; did you mean 'flatten'?"),
        (edited("embedding", -1), "model.embedding: must be at least 0, got -1"),
        (edited("leaky_slope", 2), "model.leaky_slope: must be at most 1, got 2"),
        (edited("max_norm", -1), "model.max_norm: must be at least 0, got -1"),
        (edited("augment", {"flip": "sideways"}), "model.augment.flip: 'sideways' is not known; Allowed: none, "),
        (edited("augment", {"turn": 0.1}), "model.augment.turn: there is no such key; Allowed: flip, shift"),
        (edited("loss", {"name": "hubber"}), "model.loss.name: 'hubber' is not known; did you mean 'huber'?"),
        (
            edited("loss", {"name": "huber", "settings": {"focal_gamma": 2}}),
            "model.loss.settings.focal_gamma: huber has no such setting; Allowed: huber_delta",
        ),
        (
            edited("loss", {"name": "mse", "settings": {"focal_gamma": 2}}),
            "model.loss.settings.focal_gamma: mse has no such setting; remove it",
        ),
        (edited("class_weight", "equal"), "model.class_weight: 'equal' is not known; Allowed: none, balanced"),
        (edited("positive_weight", 0), "model.positive_weight: must be above 0, got 0"),
        (
            edited("optimizer.schedule", {"name": "cosin"}),
            "model.optimizer.schedule.name: 'cosin' is not known; did you mean 'cosine'?",
        ),
        (
            edited("optimizer.schedule", {"name": "cosine", "settings": {"power": 2}}),
            "model.optimizer.schedule.settings.power: cosine has no such setting; Allowed: span_epochs, end_fraction",
        ),
        (
            edited("optimizer", {"name": "sgd", "clipnorm": 1.0, "clipvalue": 1.0}),
            "model.optimizer.clipvalue: clips gradients, and so does clipnorm; keep one of the two",
        ),
        (edited("optimizer.ema_momentum", 1), "model.optimizer.ema_momentum: must be below 1, got 1"),
        (
            edited("second", {"from_epoch": 1, "optimizer": {"name": "sgd"}}),
            "model.second.from_epoch: must be at least 2, got 1",
        ),
        (
            edited("second", {"from_epoch": 5, "optimizer": {"name": "sdg"}}),
            "model.second.optimizer.name: 'sdg' is not known; did you mean 'sgd'?",
        ),
        (edited("family", ...), "model.family: is missing; add it"),
        (edited("hiden", []), "model.hiden: there is no such key; did you mean 'hidden'? Allowed: family, hidden, inp"),
        (edited("hidden", []), "model.hidden: is empty; a model has at least one hidden layer"),
        (edited("hidden", 3), "model.hidden: must be a list, got 3"),
        (edited("hidden", [8]), "model.hidden[0]: must be a mapping, got 8"),
        (
            edited("hidden.1.unit", 8),
            "model.hidden[1].unit: there is no such key; did you mean 'units'? Allowed: units, activation, ",
        ),
        (edited("hidden.1.units", ...), "model.hidden[1].units: is missing; add it"),
        (edited("hidden.1.units", "many"), "model.hidden[1].units: must be a whole number, got 'many'"),
        (edited("hidden.1.units", 2.5), "model.hidden[1].units: must be a whole number, got 2.5"),
        (edited("hidden.1.units", 0), "model.hidden[1].units: must be at least 1, got 0 (units is neurons of a hidden"),
        (
            edited("hidden.0.activation", "rleu"),
            "model.hidden[0].activation: 'rleu' is not known; did you mean 'relu'?",
        ),
        (
            edited("hidden.0.activation", 3),
            "model.hidden[0].activation: must be text, got 3; write it in quotes",
        ),
        (edited("hidden.0.batch_norm", "perhaps"), "model.hidden[0].batch_norm: must be true or false, got 'perhaps'"),
        (edited("hidden.0.dropout", 1.5), "model.hidden[0].dropout: must be below 1, got 1.5"),
        (edited("l1", float("nan")), "model.l1: must be finite, got nan"),
        (edited("l2", -1), "model.l2: must be at least 0, got -1"),
        (edited("batch_size", 0), "model.batch_size: must be at least 1, got 0"),
        (edited("kernel_initializer", "he"), "model.kernel_initializer: 'he' is not known; Allowed: glorot_uniform"),
        (edited("optimizer.name", "sdg"), "model.optimizer.name: 'sdg' is not known; did you mean 'sgd'?"),
        (edited("optimizer.learning_rate", 0), "model.optimizer.learning_rate: must be above 0, got 0"),
        (edited("optimizer.learning_rate", "x"), "model.optimizer.learning_rate: must be a number, got 'x'"),
        (edited("optimizer.weight_decay", -0.1), "model.optimizer.weight_decay: must be at least 0, got -0.1"),
        (
            edited("optimizer.settings.beta_1", 0.9),
            "model.optimizer.settings.beta_1: sgd has no such setting; Allowed: momentum, nesterov",
        ),
        (edited("optimizer.settings.momentum", 1), "model.optimizer.settings.momentum: must be below 1, got 1"),
        (edited("optimizer.settings.momentum", "x"), "model.optimizer.settings.momentum: must be a number, got 'x'"),
        (edited("optimizer.settings.nesterov", 1), "model.optimizer.settings.nesterov: must be true or false, got 1"),
        (edited("optimizer.setings", {}), "model.optimizer.setings: there is no such key; did you mean 'settings'?"),
    ],
)
def test_a_config_edited_by_hand_is_told_what_is_wrong(data: Any, expected: str) -> None:
    with pytest.raises(SpaceError) as caught:
        read_model_config(data, "model")
    text = str(caught.value)
    assert text.startswith(expected)
    assert "\n" not in text


def test_a_long_value_does_not_drown_the_message() -> None:
    with pytest.raises(SpaceError) as caught:
        read_model_config(edited("l1", list(range(1000))), "model")
    assert len(str(caught.value)) < 120


def test_a_config_is_data_of_any_kind() -> None:
    assert ModelConfig.model_validate(CONFIG.model_dump()) == CONFIG
    assert ModelConfig.model_validate_json(CONFIG.model_dump_json()) == CONFIG
