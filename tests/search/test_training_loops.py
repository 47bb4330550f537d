"""Does an epoch train as Keras's own `fit` does on the same batches? (Real, tiny Keras models, in this process.)"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import config, parts

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.compiled import CompiledLoop
from search.training.direct.loop import DirectLoop
from search.training.fitting import FitLoop
from search.training.lean import LeanLoop
from search.training.loops import EpochLoop, epoch_order, loop_kind
from search.training.threads import import_backend, limit_threads
from spaces import DataSpec, ModelConfig
from spaces.builders import build
from spaces.model_config import LossConfig, ScheduleConfig, SecondPhase

# What else a space holds is drawn by chance in test_training_grid.py.
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1},
    "penalties": {"l1": 1e-3, "l2": 1e-2},
    "one batch": {"batch_size": 500},
    "batches of one": {"batch_size": 1},
    "even batches": {"batch_size": 15},
    "muon": {"optimizer": "muon"},
}


# Schedules, phases and classes that count differently are for models that we build.
ANY = [LeanLoop, FitLoop]  # for all of those
OURS = [DirectLoop, *ANY]  # for small, plain ones
LOOPS = [CompiledLoop, *OURS]
METRICS = {"binary": ("accuracy",), "multiclass": ("accuracy",), "regression": ("mae", "rmse", "r2")}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def setup_of(spec: DataSpec, metrics: tuple[str, ...], **changes: Any) -> WorkerSetup:
    base = WorkerSetup(Path("arrays"), spec, metrics, "val_loss", "minimize", None, 1)
    return replace(base, **changes)


def loop_of(
    kind: type[EpochLoop], model: Any, model_config: ModelConfig, train: Part, validation: Part | None, setup: Any
) -> Any:
    return kind(model, model_config, train, validation, setup, epochs=EPOCHS)


def run(loop: EpochLoop, samples: int, epochs: int = 3) -> list[dict[str, float]]:
    reports = []
    for epoch in range(1, epochs + 1):
        metrics = loop.train(epoch_order(3, epoch, samples))
        with loop.averaged():
            reports.append(metrics | {f"val_{name}": value for name, value in loop.validate().items()})
    loop.set_weights(loop.weights())  # as a round ends: until then a loop may have them to itself
    return reports


def keras_fit(
    model: Any, train: Part, validation: Part, batch_size: int, epochs: int = 3, **arguments: Any
) -> list[dict[str, float]]:
    """What Keras reports for the same batches: all epochs in one call, in the orders that a loop is given."""
    steps = -(-len(train) // batch_size)

    def batches() -> Iterator[tuple[Any, ...]]:
        for epoch in range(1, epochs + 1):
            order = epoch_order(3, epoch, len(train))
            for start in range(0, len(train), batch_size):
                rows = order[start : start + batch_size]
                x = train.x
                yield ({k: v[rows] for k, v in x.items()} if isinstance(x, dict) else x[rows]), train.y[rows]

    history = model.fit(
        batches(),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        validation_data=(validation.x, validation.y),
        verbose=0,
        **arguments,
    ).history
    return [{name: values[epoch] for name, values in history.items()} for epoch in range(epochs)]


EPOCHS = 3


def assert_same(ours: Any, theirs: Any, reported: list[dict[str, float]], history: list[dict[str, float]]) -> None:
    assert [set(report) for report in reported] == [set(report) for report in history]
    for left, right in zip(reported, history, strict=True):
        assert left == pytest.approx(right, abs=2e-6, rel=2e-6)
    assert_same_weights(ours, theirs)


def assert_same_weights(ours: Any, theirs: Any) -> None:
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "variant", "task"),
    [
        *((LeanLoop, variant, "binary") for variant in VARIANTS),
        *((DirectLoop, variant, "binary") for variant in VARIANTS if variant != "muon"),
        *(
            (kind, variant, t)
            for kind in (LeanLoop, DirectLoop)
            for variant in ("plain", "batch norm", "one batch")
            for t in ("multiclass", "regression")
        ),
        *((CompiledLoop, variant, "binary") for variant in ("batch norm", "dropout", "penalties", "one batch")),
        *((CompiledLoop, "plain", task) for task in ("multiclass", "regression")),
    ],
)
def test_a_compiled_loop_is_fit_on_the_same_batches(kind: type[EpochLoop], variant: str, task: Any) -> None:
    spec, train, validation = parts(task)
    model_config, metrics = config(**VARIANTS[variant]), METRICS[task]
    ours = kind.new_model(model_config, setup_of(spec, metrics), seed=3)
    reported = run(loop_of(kind, ours, model_config, train, validation, setup_of(spec, metrics)), len(train))
    theirs = build(model_config, spec, metrics, seed=3)
    history = keras_fit(theirs, train, validation, model_config.batch_size)
    assert_same(ours, theirs, reported, history)


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize(
    ("task", "changes", "class_weight", "expected"),
    [
        ("binary", {"positive_weight": 3.0}, None, {0: 1.0, 1: 3.0}),
        ("multiclass", {}, (1.0, 5.0, 0.5), {0: 1.0, 1: 5.0, 2: 0.5}),
        ("multiclass", {"class_weight": "none"}, "balanced", None),
        ("multiclass", {"class_weight": "balanced"}, None, "balanced"),
    ],
)
def test_classes_count_as_they_do_in_fit(
    kind: type[EpochLoop], task: Any, changes: dict[str, Any], class_weight: Any, expected: Any
) -> None:
    spec, train, validation = parts(task)
    model_config = config().model_copy(update=changes)
    if expected == "balanced":  # samples / (classes * samples of the class)
        expected = {c: len(train) / (3 * int((train.y == c).sum())) for c in range(3)}
    ours = kind.new_model(model_config, setup_of(spec, ("accuracy",)), seed=3)
    setup = setup_of(spec, ("accuracy",), class_weight=class_weight)
    reported = run(loop_of(kind, ours, model_config, train, validation, setup), len(train))
    theirs = build(model_config, spec, ("accuracy",), seed=3)
    weighted = Weighted(train, expected)
    history = keras_fit_arrays(theirs, weighted, validation, 16)
    assert_same(ours, theirs, reported, history)


class Weighted:
    """A part and what each of its classes counts."""

    def __init__(self, part: Part, class_weight: dict[int, float] | None) -> None:
        self.part, self.class_weight = part, class_weight


def keras_fit_arrays(model: Any, weighted: Weighted, validation: Part, batch_size: int) -> list[dict[str, float]]:
    """Epoch by epoch, because ``fit`` takes class weights with arrays only."""
    reports = []
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(3, epoch, len(weighted.part))
        history = model.fit(
            weighted.part.x[order],
            weighted.part.y[order],
            batch_size=batch_size,
            shuffle=False,
            class_weight=weighted.class_weight,
            validation_data=(validation.x, validation.y),
            verbose=0,
        ).history
        reports.append({name: values[0] for name, values in history.items()})
    return reports


SCHEDULES: dict[str, dict[str, float]] = {
    "exponential": {"decay_rate": 0.5, "decay_epochs": 1.0},
    "cosine": {"span_epochs": 3.0, "end_fraction": 0.1},
}


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_trains_as_keras_own(kind: type[EpochLoop], name: str) -> None:
    import keras

    spec, train, validation = parts("binary")
    plain = config()
    schedule = ScheduleConfig(name=name, settings=SCHEDULES[name])
    scheduled = plain.model_copy(update={"optimizer": plain.optimizer.model_copy(update={"schedule": schedule})})
    ours = kind.new_model(scheduled, setup_of(spec, ("accuracy",)), seed=3)
    setup = setup_of(spec, ("accuracy",))
    reported = run(loop_of(kind, ours, scheduled, train, validation, setup), len(train))
    steps = 4  # 60 samples in batches of 16
    theirs_rate = {
        "exponential": keras.optimizers.schedules.ExponentialDecay(0.01, steps, 0.5),
        "cosine": keras.optimizers.schedules.CosineDecay(0.01, 3 * steps, alpha=0.1),
    }[name]
    theirs = build(plain, spec, ("accuracy",), seed=3)
    theirs.compile(keras.optimizers.Adam(theirs_rate), "binary_crossentropy", metrics=["accuracy"])
    history = keras_fit(theirs, train, validation, 16)
    rates = [report.pop("learning_rate") for report in reported]
    assert rates == pytest.approx([float(theirs_rate(epoch * steps - 1)) for epoch in (1, 2, 3)], rel=1e-6)
    assert_same(ours, theirs, reported, history)


@pytest.mark.parametrize("kind", OURS)
def test_a_plateau_lowers_the_rate_as_keras_own_callback(kind: type[EpochLoop]) -> None:
    import keras

    spec, train, validation = parts("binary")
    plain = config(learning_rate=0.2)  # a high one would make much of the last digit
    settings = {"plateau_factor": 0.3, "plateau_patience": 1, "end_fraction": 0.05}
    schedule = ScheduleConfig(name="plateau", settings=settings)
    scheduled = plain.model_copy(update={"optimizer": plain.optimizer.model_copy(update={"schedule": schedule})})
    ours = kind.new_model(scheduled, setup_of(spec, ("accuracy",)), seed=3)
    loop = kind(ours, scheduled, train, validation, setup_of(spec, ("accuracy",)), epochs=12)
    rates = [report["learning_rate"] for report in run(loop, len(train), 12)]
    theirs = build(plain, spec, ("accuracy",), seed=3)
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1, min_lr=0.01)
    history = keras_fit(theirs, train, validation, 16, 12, callbacks=[callback])
    assert rates == pytest.approx([report["learning_rate"] for report in history], rel=1e-6)
    assert len(set(rates)) > 2, "the rate never fell, so nothing was compared"
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize(
    ("kind", "precision"), [*((kind, "float32") for kind in (CompiledLoop, *ANY)), (CompiledLoop, "mixed_float16")]
)
def test_averaged_weights_are_validated_and_training_goes_on_with_the_raw_ones(
    kind: type[EpochLoop], precision: str
) -> None:
    import keras

    spec, train, validation = parts("binary")
    plain = config()
    optimizer = plain.optimizer.model_copy(update={"ema_momentum": 0.8})
    averaging = plain.model_copy(update={"optimizer": optimizer, "precision": precision})
    ours = kind.new_model(averaging, setup_of(spec, ("accuracy",)), seed=3)
    loop = loop_of(kind, ours, averaging, train, validation, setup_of(spec, ("accuracy",)))
    reported = run(loop, len(train))
    theirs = build(averaging, spec, ("accuracy",), seed=3)
    history = keras_fit(theirs, train, validation, 16, callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])
    raw = [np.array(w) for w in ours.get_weights()]
    with loop.averaged():
        assert_same(ours, theirs, reported, history)  # fit ends with the averages
    assert max(float(np.abs(one - two).max()) for one, two in zip(raw, theirs.get_weights(), strict=True)) > 1e-3


@pytest.mark.parametrize("kind", ANY)
def test_a_second_phase_goes_on_with_the_weights_under_a_fresh_optimizer(kind: type[EpochLoop]) -> None:
    import keras

    spec, train, validation = parts("binary")
    plain = config()
    sgd = plain.optimizer.model_copy(update={"name": "sgd", "learning_rate": 0.1, "settings": {"momentum": 0.9}})
    phases = plain.model_copy(update={"second": SecondPhase(from_epoch=3, optimizer=sgd)})
    ours = kind.new_model(phases, setup_of(spec, ("accuracy",)), seed=3)
    loop = kind(ours, phases, train, validation, setup_of(spec, ("accuracy",)), epochs=4)
    reported = run(loop, len(train), 4)
    theirs = build(plain, spec, ("accuracy",), seed=3)
    orders = [epoch_order(3, epoch, len(train)) for epoch in (1, 2, 3, 4)]
    for epoch, order in enumerate(orders, 1):
        if epoch == 3:
            theirs.compile(keras.optimizers.SGD(0.1, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
        history = theirs.fit(train.x[order], train.y[order], batch_size=16, shuffle=False, verbose=0).history
        assert reported[epoch - 1]["loss"] == pytest.approx(history["loss"][0], abs=1e-6)
    assert_same_weights(ours, theirs)
    # A new round begins under the first optimizer again, and repeats the first one to the last digit.
    loop.restart(build(phases, spec, ("accuracy",), seed=3))
    assert run(loop, len(train), 4) == reported


def several_inputs(seed: int) -> Any:
    """Numbers and tokens, joined."""
    import keras

    keras.utils.set_random_seed(seed)
    numbers, words = keras.Input((5,), name="numbers"), keras.Input((4,), dtype="int32", name="words")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 3)(words))
    x = keras.layers.Dense(6, "tanh")(keras.layers.Concatenate()([numbers, embedded]))
    model = keras.Model({"numbers": numbers, "words": words}, keras.layers.Dense(1, "sigmoid")(x))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("kind", [CompiledLoop, *ANY])
def test_several_inputs_go_in_by_name_with_their_own_types(kind: type[EpochLoop]) -> None:
    spec, train, validation = parts("binary")
    words = np.random.default_rng(1).integers(0, 9, (83, 4)).astype(np.int32)
    train = Part({"numbers": train.x, "words": words[:60]}, train.y)  # type: ignore[dict-item]
    validation = Part({"numbers": validation.x, "words": words[60:]}, validation.y)  # type: ignore[dict-item]
    ours, theirs = several_inputs(3), several_inputs(3)
    loop = loop_of(kind, ours, config(), train, validation, setup_of(spec, ("accuracy",)))
    reported = run(loop, len(train))
    assert_same(ours, theirs, reported, keras_fit(theirs, train, validation, 16))


@pytest.mark.parametrize("kind", LOOPS)
def test_other_arrays_of_another_length_are_trained_on_without_tracing_again(kind: type[EpochLoop]) -> None:
    spec, train, validation = parts("binary")
    model_config, setup = config(), setup_of(spec, ("accuracy", "auc"), class_weight="balanced")
    model = kind.new_model(model_config, setup, seed=1)
    loop = loop_of(kind, model, model_config, train, validation, setup)
    run(loop, len(train))
    traced = dict(loop._functions) if isinstance(loop, LeanLoop) else {}
    other, held_out = Part(train.x[:41], train.y[:41]), Part(validation.x[:11], validation.y[:11])
    loop.restart(kind.new_model(model_config, setup, seed=2))
    loop.set_data(other, held_out)
    again = run(loop, 41)
    fresh = kind.new_model(model_config, setup, seed=2)
    assert again == run(loop_of(kind, fresh, model_config, other, held_out, setup), 41)
    if isinstance(loop, LeanLoop):
        assert loop._functions == traced, "these are traced when they are made"
    elif isinstance(loop, CompiledLoop):
        assert [function.experimental_get_tracing_count() for function in loop._functions.values()] == [1]


@pytest.mark.parametrize("variant", ["plain", "dropout", "batch norm"])
def test_data_too_large_to_hold_trains_to_the_same_weights(variant: str) -> None:
    spec, train, validation = parts("binary")
    model_config, setup = config(**VARIANTS[variant]), setup_of(spec, ("accuracy", "auc"), threshold="f1")
    models, reports = [], []
    for limit, expected in ((10**9, DirectLoop), (10, FitLoop)):
        kind = loop_kind(model_config, setup, train, validation, epochs=EPOCHS, in_memory_bytes=limit)
        assert kind is expected
        model = kind.new_model(model_config, setup, seed=1)
        loop = kind(model, model_config, train, validation, setup, epochs=EPOCHS)
        reports.append(run(loop, len(train)))
        models.append(model)
    for one, two in zip(*reports, strict=True):
        assert one == pytest.approx(two, abs=1e-6)
    assert_same_weights(*models)


@pytest.mark.parametrize("kind", [CompiledLoop, FitLoop])
def test_a_model_with_a_train_step_of_its_own_reports_what_it_measures(kind: type[EpochLoop]) -> None:
    import keras
    from keras import ops

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.out = keras.layers.Dense(1, "sigmoid")
            self.tracker = keras.metrics.Mean("loss")

        def call(self, x: Any, training: bool = False) -> Any:
            return self.out(x)

        def train_step(self, data: Any) -> dict[str, Any]:
            import tensorflow as tf

            x, y = data[:2]
            with tf.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x, training=True) - y))
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            self.tracker.update_state(loss)
            return {"loss": self.tracker.result(), "last": loss}

        def test_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            self.tracker.update_state(ops.mean(ops.square(self(x) - y)))
            return {"loss": self.tracker.result(), "largest": ops.max(self(x))}

        @property
        def metrics(self) -> list[Any]:
            return [self.tracker]

    spec, train, validation = parts("binary")
    histories, models = [], []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        model = Own()
        model(train.x[:1])
        model.compile(keras.optimizers.Adam(0.01))
        models.append(model)
    loop = loop_of(kind, models[0], config(), train, validation, setup_of(spec, ("accuracy", "auc")))
    reported = run(loop, len(train))
    histories = keras_fit(models[1], train, validation, 16)
    for ours, theirs in zip(reported, histories, strict=True):
        # The study's metrics come on top of what the model measures by itself.
        assert set(ours) - set(theirs) == {"val_accuracy", "val_auc"}
        assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-6)
    assert_same_weights(*models)


@pytest.mark.parametrize("kind", [CompiledLoop, FitLoop])
def test_a_model_that_penalises_its_activity_has_that_in_its_loss(kind: type[EpochLoop]) -> None:
    import keras

    def penalised() -> Any:
        keras.utils.set_random_seed(3)
        layers = [keras.Input((5,)), keras.layers.Dense(4, "tanh", activity_regularizer="l2")]
        model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
        model.compile(
            keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="own")]
        )
        return model

    spec, train, validation = parts("binary")
    ours, theirs = penalised(), penalised()
    loop = loop_of(kind, ours, config(), train, validation, setup_of(spec, ("accuracy",)))
    assert_same(ours, theirs, run(loop, len(train)), keras_fit(theirs, train, validation, 16))


@pytest.mark.parametrize("kind", [CompiledLoop, FitLoop])
def test_a_new_round_begins_with_the_optimizer_as_the_user_compiled_it(kind: type[EpochLoop]) -> None:
    import keras

    class Odd(keras.optimizers.SGD):
        """Has no config that it could be made from."""

        def __init__(self, strength: str) -> None:
            super().__init__(0.3 if strength == "strong" else 0.01, momentum=0.9)

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError

    def built() -> Any:
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])
        model.compile(Odd("strong"), "binary_crossentropy", metrics=["accuracy"])
        return model

    spec, train, validation = parts("binary")
    loop = loop_of(kind, built(), config(), train, validation, setup_of(spec, ("accuracy",)))
    first = run(loop, len(train))
    loop.restart(built())
    loop.set_data(train, validation)
    assert run(loop, len(train)) == first


def test_the_threshold_of_an_epoch_is_the_best_on_its_validation_outputs() -> None:
    spec, train, validation = parts("binary")
    model_config, setup = config(), setup_of(spec, ("f1", "recall"), threshold="f1")
    model = build(model_config, spec, ("accuracy",), seed=1)
    loop = loop_of(LeanLoop, model, model_config, train, validation, setup)
    report = run(loop, len(train), 1)[0]
    true, p = validation.y[:, 0] > 0.5, loop.outputs[:, 0]
    possible = [2 * (true & (p > t)).sum() / (true.sum() + (p > t).sum()) for t in np.linspace(0, 1, 2001)]
    assert report["val_f1"] == pytest.approx(max(possible))
    assert report["val_recall"] == pytest.approx((true & (p > loop.threshold)).sum() / true.sum())


def test_an_order_is_a_permutation_that_depends_on_seed_and_epoch_alone() -> None:
    order = epoch_order(7, 2, 50)
    assert sorted(order) == list(range(50))
    assert (order == epoch_order(7, 2, 50)).all()
    assert not (order == epoch_order(7, 3, 50)).all()
    assert not (order == epoch_order(8, 2, 50)).all()


def test_graphs_of_our_families_are_run_by_the_executor_for_one_thread() -> None:
    spec, train, validation = parts("binary")
    loop = LeanLoop(
        build(config(), spec, (), seed=1), config(), train, validation, setup_of(spec, ("accuracy",)), epochs=1
    )
    run(loop, len(train))
    [function] = loop._functions.values()
    [loop_over_batches] = [node for node in function.graph.as_graph_def().node if "While" in node.op]
    assert not loop_over_batches.attr["_lower_using_switch_merge"].b, "for the usual executor it would be taken apart"


def test_a_loss_of_the_users_own_may_be_a_tf_function(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import tensorflow as tf\n\n@tf.function\ndef squares(y_true, y_pred):\n"
        "    return tf.reduce_mean((y_true - y_pred) ** 2, axis=-1)\n"
    )
    spec, train, validation = parts("binary")
    own = config().model_copy(update={"loss": LossConfig(name=f"{tmp_path / 'own.py'}:squares")})
    ours, theirs = (build(own, spec, ("accuracy",), seed=3) for _ in range(2))
    loop = LeanLoop(ours, own, train, validation, setup_of(spec, ("accuracy",)), epochs=2)
    with loop._executor():
        graph = loop._trace(None, scheduled=False).graph.as_graph_def()
    [loop_over_batches] = [node for node in graph.node if "While" in node.op]
    assert loop_over_batches.attr["_lower_using_switch_merge"].b, "the executor for one thread would wait for ever"
    reported = run(loop, len(train))
    assert_same(ours, theirs, reported, keras_fit(theirs, train, validation, 16))


def test_loading_the_backend_leaves_it_as_it_was_whether_garbage_is_collected() -> None:
    assert gc.isenabled()
    import_backend()
    assert gc.isenabled()
    gc.disable()
    try:
        import_backend()
        assert not gc.isenabled()
    finally:
        gc.enable()
