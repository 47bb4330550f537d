"""How much does each training sample count, by its class?

A weight multiplies the sample's loss while it trains, as ``keras.Model.fit(class_weight=...)`` does. Validation is
never weighted, so that ``val_loss`` means the same in every trial.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spaces.data_spec import Task
from spaces.model_config import ModelConfig

ClassWeight = Literal["balanced"] | tuple[float, ...] | None


def sample_weights(
    y: NDArray[Any], task: Task, outputs: int, config: ModelConfig, class_weight: ClassWeight
) -> NDArray[np.float32] | None:
    """The weight of each sample, float32 (samples,); None where all count alike.

    Args:
        y: targets as ``Part.y`` has them.
        outputs: of the model: the number of classes of a multiclass task.
        config: its ``class_weight`` goes before the study's, its ``positive_weight`` multiplies class 1 on top.
        class_weight: the study's.
    """
    by_class = class_weight is not None if config.class_weight is None else config.class_weight == "balanced"
    if task == "regression" or not (by_class or config.positive_weight is not None):
        return None
    return class_weights(y, task, outputs, config, class_weight)[np.ravel(y).astype(np.int64)]


def class_weights(
    y: NDArray[Any], task: Task, outputs: int, config: ModelConfig, class_weight: ClassWeight
) -> NDArray[np.float32]:
    """The weight of each class, float32 (classes,); for arguments see ``sample_weights``.

    ``balanced`` gives class c the weight samples / (classes * samples of c), as scikit-learn's ``compute_class_weight``
    does: all classes count alike together, and a sample counts 1 on average. Classes that do not occur are not counted.
    """
    classes = 2 if task == "binary" else outputs
    chosen: ClassWeight = class_weight
    if config.class_weight is not None:
        chosen = "balanced" if config.class_weight == "balanced" else None
    weights = np.ones(classes)
    if chosen == "balanced":
        counts = np.bincount(np.ravel(y).astype(np.int64), minlength=classes)
        there = counts > 0
        weights[there] = counts.sum() / (there.sum() * counts[there])
    elif chosen is not None:
        weights = np.array(chosen, np.float64)
    if task == "binary" and config.positive_weight is not None:
        weights[1] *= config.positive_weight
    return weights.astype(np.float32)
