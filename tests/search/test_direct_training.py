"""Does a small dense network that NumPy trains come out as `fit` has it? (Real, tiny Keras models.)

What all loops share (class weights, schedules, other data, short batches) is in test_training_loops.py.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import config, parts

from search.messages import WorkerSetup
from search.training.direct import layers as direct_layers
from search.training.direct import member, updates
from search.training.direct.activations import ACTIVATIONS
from search.training.direct.loop import DirectLoop
from search.training.direct.masks import Masks
from search.training.direct.philox import random_bits
from search.training.direct.scope import can_train, count_weights
from search.training.direct.sketch import Dropped, Sketch
from search.training.direct.updates import Share, make_update
from search.training.fitting import FitLoop
from search.training.loops import epoch_order, loop_kind
from search.training.threads import limit_threads
from spaces import DataSpec, ModelConfig
from spaces.builders import build, build_optimizer
from spaces.catalog import INITIALIZERS
from spaces.data_spec import InputSpec
from spaces.model_config import HiddenLayer, LossConfig, OptimizerConfig

IMAGE, MASKED = InputSpec((2, 4), "image"), InputSpec((2, 4), "sequence", masked=True)
TRIPLES = [sorted(ACTIVATIONS)[start::3] for start in range(3)]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def setup_of(spec: DataSpec, **changes: Any) -> WorkerSetup:
    return replace(WorkerSetup(Path("arrays"), spec, (), "val_loss", "minimize", None, 1), **changes)


def trained(kind: Any, model_config: ModelConfig, task: str, epochs: int = 4) -> tuple[list[float], list[Any]]:
    """Losses, of training and validation in turn, and the weights at the end."""
    spec, train, validation = parts(task)
    model = kind.new_model(model_config, setup_of(spec), seed=5)
    loop = kind(model, model_config, train, validation, setup_of(spec), epochs=epochs)
    losses = []
    for epoch in range(1, epochs + 1):
        losses += [loop.train(epoch_order(3, epoch, len(train)))["loss"], loop.validate()["loss"]]
    return losses, loop.weights()


def assert_alike(one: tuple[list[float], list[Any]], two: tuple[list[float], list[Any]]) -> None:
    assert one[0] == pytest.approx(two[0], rel=2e-6, abs=2e-6)
    for left, right in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("names", TRIPLES, ids=", ".join)
def test_every_activation_trains_as_in_keras(names: list[str], task: str) -> None:
    # The widths differ, and one layer is normalised, so that a place that is mistaken for another is seen.
    layers = [
        HiddenLayer(units=units, activation=name, batch_norm=units == 6, dropout=0.2 if units == 9 else 0.0)
        for units, name in zip((9, 6, 4), names, strict=True)
    ]
    model_config = config().model_copy(update={"hidden": tuple(layers), "leaky_slope": 0.3})
    assert_alike(trained(DirectLoop, model_config, task), trained(FitLoop, model_config, task))


@pytest.mark.parametrize("shape", ["no hidden layer", "with a bias", "normalised"])
def test_a_bias_that_is_added_apart_changes_nothing(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sixty samples in batches of sixteen, the last of twelve.
    model_config = config(batch_norm=shape == "normalised", input_dropout=0.2, l2=1e-2)
    if shape == "no hidden layer":
        model_config = model_config.model_copy(update={"family": "linear", "hidden": ()})
    copied = trained(DirectLoop, model_config, "multiclass")
    monkeypatch.setattr(direct_layers, "_MOST_COPIED", 0)
    apart = trained(DirectLoop, model_config, "multiclass")
    assert_alike(apart, copied)
    assert_alike(apart, trained(FitLoop, model_config, "multiclass"))


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "descent": {"name": "sgd", "settings": {}},
    "descent with momentum": {"name": "sgd", "settings": {"momentum": 0.9}},
    "Nesterov's": {"name": "sgd", "settings": {"momentum": 0.8, "nesterov": True}},
    "rmsprop": {"name": "rmsprop", "settings": {}},
    "rmsprop with momentum": {"name": "rmsprop", "settings": {"momentum": 0.5, "rho": 0.8, "epsilon": 1e-5}},
    "adam": {"name": "adam", "settings": {}},
    "adam's averages": {"name": "adam", "settings": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4}},
    "adamw": {"name": "adamw", "settings": {"beta_1": 0.0}},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_update_follows_keras_over_hundreds_of_steps(name: str) -> None:
    import keras

    described = OptimizerConfig(learning_rate=0.003, **OPTIMIZERS[name])
    rng, weights = np.random.default_rng(0), updates._BLOCK + 23
    start = rng.normal(size=weights).astype(np.float32)
    gradients = (rng.normal(size=(300, weights)) * 10.0 ** rng.integers(-3, 1, weights)).astype(np.float32)
    theirs, optimizer = keras.Variable(start), build_optimizer(described)
    optimizer.build([theirs])
    for gradient in gradients:
        optimizer.apply([gradient], [theirs])
    ours, of_members, share = start.copy(), np.zeros((2, weights), np.float32), slice(7, None)
    update = make_update(Share(ours[share], of_members, member=1, first=share.start), described)
    of_the_other = rng.random(weights) < 0.5
    for epoch in np.split(gradients, 3):
        update.prepare(np.full(100, 0.003))
        for step, gradient in enumerate(epoch):
            of_members[0], of_members[1] = gradient * of_the_other, gradient * ~of_the_other
            update.apply(step)
    np.testing.assert_allclose(ours[share], np.asarray(theirs)[share], atol=2e-6, rtol=2e-6)
    np.testing.assert_array_equal(ours[: share.start], start[: share.start])
    assert np.abs(ours - start).max() > 1e-2


@pytest.mark.parametrize("name", ["descent with momentum", "rmsprop with momentum", "adam"])
def test_an_update_forgets_what_is_too_small_to_count_but_not_a_number_that_is_none(name: str) -> None:
    described = OptimizerConfig(learning_rate=0.003, **OPTIMIZERS[name])
    values, gradient = np.ones(3, np.float32), np.array([[1e-30, 1e-3, np.nan]], np.float32)
    update = make_update(Share(values, gradient, member=0, first=0), described)
    update.prepare(np.full(5001, 0.003))
    update.apply(0)
    gradient[:] = 0.0
    for step in range(1, 5001):
        update.apply(step)
    averages = [held for name, held in vars(update).items() if name in ("_average", "_squares")]
    assert averages
    assert not any(
        np.any(np.abs(average[:2]) < np.finfo(np.float32).tiny, where=average[:2] != 0) for average in averages
    )
    assert np.isfinite(values[:2]).all()
    assert np.isnan(values[2])


def test_weights_decay_as_in_keras() -> None:
    decaying = config(optimizer="adamw", weight_decay=0.3, l2=1e-2)
    assert_alike(trained(DirectLoop, decaying, "binary"), trained(FitLoop, decaying, "binary"))


@pytest.mark.parametrize("size", [0, 1, 39, 2051])
@pytest.mark.parametrize("seed", [[0, 0], [7, 3], [2**32 - 1, 2**31], [123456789, 4000000000]])
def test_numbers_are_drawn_as_tensorflow_draws_them(seed: list[int], size: int) -> None:
    import tensorflow as tf

    seeds = np.array([seed, [5, 9]], np.uint32)
    for first in (0, 26):
        drawn = random_bits(seeds, size, first=first) * 2.0**-23
        for ours, one in zip(drawn, seeds.view(np.int32), strict=True):
            theirs = tf.random.stateless_uniform((first + size,), one, alg="auto_select").numpy()[first:]
            np.testing.assert_array_equal(ours.astype(np.float32), theirs)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999])
def test_what_a_step_drops_is_what_the_layer_drops(rate: float) -> None:
    import keras

    layer = keras.layers.Dropout(rate, seed=8)
    masks = Masks(Dropped(rate, seed=8), 30)
    ours = np.concatenate([masks.draw(2, slice(0, 11)), masks.draw(3, slice(0, 11))])
    theirs = np.concatenate([np.asarray(layer(np.ones((11, 30), np.float32), training=True)) for _ in range(5)])
    np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)
    some = theirs.reshape(5, 11, 30)[:, 3:7]
    np.testing.assert_array_equal(Masks(Dropped(rate, seed=8), 30).draw(5, slice(3, 7)), some)
    turned = Masks(Dropped(rate, seed=8), 30).draw(5, slice(3, 7), turned=True)
    np.testing.assert_array_equal(turned, some.transpose(0, 2, 1))


def test_a_short_batch_between_others_draws_with_a_seed_of_its_own() -> None:
    import keras

    masks, layer = Masks(Dropped(0.4, seed=8), 30), keras.layers.Dropout(0.4, seed=8)
    for steps, rows in [(2, 11), (3, 11), (1, 5), (3, 11), (2, 11), (1, 5), (0, 11), (1, 5)]:
        theirs = [np.asarray(layer(np.ones((rows, 30), np.float32), training=True)) for _ in range(steps)]
        np.testing.assert_array_equal(masks.draw(steps, slice(0, rows)), np.reshape(theirs, (steps, rows, 30)))
    assert masks.draw(2, slice(4, 4)).shape == (2, 0, 30)


def test_how_many_steps_are_made_ready_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model_config = config(dropout=0.3, input_dropout=0.2, batch_norm=True)
    at_once = trained(DirectLoop, model_config, "multiclass")
    monkeypatch.setattr(member, "_CHUNK_NUMBERS", 1)
    monkeypatch.setattr(member, "_VALIDATION_NUMBERS", 1)
    monkeypatch.setattr(member, "_LARGEST_VALIDATION", 7)
    one_by_one = trained(DirectLoop, model_config, "multiclass")
    # A layer's moving averages add up what their steps left, here in other portions.
    assert_alike(at_once, one_by_one)
    assert at_once[0][::2] == one_by_one[0][::2]


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_a_sketch_begins_as_the_model_that_it_stands_for(initializer: str) -> None:
    layers = [
        HiddenLayer(units=9, activation="relu", batch_norm=True, dropout=0.2),
        HiddenLayer(units=9, activation="relu", batch_norm=False, dropout=0.0),
        HiddenLayer(units=4, activation="relu", batch_norm=False, dropout=0.4),
    ]
    spec = replace(DataSpec.single((5,), 3, "multiclass"), inputs=(IMAGE,))
    changes = {"hidden": tuple(layers), "kernel_initializer": initializer, "input_dropout": 0.1}
    model_config = config().model_copy(update=changes)
    sketch, model = Sketch(model_config, setup_of(spec), seed=11), build(model_config, spec, (), seed=11)
    for ours, theirs in zip(sketch.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert sketch.count_params() == model.count_params() == count_weights(model_config, spec)
    assert sketch.learning_rate == float(model.optimizer.learning_rate)
    seeds = {layer.name: int(layer.seed_generator.state[0]) for layer in model.layers if "dropout" in layer.name}
    drawn = [None if dropped is None else dropped.seed for dropped in sketch.dropouts]
    assert drawn == [seeds["input_dropout"], seeds["hidden_1_dropout"], None, seeds["hidden_3_dropout"]]
    sketch.set_weights([array + 1 for array in sketch.get_weights()])
    for ours, theirs in zip(sketch.get_weights(), sketch.make().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_that_diverges_says_so_by_its_loss_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses, _ = trained(DirectLoop, config(optimizer="sgd", learning_rate=1e30, activation="relu"), "regression")
    assert not np.isfinite(losses[-1])


def test_other_users_of_the_processor_keep_their_threads() -> None:
    from threadpoolctl import threadpool_info

    before = threadpool_info()
    trained(DirectLoop, config(), "binary")
    assert [one["num_threads"] for one in threadpool_info()] == [one["num_threads"] for one in before]


@pytest.mark.parametrize(
    ("changes", "spec_changes", "setup_changes", "direct"),
    [
        ({}, {}, {}, True),
        ({"activation": "leaky_relu", "leaky_slope": 0.1, "dropout": 0.1, "batch_norm": True}, {}, {}, True),
        ({"optimizer": "adamw", "weight_decay": 0.1}, {}, {}, True),
        ({}, {"inputs": (IMAGE,)}, {}, True),
        ({}, {}, {"threads": 2}, sys.platform == "linux"),
        ({"activation": "gelu"}, {}, {}, False),
        ({"layer_norm": True}, {}, {}, False),
        ({"residual": True}, {}, {}, False),
        ({"max_norm": 2.0}, {}, {}, False),
        ({"optimizer": "nadam"}, {}, {}, False),
        ({"optimizer": "adam", "amsgrad": True}, {}, {}, False),
        ({"optimizer": "rmsprop", "centered": True}, {}, {}, False),
        ({"global_clipnorm": 1.0}, {}, {}, False),
        ({"ema_momentum": 0.9}, {}, {}, False),
        ({"precision": "mixed_bfloat16"}, {}, {}, False),
        ({"batch_size": 1_000_000}, {}, {}, False),
        ({}, {"inputs": (MASKED,)}, {}, False),
        ({}, {"inputs": (IMAGE, replace(IMAGE, name="other"))}, {}, False),
    ],
)
def test_what_it_does_not_know_it_leaves_to_tensorflow(
    changes: dict[str, Any], spec_changes: dict[str, Any], setup_changes: dict[str, Any], direct: bool
) -> None:
    spec = replace(DataSpec.single((5,), 1, "binary"), **spec_changes)
    assert can_train(config(**changes), setup_of(spec, **setup_changes), steps=1000) == direct


def test_a_larger_network_is_traced_if_it_trains_for_long() -> None:
    setup = setup_of(DataSpec.single((784,), 10, "multiclass"))

    def takes(steps: int, **changes: Any) -> bool:
        return can_train(config(layers=1, units={"choice": [200]}, **changes), setup, steps=steps)

    assert takes(10**9, batch_size=16)
    assert takes(2000, batch_size=128)
    assert not takes(4000, batch_size=128)


def test_another_loss_is_left_to_tensorflow() -> None:
    spec, train, validation = parts("binary")
    smoothed = LossConfig(name="binary_crossentropy", settings={"label_smoothing": 0.1})
    for loss, direct in ((None, True), (LossConfig(name="focal"), False), (smoothed, False)):
        model_config = config().model_copy(update={"loss": loss})
        kind = loop_kind(model_config, setup_of(spec), train, validation, epochs=1, in_memory_bytes=10**9)
        assert (kind is DirectLoop) == direct
