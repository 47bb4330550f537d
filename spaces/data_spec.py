"""What must a model know about the data that it is built for?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")

InputKind = Literal["numbers", "image", "sequence", "tokens"]

# Fills a sequence of numbers behind its last step: far outside of anything that is scaled.
MASK_VALUE = -1000.0


@dataclass(frozen=True)
class InputSpec:
    """One input of a model, prepared.

    Attributes:
        shape: of one sample, without the batch axis: ``(8,)`` numbers, ``(28, 28)`` or ``(28, 28, 3)`` an image,
            ``(24, 5)`` a sequence of 24 steps of 5 numbers, ``(19,)`` 19 tokens.
        kind: what the axes mean.
        name: its name where a model has several.
        vocabulary: how many tokens there are, 0 (padding) and 1 (unknown) included; 0 for other kinds.
        masked: whether sequences are shorter than ``shape`` says: numbers are then filled with ``MASK_VALUE`` behind
            the last step, tokens with 0.
    """

    shape: tuple[int, ...]
    kind: InputKind = "numbers"
    name: str = "input"
    vocabulary: int = 0
    masked: bool = False


@dataclass(frozen=True)
class DataSpec:
    """The shapes that a model connects.

    Attributes:
        inputs: one, or several with different names.
        outputs: width of the output: 1 for binary and regression, the number of classes for multiclass.
        task: decides the output activation and the default loss.
    """

    inputs: tuple[InputSpec, ...]
    outputs: int
    task: Task

    @classmethod
    def single(cls, shape: tuple[int, ...], outputs: int, task: Task) -> DataSpec:
        """Data with one input of plain numbers."""
        return cls((InputSpec(shape),), outputs, task)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample of the only (or the first) input."""
        return self.inputs[0].shape
