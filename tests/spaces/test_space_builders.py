"""Does the catalog agree with the installed Keras, and is a built model what its config says?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from random_spaces import example_of

from search.training.threads import limit_threads
from spaces import TASKS, DataSpec, ModelConfig, Suggester, Task, parse_space, resolve
from spaces.builders import build, build_optimizer
from spaces.builders.optimizers import OPTIMIZER_CLASSES
from spaces.catalog import ACTIVATIONS, INITIALIZERS, OPTIMIZERS
from spaces.losses import build_loss
from spaces.metrics import DEFAULT_OBJECTIVE, metrics_for
from spaces.model_config import OptimizerConfig
from spaces.suggesters import Extreme, Sampled

SPECS: dict[Task, DataSpec] = {
    "binary": DataSpec.single((5,), 1, "binary"),
    "multiclass": DataSpec.single((5,), 7, "multiclass"),
    "regression": DataSpec.single((5,), 1, "regression"),
}
PARAMS: dict[str, Any] = {
    "layers": 2,
    "units_1": 6,
    "units_2": 4,
    "activation": "tanh",
    "batch_norm": True,
    "dropout": 0.25,
    "optimizer": "adam",
    "learning_rate": 0.01,
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    limit_threads(1)  # as everywhere in the tests: the first one that computes decides for the process


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    yield
    keras.backend.clear_session(free_memory=False)


def made(task: Task = "binary", *, seed: int = 1, **changes: Any) -> Any:
    return build(resolve({**PARAMS, **changes}), SPECS[task], (), seed=seed)


def some_rows(task: Task, rows: int = 16) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, 5)).astype("float32")
    if task == "multiclass":
        return x, draw.integers(0, 7, size=rows)
    y = draw.normal(size=(rows, 1)).astype("float32")
    return x, (y > 0).astype("float32") if task == "binary" else y


def kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


# The catalog and Keras.


def test_the_catalog_has_every_activation_of_keras_but_those_that_are_none() -> None:
    for name in ACTIVATIONS:
        assert callable(keras.activations.get(name)), name
    functions = {name for name in dir(keras.activations) if name[0] != "_"} - {"serialize", "deserialize", "get"}
    # glu halves the width that it is given, threshold has no values of its own; the others are names of what is there.
    assert functions - set(ACTIVATIONS) == {"glu", "threshold", "hard_swish", "swish"}


def test_the_catalog_has_every_initializer_of_keras_but_those_for_particular_shapes() -> None:
    for name in INITIALIZERS:
        assert isinstance(keras.initializers.get(name), keras.initializers.Initializer), name
    names = {name for name in dir(keras.initializers) if name.islower() and name[0] != "_"}
    assert names - {"serialize", "deserialize", "get"} - set(INITIALIZERS) == {"constant", "identity", "stft"}


def test_the_catalog_has_every_optimizer_of_keras_but_those_that_wrap_others() -> None:
    assert list(OPTIMIZER_CLASSES) == list(OPTIMIZERS)
    theirs = {
        name
        for name, value in vars(keras.optimizers).items()
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    assert theirs - set(OPTIMIZER_CLASSES.values()) <= {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
    assert set(OPTIMIZER_CLASSES.values()) <= theirs


# What belongs to all optimizers has dimensions of its own; the rest is said to be left at Keras's values.
_OF_ALL = {"learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"}
_NEVER = {"ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name", "kwargs", "self"}
_MUON = {"adam_weight_decay", "exclude_layers", "exclude_embeddings", "muon_a", "muon_b", "muon_c"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_catalog_has_every_setting_of_an_optimizer(name: str) -> None:
    theirs = set(inspect.signature(getattr(keras.optimizers, OPTIMIZER_CLASSES[name]).__init__).parameters)
    assert theirs - _OF_ALL - _NEVER - (_MUON if name == "muon" else set()) == set(OPTIMIZERS[name])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_its_settings_and_a_step(name: str) -> None:
    settings = {key: example_of(quantity) for key, quantity in OPTIMIZERS[name].items()}
    config = OptimizerConfig(name=name, learning_rate=0.125, weight_decay=0.25, settings=settings)
    optimizer = build_optimizer(config)
    assert set(settings) <= set(inspect.signature(type(optimizer).__init__).parameters)
    kept = optimizer.get_config()
    assert {key: kept[key] for key in settings} == settings
    assert kept["learning_rate"] == pytest.approx(0.125)
    assert kept["weight_decay"] == 0.25

    model = build(resolve({**PARAMS, "optimizer": name, **settings}), SPECS["binary"], (), seed=1)
    model.run_eagerly = True  # tracing would take two seconds a model
    before = [weights.copy() for weights in model.get_weights()]
    x, y = some_rows("binary")
    assert np.isfinite(model.train_on_batch(x, y))
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_config_that_says_nothing_leaves_keras_defaults_but_no_decay(name: str) -> None:
    ours = build_optimizer(OptimizerConfig(name=name)).get_config()
    theirs = type(build_optimizer(OptimizerConfig(name=name)))().get_config()
    assert ours["weight_decay"] in (None, 0.0)
    # Keras numbers the names of its objects.
    own = {"weight_decay", "name", "adam_weight_decay", "exclude_layers"}
    assert {key: ours[key] for key in ours if key not in own} == {key: theirs[key] for key in theirs if key not in own}


# What is built.


def test_a_hidden_layer_is_dense_then_normalised_then_activated_then_dropped_out() -> None:
    assert kinds(made()) == [
        "InputLayer",
        *["Dense", "BatchNormalization", "Activation", "Dropout"] * 2,
        "Dense",
    ]


def test_what_is_off_is_not_there() -> None:
    assert kinds(made(batch_norm=False, dropout=0.0)) == [
        "InputLayer",
        "Dense",
        "Activation",
        "Dense",
        "Activation",
        "Dense",
    ]
    only_first = made(batch_norm_1=True, batch_norm_2=False, dropout_1=0.0, dropout_2=0.5)
    assert kinds(only_first)[1:-1] == ["Dense", "BatchNormalization", "Activation", "Dense", "Activation", "Dropout"]


def test_each_layer_has_its_own_units_activation_and_dropout() -> None:
    model = made(activation_1="relu", activation_2="elu", dropout_1=0.1, dropout_2=0.2)
    assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [6, 4, 1]
    assert [layer.activation.__name__ for layer in model.layers if isinstance(layer, keras.layers.Activation)] == [
        "relu",
        "elu",
    ]
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.1, 0.2]


def test_input_dropout_comes_first_and_images_are_flattened() -> None:
    model = build(resolve({**PARAMS, "input_dropout": 0.2}), DataSpec.single((4, 3), 2, "multiclass"), (), seed=1)
    assert kinds(model)[:4] == ["InputLayer", "Flatten", "Dropout", "Dense"]
    assert model.layers[2].rate == 0.2
    assert model.input_shape == (None, 4, 3)
    assert model.output_shape == (None, 2)


def test_the_number_of_parameters_is_the_sum_over_the_layers() -> None:
    # 5 * 6 + 6, 6 * 4 + 4, 4 * 1 + 1
    assert made(batch_norm=False).count_params() == 36 + 28 + 5
    # Normalised layers have no bias, and four numbers a unit: scale, offset, mean, variance.
    assert made(batch_norm=True).count_params() == (30 + 4 * 6) + (24 + 4 * 4) + 5


def test_penalties_and_the_initializer_are_on_every_kernel() -> None:
    model = made(l1=0.25, l2=0.5, kernel_initializer="ones", batch_norm=False)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            assert (float(layer.kernel_regularizer.l1), float(layer.kernel_regularizer.l2)) == (0.25, 0.5)
            assert layer.bias_regularizer is None
            assert (layer.get_weights()[0] == 1).all()
    # |w| = w^2 = 1 for 30 + 24 + 4 kernel entries
    assert float(sum(model.losses)) == pytest.approx(58 * (0.25 + 0.5))
    assert made().losses == []


@pytest.mark.parametrize(
    ("task", "activation"), [("binary", "sigmoid"), ("multiclass", "softmax"), ("regression", "linear")]
)
def test_the_task_decides_the_output_and_the_loss(task: Task, activation: str) -> None:
    model = made(task)
    assert model.layers[-1].activation.__name__ == activation
    assert type(model.loss) is type(build_loss(None, SPECS[task]))


@pytest.mark.parametrize("task", TASKS)
def test_every_kind_of_model_trains_with_its_default_metrics(task: Task) -> None:
    metrics = metrics_for(task, None, DEFAULT_OBJECTIVE[task])
    model = build(resolve(PARAMS), SPECS[task], metrics, seed=1)
    history = model.fit(*some_rows(task), batch_size=8, epochs=1, verbose=0).history
    assert set(history) == {"loss", *metrics}


def weights_of(config: ModelConfig, seed: int) -> list[Any]:
    return list(build(config, SPECS["binary"], (), seed=seed).get_weights())


def test_the_same_seed_gives_the_same_weights_and_masks_and_another_seed_others() -> None:
    config = resolve(PARAMS)
    first, again, other = weights_of(config, 1), weights_of(config, 1), weights_of(config, 2)
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert any((one != two).any() for one, two in zip(first, other, strict=True))

    x, _ = some_rows("binary")
    masked = [np.asarray(made(seed=seed)(x, training=True)) for seed in (1, 1, 2)]
    assert (masked[0] == masked[1]).all()
    assert (masked[0] != masked[2]).any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_builds_and_gives_numbers(activation: str) -> None:
    model = made(activation=activation, batch_norm=False, dropout=0.0)
    x, _ = some_rows("binary")
    assert np.isfinite(np.asarray(model(x))).all()


def test_a_described_model_survives_saving(tmp_path: Any) -> None:
    model = made()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    x, _ = some_rows("binary")
    assert (np.asarray(loaded(x)) == np.asarray(model(x))).all()


def test_trials_of_the_default_space_build() -> None:
    space = parse_space({}, batch_size=16)
    suggesters: list[Suggester] = [Extreme(largest=False), Extreme(largest=True), *map(Sampled, range(4))]
    for suggester in suggesters:
        config = resolve(space.suggest(suggester))
        model = build(config, SPECS["binary"], ("accuracy",), seed=0)
        assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [
            *(layer.units for layer in config.hidden),
            1,
        ]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_sixteen_bits_are_of_the_layers_alone(precision: str, tmp_path: Path) -> None:
    model = made("multiclass", precision=precision, ema_momentum=0.9)
    assert model.get_layer("hidden_1").dtype_policy.name == precision
    assert {str(weights.dtype) for weights in model.get_weights()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # the process's own is as it was
    scales = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scales == (precision == "mixed_float16")

    x, _ = some_rows("multiclass")
    outputs = model.predict(x, verbose=0)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, made("multiclass").predict(x, verbose=0), atol=0.01)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.get_layer("hidden_1").dtype_policy.name == precision
    np.testing.assert_array_equal(again.predict(x, verbose=0), outputs)
