"""What does a loaded data set hand to trials, to records and to reuse?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import Arrangement
from search.data.prepare import PIECE_ROWS
from search.portable import Inputs, Preprocessor, SequenceInput, SeveralInputs
from search.portable.sequences import real_steps
from spaces.data_spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

    OneRaw = pd.DataFrame | NDArray[Any]
    Raw = OneRaw | dict[str, OneRaw]

PartName = Literal["train", "validation", "test"]
SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Part:
    """Prepared samples of one part of the split.

    Attributes:
        x: (samples, *shape), C-contiguous: float32, tokens int32; for several inputs a mapping of their names to such
            arrays.
        y: float32 (samples, 1) for binary (0 or 1) and regression (standardised by the training part);
            int32 (samples,) class indices for multiclass.
    """

    x: NDArray[Any] | Mapping[str, NDArray[Any]]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.y)


def join_parts(first: Part, second: Part) -> Part:
    """The samples of two parts, under each other."""
    y = np.concatenate([first.y, second.y])
    if isinstance(first.x, Mapping) and isinstance(second.x, Mapping):
        return Part({name: np.concatenate([x, second.x[name]]) for name, x in first.x.items()}, y)
    return Part(np.concatenate([first.x, second.x]), y)


@dataclass(frozen=True)
class Dataset:
    """One source, split and prepared. The preprocessor has seen the training part only.

    Attributes:
        spec: the shapes that a model connects.
        validation: empty where the training part is a pool that folds are cut from.
        test: None where the configuration asks for no test part.
        fingerprint: 16 hex digits over the input columns, the target, the task and the split.
        rows, columns: raw rows in use, and raw input columns (for arrays: numbers per sample; for several inputs by
            name: of all together).
        task_reason: one sentence that says why the task is what it is.
        notices: what was left out or is worth knowing, a sentence each.
        feature_names: the raw input columns in order; empty for arrays of more than two dimensions.
        raw, raw_target: all raw inputs and targets in use, in the source's order. For several inputs by name a dict
            of frames and arrays.
        indices: positions of each part's rows in ``raw``.
        arrangement: which of all rows in use belong together, and their order.
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
    raw: Raw = field(repr=False)
    raw_target: pd.Series[Any] = field(repr=False)
    indices: Mapping[PartName, NDArray[np.int64]] = field(repr=False)
    arrangement: Arrangement = field(default=Arrangement(), repr=False)

    def raw_part(self, name: PartName) -> Raw | None:
        """The raw input rows of a part, as a user has them; None for a test part that does not exist."""
        return None if name not in self.indices else take_raw(self.raw, self.indices[name])

    @property
    def raw_test(self) -> Raw | None:
        """The raw input rows of the test part, or None."""
        return self.raw_part("test")

    @property
    def sample(self) -> Raw:
        """The first raw training rows, at most five: an input example for a recorded model.

        Sequences end with the shortest of them: an example must have no NaN. For several inputs by name all are arrays,
        as MLflow takes them: of words where a frame's columns are not all numbers.
        """
        return _example(take_raw(self.raw, self.indices["train"][:SAMPLE_ROWS]), self.preprocessor.inputs)


def take_raw(raw: Any, rows: NDArray[np.int64]) -> Any:
    """The raw inputs of the given rows; a frame's index counts anew."""
    if isinstance(raw, Mapping):
        return {name: take_raw(values, rows) for name, values in raw.items()}
    return raw[rows] if not hasattr(raw, "iloc") else raw.iloc[rows].reset_index(drop=True)


def prepare_rows(preprocessor: Preprocessor, raw: Any, rows: NDArray[np.int64]) -> Any:
    """The raw inputs of the given rows, prepared: an array, or a dict of them by name.

    By pieces, so that beside raw and prepared rows there is never a third copy of all.
    """
    if len(rows) <= PIECE_ROWS:
        return preprocessor.transform(take_raw(raw, rows))
    made: Any = None
    for start in range(0, len(rows), PIECE_ROWS):
        piece = preprocessor.transform(take_raw(raw, rows[start : start + PIECE_ROWS]))
        if made is None:
            made = _map(piece, lambda array: np.empty((len(rows), *array.shape[1:]), array.dtype))
        for name in piece if isinstance(piece, Mapping) else (None,):
            whole, part = (made, piece) if name is None else (made[name], piece[name])
            whole[start : start + PIECE_ROWS] = part
    return made


def _map(arrays: Any, function: Any) -> Any:
    return (
        {name: function(array) for name, array in arrays.items()} if isinstance(arrays, Mapping) else function(arrays)
    )


def _example(raw: Any, inputs: Inputs) -> Any:
    if isinstance(raw, Mapping):
        assert isinstance(inputs, SeveralInputs)
        return {name: _array(_example(values, inputs.parts[name])) for name, values in raw.items()}
    return raw[:, : int(real_steps(raw).min())] if isinstance(inputs, SequenceInput) else raw


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    numeric = all(values[name].dtype.kind in "iuf" for name in values.columns)
    array = values.to_numpy(np.float64) if numeric else values.astype(object).where(values.notna(), "").to_numpy(str)
    return array[:, 0] if array.shape[1] == 1 else array
