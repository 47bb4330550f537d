"""What does a loaded data set hand to trials, to records and to reuse?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from search.data.arrangement import Arrangement
from search.data.pixels import numbers_of, stored
from search.data.prepare import PIECE_ROWS
from search.portable import Inputs, Preprocessor, SequenceInput, SeveralInputs
from search.portable.sequences import real_steps
from spaces.data_spec import DataSpec

if TYPE_CHECKING:
    import pandas as pd

    OneRaw = pd.DataFrame | NDArray[Any]
    Raw = OneRaw | dict[str, OneRaw]
    Prepared = NDArray[Any] | Mapping[str, NDArray[Any]]

PartName = Literal["train", "validation", "test"]
SAMPLE_ROWS = 5
_PIECE_NUMBERS = 3_000_000  # memory for so many is at hand again for the next piece; more is asked of the system anew


class Samples(Protocol):
    """One part of the split, as models take it: prepared already (`Part`), or when it is asked for (`RawPart`)."""

    @property
    def x(self) -> Prepared:
        """(samples, *shape), C-contiguous: float32, tokens int32; of several inputs such arrays by their names.

        Of samples that are mapped from a file also uint8, which stand for the numbers that `pixels.numbers_of` gives.
        """

    @property
    def y(self) -> NDArray[Any]:
        """For binary (0 or 1) and regression (standardised by the training part) float32 (samples, 1).

        For multiclass int32 (samples,), class indices.
        """

    def __len__(self) -> int:
        """How many samples there are."""

    def pieces(self) -> Iterator[Prepared]:
        """What ``x`` holds, in order, some samples at a time; images as bytes, where they came as such."""


@dataclass(frozen=True)
class Part:
    """Prepared samples; ``x`` and ``y`` as `Samples` has them."""

    x: Prepared
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.y)

    def pieces(self) -> Iterator[Prepared]:
        yield self.x


@dataclass(frozen=True)
class RawPart:
    """Raw rows that are prepared when they are asked for; by pieces, so that no copy of all need be held.

    Attributes:
        rows: places of the samples in ``raw``.
    """

    preprocessor: Preprocessor
    raw: Raw | SomeRows = field(repr=False)
    rows: NDArray[np.int64] = field(repr=False)
    y: NDArray[Any] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def x(self) -> Prepared:
        pieces: list[Any] = [numbers_of(piece) for piece in self.pieces()]
        if isinstance(pieces[0], Mapping):
            return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        return np.concatenate(pieces)

    def pieces(self) -> Iterator[Prepared]:
        step = max(1, min(PIECE_ROWS, _PIECE_NUMBERS // _numbers(self.preprocessor.inputs)))
        for start in range(0, max(1, len(self)), step):  # of no rows one piece, which has the shape
            yield stored(self.preprocessor.inputs, take_raw(self.raw, self.rows[start : start + step]))


def join_parts(first: Samples, second: Samples) -> Part:
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
            of frames and arrays. Of the inputs SomeRows, once no more of them are needed.
        indices: positions of each part's rows in ``raw``.
        arrangement: which of all rows in use belong together, and their order.
    """

    spec: DataSpec
    train: Samples
    validation: Samples
    test: Samples | None
    preprocessor: Preprocessor
    fingerprint: str
    source: str
    rows: int
    columns: int
    task_reason: str
    target_name: str
    feature_names: tuple[str, ...]
    notices: tuple[str, ...]
    raw: Raw | SomeRows = field(repr=False)
    raw_target: pd.Series[Any] = field(repr=False)
    indices: Mapping[PartName, NDArray[np.int64]] = field(repr=False)
    arrangement: Arrangement = field(default=Arrangement(), repr=False)

    @property
    def parts(self) -> dict[PartName, Samples]:
        """The parts that have samples."""
        parts: dict[PartName, Samples | None] = {
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        return {name: part for name, part in parts.items() if part is not None and len(part)}

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


@dataclass(frozen=True)
class SomeRows:
    """Some of the raw inputs, under the places that they have among all of them.

    Attributes:
        places: ascending, one for each row of ``held``.
    """

    places: NDArray[np.int64]
    held: Any

    def take(self, rows: NDArray[np.int64]) -> Any:
        """The raw inputs at these places, which must be among those held."""
        found = np.searchsorted(self.places, rows)
        assert np.isin(rows, self.places).all(), "these rows are no longer held"
        return take_raw(self.held, found)


def without_training_rows(dataset: Dataset) -> Dataset:
    """The data set without the raw inputs of the training part, but for the few that are its sample.

    Once prepared, rows are looked at again only where a model was judged by them.
    """
    train = dataset.indices["train"][:SAMPLE_ROWS]
    judged = [rows for name, rows in dataset.indices.items() if name != "train"]
    places = np.sort(np.concatenate([train, *judged]))
    return replace(dataset, raw=SomeRows(places, take_raw(dataset.raw, places)))


def take_raw(raw: Any, rows: NDArray[np.int64]) -> Any:
    """The raw inputs of the given rows; a frame's index counts anew."""
    if isinstance(raw, SomeRows):
        return raw.take(rows)
    if isinstance(raw, Mapping):
        return {name: take_raw(values, rows) for name, values in raw.items()}
    return raw[rows] if not hasattr(raw, "iloc") else raw.iloc[rows].reset_index(drop=True)


def _numbers(inputs: Inputs) -> int:
    """How many a prepared sample has."""
    parts = inputs.parts.values() if isinstance(inputs, SeveralInputs) else [inputs]
    return sum(math.prod(part.shape) for part in parts)


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
