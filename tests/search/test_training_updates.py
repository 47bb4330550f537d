"""Does an update in one operation do what Keras's own does, for as many steps as a training has?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search.training.threads import limit_threads
from search.training.updates import in_one_operation, sizes_of, update_of

STEPS, EPOCHS = 70, 6
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.7, "nesterov": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop with momentum": ("RMSprop", {"rho": 0.997, "momentum": 0.5, "epsilon": 1e-4}),
    "adam": ("Adam", {}),
    "adam of short memory": ("Adam", {"beta_1": 0.37, "beta_2": 0.61, "epsilon": 1e-3}),
    "adam of long memory": ("Adam", {"beta_1": 0.987, "beta_2": 0.9999}),
    "adam without the first": ("Adam", {"beta_1": 0.0}),
    "adamw": ("AdamW", {"weight_decay": 0.01}),
    "average and clipped": ("Adam", {"use_ema": True, "ema_momentum": 0.9, "clipvalue": 0.5}),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def made(name: str, settings: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The optimizer, built for two variables."""
    import keras

    draw = np.random.default_rng(0)
    variables = [keras.Variable(draw.normal(size=size).astype(np.float32)) for size in (9, (4, 3))]
    optimizer = getattr(keras.optimizers, name)(learning_rate=0.01, **settings)
    optimizer.build(variables)
    return optimizer, variables


def trained(name: str, settings: dict[str, Any], *, fused: bool) -> tuple[Any, list[Any], set[str]]:
    """The optimizer and its variables after epochs of noisy gradients, and the operations of a step."""
    import tensorflow as tf

    optimizer, variables = made(name, settings)
    update = update_of(optimizer) if fused else None
    assert (update is not None) == fused

    @tf.function(autograph=False)
    def epoch(gradients: list[Any], sizes: Any) -> None:
        def step(index: Any) -> Any:
            with in_one_operation(optimizer, update, sizes, index):
                optimizer.apply([each[index] for each in gradients], variables)
            return index + 1

        tf.while_loop(lambda index: index < STEPS, step, [tf.constant(0)])

    draw = np.random.default_rng(1)
    for _ in range(EPOCHS):
        gradients = [
            (draw.normal(size=(STEPS, *variable.shape)) * 3 + 0.5).astype(np.float32) for variable in variables
        ]
        epoch(gradients, tf.constant(sizes_of(update, optimizer, STEPS)))
    graph = epoch.get_concrete_function(gradients, sizes_of(update, optimizer, STEPS)).graph.as_graph_def()
    return optimizer, variables, {node.op for function in graph.library.function for node in function.node_def}


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_one_operation_is_kerass_update(case: str) -> None:
    name, settings = OPTIMIZERS[case]
    ours, our_variables, operations = trained(name, settings, fused=True)
    theirs, their_variables, _ = trained(name, settings, fused=False)
    assert any(operation.startswith("ResourceApply") for operation in operations)
    for left, right in zip(our_variables, their_variables, strict=True):
        np.testing.assert_allclose(left, right, atol=2e-6, rtol=2e-6)
    if settings.get("use_ema"):
        ours.finalize_variable_values(our_variables)
        theirs.finalize_variable_values(their_variables)
        np.testing.assert_allclose(our_variables[0], their_variables[0], atol=2e-6, rtol=2e-6)
    assert int(ours.iterations) == STEPS * EPOCHS
    assert "update_step" not in vars(ours), "the optimizer is Keras's own again"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Adam", {"amsgrad": True}),
        ("Adam", {"beta_2": 1 - 1e-9}),
        ("RMSprop", {"centered": True}),
        ("Nadam", {}),
        ("Lion", {}),
    ],
)
def test_what_has_no_operation_of_its_own_is_left_to_keras(name: str, settings: dict[str, Any]) -> None:
    optimizer, _ = made(name, settings)
    assert update_of(optimizer) is None


def test_rows_of_an_embedding_are_left_to_keras() -> None:
    import tensorflow as tf

    def after(*, fused: bool) -> Any:
        optimizer, variables = made("Adam", {})
        update = update_of(optimizer) if fused else None

        @tf.function(autograph=False)
        def step(values: Any, sizes: Any) -> None:
            rows = tf.IndexedSlices(values, tf.constant([0, 2]), tf.constant([4, 3]))
            with in_one_operation(optimizer, update, sizes, 0):
                optimizer.apply([tf.ones(9), rows], variables)

        for value in (1.0, -2.0, 0.5):
            sizes = sizes_of(update, optimizer, 1) if fused else np.zeros((1, 2), np.float32)
            step(tf.fill((2, 3), value), tf.constant(sizes))
        return variables

    for left, right in zip(after(fused=True), after(fused=False), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
