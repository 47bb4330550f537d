"""How does a model begin again from fresh weights, untraced, and what must looking at it leave as it is?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


def restart(model: keras.Model, fresh: keras.Model) -> None:
    """Give a model that has trained the weights and random states of one that has not.

    A compiled epoch reads variables and keeps none of their values, so the same trace trains both. Tracing takes a
    second or more; building and copying takes a tenth of one.

    Args:
        fresh: built from the same config, under the seed to begin with.
    """
    if not fresh.built:
        fresh.build(model.input_shape)
    for mine, new in zip(model.variables, fresh.variables, strict=True):
        mine.assign(new)


def restart_optimizer(model: keras.Model, fresh: keras.Model) -> None:
    """Give a model's optimizer the state of that of ``fresh``, as it was compiled.

    It is not made anew from its config: an optimizer of the user's own need not have a complete one.
    """
    for optimizer, built_for in ((model.optimizer, model), (fresh.optimizer, fresh)):
        if not optimizer.built:
            optimizer.build(built_for.trainable_variables)
    for mine, new in zip(model.optimizer.variables, fresh.optimizer.variables, strict=True):
        mine.assign(new)


def can_restart(model: keras.Model) -> bool:
    """Whether all of a model's state is known: one with a ``train_step`` of its own may hold more than is."""
    import keras

    return type(model).train_step is keras.Model.train_step


def drawn_without_training(model: keras.Model) -> list[Any]:
    """The random states that change whenever a model runs: Keras's recurrent cells draw masks, needed or not."""
    cells = [layer for layer in model._flatten_layers() if hasattr(layer, "reset_dropout_mask")]
    return [cell.seed_generator.state for cell in cells if hasattr(cell, "seed_generator")]


@contextmanager
def unchanged(states: Sequence[Any]) -> Iterator[None]:
    """Put variables back to what they are now, so that what is done inside has no influence on the training."""
    values = [np.array(state) for state in states]
    try:
        yield
    finally:
        for state, value in zip(states, values, strict=True):
            state.assign(value)
