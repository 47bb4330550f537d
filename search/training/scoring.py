"""How good is a saved model on a part of the data that it has not seen?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.data.dataset import Part
from search.data.pixels import numbers_of
from search.messages import WorkerSetup
from search.training.loops import fits, measure, raw_targets, validation_batch
from spaces.losses import build_loss
from spaces.model_config import ModelConfig

if TYPE_CHECKING:
    import keras


def score_part(
    model: keras.Model, part: Part, setup: WorkerSetup, config: ModelConfig | None, threshold: float | None
) -> dict[str, float]:
    """The loss, regularization included, and the study's metrics, a regression's in the target's own units.

    Args:
        model: loaded without what it was compiled with.
        config: names the loss; None is the task's default one.
        threshold: of a binary model; None is 0.5.
    """
    from keras import ops

    outputs = np.asarray(model.predict(numbers_of(part.x), batch_size=validation_batch(model), verbose=0))
    if not fits(outputs, setup):
        return {}
    loss = build_loss(None if config is None else config.loss, setup.spec)(np.asarray(part.y), outputs)
    penalty = sum(float(ops.sum(one)) for one in model.losses)
    return {**measure(setup, raw_targets(part.y, setup), outputs, threshold), "loss": float(loss) + penalty}
