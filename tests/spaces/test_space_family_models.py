"""Does every family build what its config says, from every kind of input, and do such models save and load?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from search.training.threads import limit_threads
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.builders import build
from spaces.catalog import FAMILY_DIMENSIONS, OPTIMIZERS
from spaces.data_spec import MASK_VALUE, InputSpec
from spaces.model_config import read_model_config
from spaces.suggesters import Sampled

INPUTS = {
    "numbers": InputSpec((5,)),
    "grey": InputSpec((8, 6), "image"),
    "colour": InputSpec((6, 8, 3), "image"),
    "sequence": InputSpec((6, 3), "sequence"),
    "ragged": InputSpec((6, 3), "sequence", masked=True),
    "tokens": InputSpec((7,), "tokens", vocabulary=9, masked=True),
}
FITTING = {
    "linear": tuple(INPUTS),
    "mlp": tuple(INPUTS),
    "cnn": ("grey", "colour", "sequence", "ragged", "tokens"),
    "rnn": ("sequence", "ragged", "tokens"),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    limit_threads(1)  # as everywhere in the tests: the first one that computes decides for the process


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    yield
    keras.backend.clear_session(free_memory=False)


def rows(one: InputSpec, count: int = 6) -> Any:
    """Samples of an input; of what may be shorter, every second one is."""
    draw = np.random.default_rng(0)
    if one.kind == "tokens":
        x = draw.integers(2, one.vocabulary, size=(count, *one.shape)).astype("int32")
        x[::2, 4:] = 0
        return x
    x = draw.normal(size=(count, *one.shape)).astype("float32")
    if one.masked:
        x[::2, 4:] = MASK_VALUE
    return x


def made(family: str, kind: str, *, seed: int = 1, **params: Any) -> Any:
    config = resolve({"optimizer": "sgd", **params}, family=family)
    return build(config, DataSpec((INPUTS[kind],), 3, "multiclass"), (), seed=seed)


def predicted(model: Any, x: Any) -> Any:
    return np.asarray(model(x, training=False))


def names(model: Any, kind: type) -> list[str]:
    return [layer.name for layer in model.layers if isinstance(layer, kind)]


# Any config of any family.


def everything(family: str, kind: str, turn: int) -> ModelConfig:
    """A random model out of all dimensions of a family, small."""
    small: dict[str, Any] = {
        "units": {"int": [1, 5]},
        "filters": {"int": [1, 4]},
        "state_size": {"int": [1, 4]},
        "recurrent_layers": [2] if turn % 2 else [1],
        "units_first": {"int": [2, 9]},
        "units_last": {"int": [1, 3]},
        "embedding": [0, 3],
        "kernel_size": [1, 2, 5],
        "optimizer": list(OPTIMIZERS)[turn :: len(FITTING)],
    }
    clipping = ["clipnorm", "clipvalue", "global_clipnorm"]
    left_out = {"loss", "huber_delta", "cost", "profit", "focal_gamma", "focal_alpha", "label_smoothing"}
    left_out |= {"positive_weight", "class_weight", "second_from", "span_epochs", *clipping} - {clipping[turn % 3]}
    if INPUTS[kind].kind != "image":
        left_out |= {"flip", "shift", "rotate", "zoom"}
    takers = small["optimizer"]
    section = {}
    for name in FAMILY_DIMENSIONS[family]:
        owners = [optimizer for optimizer, settings in OPTIMIZERS.items() if name in settings]
        if name not in left_out and (not owners or set(owners) & set(takers)):
            section[name] = small.get(name, "auto")
    return resolve(parse_space(section, family=family).suggest(Sampled(turn)), family=family)


@pytest.mark.parametrize(
    ("family", "kind", "turn"),
    [(family, kind, turn) for family in FITTING for turn, kind in enumerate(FITTING[family])],
)
def test_a_random_config_builds_trains_predicts_saves_and_loads(
    family: str, kind: str, turn: int, tmp_path: Path
) -> None:
    config = everything(family, kind, turn)
    assert read_model_config(config.model_dump(mode="json"), "model") == config
    model = build(config, DataSpec((INPUTS[kind],), 3, "multiclass"), ("accuracy",), seed=1)
    x = rows(INPUTS[kind])
    model.run_eagerly = True  # tracing would take seconds a model
    model.train_on_batch(x, np.arange(len(x)) % 3)
    outputs = predicted(model, x)
    assert outputs.shape == (len(x), 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(predicted(loaded, x), outputs, rtol=1e-5, atol=1e-6)


def test_several_inputs_are_joined_by_name(tmp_path: Path) -> None:
    inputs = tuple(
        InputSpec(one.shape, one.kind, name, one.vocabulary, one.masked)
        for name, one in INPUTS.items()
        if name != "sequence"
    )
    x = {one.name: rows(one) for one in inputs}
    config = resolve({"layers": 1, "units": 3, "embedding": 2, "flip": "both"})
    model = build(config, DataSpec(inputs, 1, "binary"), (), seed=1)
    # 5 numbers, 8 x 6 and 6 x 8 x 3 pixels, 6 x 3 steps, 7 tokens of 2 numbers.
    assert model.get_layer("hidden_1").kernel.shape == (5 + 48 + 144 + 18 + 14, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(predicted(loaded, x), predicted(model, x), rtol=1e-5)


# Linear and dense.


def test_a_linear_model_has_one_layer_of_weights() -> None:
    model = made("linear", "numbers", l2=0.5)
    assert names(model, keras.layers.Dense) == ["outputs"]
    assert model.count_params() == 5 * 3 + 3
    assert float(model.losses[0]) == pytest.approx(0.5 * float((model.get_weights()[0] ** 2).sum()), rel=1e-5)


def test_shortcuts_add_each_layers_input_through_a_projection_where_widths_differ() -> None:
    model = made("mlp", "numbers", layers=3, units_1=4, units_2=4, units_3=2, residual=True)
    assert names(model, keras.layers.Add) == ["hidden_1_sum", "hidden_2_sum", "hidden_3_sum"]
    assert [name for name in names(model, keras.layers.Dense) if "projection" in name] == [
        "hidden_1_projection",
        "hidden_3_projection",
    ]
    still = made("mlp", "numbers", layers=1, units=5, residual=True, kernel_initializer="zeros")
    x = rows(INPUTS["numbers"])
    inside = keras.Model(still.input, still.get_layer("hidden_1_sum").output)
    # relu(0 x) + x
    np.testing.assert_array_equal(np.asarray(inside(x)), x)


def test_layer_norm_slope_and_max_norm_are_where_they_belong() -> None:
    leaky = {"layers": 1, "units": 4, "activation": "leaky_relu"}
    model = made("mlp", "numbers", **leaky, layer_norm=True, leaky_slope=0.3, max_norm=2)
    assert [layer.name for layer in model.layers[2:4]] == ["hidden_1_layer_norm", "hidden_1_activation"]
    assert model.get_layer("hidden_1_activation").negative_slope == pytest.approx(0.3)
    assert [model.get_layer(name).kernel_constraint.max_value for name in ("hidden_1", "outputs")] == [2, 2]
    plain = made("mlp", "numbers", **leaky).get_layer("hidden_1_activation")
    assert plain.activation.__name__ == "leaky_relu"


# Convolutions.


def test_a_block_is_convolved_normalised_activated_pooled_and_dropped_out() -> None:
    model = made("cnn", "grey", conv_layers=2, filters=4, batch_norm=True, conv_dropout=0.2, layers=1, units=3)
    assert [layer.name for layer in model.layers] == [
        "input",
        "input_channel",
        *(f"conv_{n}{part}" for n in (1, 2) for part in ("", "_batch_norm", "_activation", "_pooling", "_dropout")),
        "head",
        "hidden_1",
        "hidden_1_batch_norm",
        "hidden_1_activation",
        "outputs",
    ]
    assert model.get_layer("conv_1").kernel.shape == (3, 3, 1, 4)
    # 8 x 6, halved twice: 2 x 2 with 4 filters.
    assert model.get_layer("head").output.shape == (None, 2 * 2 * 4)


def test_pooling_never_shrinks_a_side_below_one() -> None:
    model = made("cnn", "colour", conv_layers=6, filters=2, pooling="average", layers=0)
    assert model.get_layer("head").output.shape == (None, 2)
    unpooled = made("cnn", "colour", conv_layers=1, filters=2, pooling="none", layers=0)
    assert unpooled.get_layer("head").output.shape == (None, 6 * 8 * 2)
    averaged = made("cnn", "sequence", conv_layers=1, filters=5, pooling="none", head="average", layers=0)
    assert averaged.get_layer("head").output.shape == (None, 5)
    assert averaged.get_layer("conv_1").kernel.shape == (3, 3, 5)


def test_a_cnn_has_shortcuts_and_norms_over_each_filters_own_weights() -> None:
    model = made("cnn", "colour", conv_layers=2, filters=4, residual=True, max_norm=1.5, layers=0)
    assert names(model, keras.layers.Add) == ["conv_1_sum", "conv_2_sum"]
    assert names(model, keras.layers.Dense) == ["conv_1_projection", "outputs"]
    assert model.get_layer("conv_1").kernel_constraint.axis == [0, 1, 2]


# Augmentation.


def test_images_are_varied_in_training_only_and_by_the_seed() -> None:
    params = {"flip": "both", "shift": 0.2, "rotate": 0.1, "zoom": 0.2}
    x = rows(INPUTS["grey"])

    def varied(seed: int, *, training: bool) -> Any:
        model = made("linear", "grey", seed=seed, **params)
        flat = keras.Model(model.input, model.get_layer("input_flat").output)
        return np.asarray(flat(x, training=training))

    assert [layer.name for layer in made("cnn", "grey", conv_layers=1, filters=1, **params).layers][1:6] == [
        "input_channel",
        "input_flip",
        "input_shift",
        "input_rotate",
        "input_zoom",
    ]
    np.testing.assert_array_equal(varied(1, training=False), x.reshape(len(x), -1))
    once = varied(1, training=True)
    assert (once != x.reshape(len(x), -1)).any()
    np.testing.assert_array_equal(varied(1, training=True), once)
    assert (varied(2, training=True) != once).any()


# Sequences and tokens.


def test_layers_without_masks_see_nothing_behind_a_sequences_end() -> None:
    x = rows(INPUTS["ragged"])
    zeros = np.where(x == MASK_VALUE, 0, x)
    ragged, plain = (made("cnn", kind, conv_layers=1, filters=4, layers=0) for kind in ("ragged", "sequence"))
    np.testing.assert_allclose(predicted(ragged, x), predicted(plain, zeros), rtol=1e-5)
    ragged, plain = (made("mlp", kind, layers=1, units=4) for kind in ("ragged", "sequence"))
    np.testing.assert_allclose(predicted(ragged, x), predicted(plain, zeros), rtol=1e-5)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_a_recurrent_layer_ends_where_its_sequence_does(cell: str) -> None:
    model = made("rnn", "ragged", recurrent_layers=1, state_size=3, cell=cell, layers=0)
    whole = rows(INPUTS["sequence"])
    cut = whole.copy()
    cut[:, 4:] = MASK_VALUE
    shorter = build(
        resolve({"recurrent_layers": 1, "state_size": 3, "cell": cell, "optimizer": "sgd"}, family="rnn"),
        DataSpec((InputSpec((4, 3), "sequence"),), 3, "multiclass"),
        (),
        seed=1,
    )
    np.testing.assert_allclose(predicted(model, cut), predicted(shorter, whole[:, :4]), rtol=1e-5)
    assert (predicted(model, whole) != predicted(model, cut)).any()


def test_tokens_go_through_an_embedding_or_as_one_hot() -> None:
    embedded = made("rnn", "tokens", recurrent_layers=1, state_size=2, embedding=5, layers=0)
    layer = embedded.get_layer("input_embedding")
    assert (layer.embeddings.shape, layer.mask_zero, layer.trainable) == ((9, 5), True, True)
    one_hot = made("linear", "tokens", embedding=0).get_layer("input_embedding")
    np.testing.assert_array_equal(np.asarray(one_hot.embeddings), np.eye(9))
    assert not one_hot.trainable


def test_recurrent_layers_stack_both_ways_with_dropouts_and_shortcuts() -> None:
    model = made(
        "rnn", "sequence", recurrent_layers=2, state_size_1=2, state_size_2=3, cell="lstm", bidirectional_1=True,
        bidirectional_2=False, cell_dropout=0.1, recurrent_dropout=0.2, cell_layer_norm=True, residual=True, layers=0,
    )  # fmt: skip
    first, last = model.get_layer("recurrent_1_both_ways"), model.get_layer("recurrent_2")
    assert first.output.shape == (None, 6, 4)
    assert last.output.shape == (None, 3)
    assert (last.dropout, last.recurrent_dropout, type(last)) == (0.1, 0.2, keras.layers.LSTM)
    assert names(model, keras.layers.LayerNormalization) == ["recurrent_1_layer_norm", "recurrent_2_layer_norm"]
    assert names(model, keras.layers.Add) == ["recurrent_1_sum"]


# Optimizers that look at the layers.


def test_muon_leaves_outputs_embeddings_and_projections_to_adamw() -> None:
    model = made("rnn", "tokens", recurrent_layers=2, state_size=2, residual=True, layers=1, units=4, optimizer="muon")
    by_adamw = {one.path for one in model.trainable_variables if model.optimizer._should_use_adamw(one)}
    matrices = {one.path for one in model.trainable_variables if len(one.shape) == 2}
    left = {path.split("/")[0] for path in by_adamw & matrices}
    assert left == {"input_embedding", "recurrent_1_projection", "hidden_1_projection", "outputs"}
    assert "hidden_1/kernel" in matrices - by_adamw


def test_a_moving_average_and_one_way_of_clipping_are_the_optimizers() -> None:
    kept = made("linear", "numbers", ema_momentum=0.9, clipnorm=0.5, clipvalue=0.0).optimizer
    assert (kept.use_ema, kept.ema_momentum, kept.clipnorm, kept.clipvalue) == (True, 0.9, 0.5, None)
    assert not made("linear", "numbers", ema_momentum=0.0).optimizer.use_ema


@pytest.mark.parametrize(
    ("family", "kind", "params"),
    [
        ("cnn", "grey", {"conv_layers": 1, "filters": 1, "residual": True, "flip": "both", "zoom": 0.1}),
        ("rnn", "ragged", {"recurrent_layers": 1, "state_size": 1, "recurrent_dropout": 0.1}),
    ],
)
def test_a_cnn_and_an_rnn_train_in_a_graph(family: str, kind: str, params: dict[str, Any]) -> None:
    model = made(family, kind, **params, layers=1, units=1, optimizer="muon")
    history = model.fit(rows(INPUTS[kind]), np.arange(6) % 3, batch_size=3, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
