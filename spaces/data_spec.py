"""What must a model know about the data that it is built for?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class DataSpec:
    """The shapes that a model connects.

    Attributes:
        input_shape: shape of one preprocessed sample, without the batch axis, e.g. ``(8,)`` or ``(28, 28)``.
        outputs: width of the output: 1 for binary and regression, the number of classes for multiclass.
        task: decides the output activation and the loss.
    """

    input_shape: tuple[int, ...]
    outputs: int
    task: Task
