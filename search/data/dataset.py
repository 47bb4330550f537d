"""What does a loaded data set hand to trials, to records and to reuse?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from search.portable import Preprocessor
from spaces.data_spec import DataSpec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PartName = Literal["train", "validation", "test"]
SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Part:
    """Prepared samples of one part of the split.

    Attributes:
        x: float32, (samples, *input_shape), C-contiguous.
        y: float32 (samples, 1) for binary (0 or 1) and regression (standardised by the training part);
            int32 (samples,) class indices for multiclass.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Dataset:
    """One source, split and prepared. The preprocessor has seen the training part only.

    Attributes:
        spec: the shapes that a model connects.
        test: None where the configuration asks for no test part.
        fingerprint: 16 hex digits over the input columns, the target, the task and the split.
        rows, columns: raw rows in use, and raw input columns (for arrays: numbers per sample).
        task_reason: one sentence that says why the task is what it is.
        notices: what was left out or is worth knowing, a sentence each.
        feature_names: the raw input columns in order; empty for arrays of more than two dimensions.
        raw, raw_target: all raw inputs and targets in use, in the source's order.
        indices: positions of each part's rows in ``raw``.
    """

    spec: DataSpec
    train: Part
    validation: Part
    test: Part | None
    preprocessor: Preprocessor
    fingerprint: str
    source: str
    rows: int
    columns: int
    task_reason: str
    target_name: str
    feature_names: tuple[str, ...]
    notices: tuple[str, ...]
    raw: pd.DataFrame | NDArray[Any] = field(repr=False)
    raw_target: pd.Series[Any] = field(repr=False)
    indices: Mapping[PartName, NDArray[np.int64]] = field(repr=False)

    def raw_part(self, name: PartName) -> pd.DataFrame | NDArray[Any] | None:
        """The raw input rows of a part, as a user has them; None for a test part that does not exist."""
        return None if name not in self.indices else _take(self.raw, self.indices[name])

    @property
    def raw_test(self) -> pd.DataFrame | NDArray[Any] | None:
        """The raw input rows of the test part, or None."""
        return self.raw_part("test")

    @property
    def sample(self) -> pd.DataFrame | NDArray[Any]:
        """The first raw training rows, at most five: an input example for a recorded model."""
        return _take(self.raw, self.indices["train"][:SAMPLE_ROWS])


def _take(raw: Any, rows: NDArray[np.int64]) -> Any:
    return raw[rows] if not hasattr(raw, "iloc") else raw.iloc[rows].reset_index(drop=True)
