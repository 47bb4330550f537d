"""How do prepared data lie on disk, for workers to map?"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0

from search.data.dataset import SAMPLE_ROWS, Dataset, Part, Samples, without_training_rows
from search.data.validation import ValidationConfig
from search.errors import StudyError
from search.training.worker_data import map_part
from search.units import format_bytes
from spaces.data_spec import DataSpec

_NUMBER_BYTES = 4  # prepared numbers, classes and tokens are of 32 bits


def write_arrays(
    dataset: Dataset,
    folder: Path,
    validation: ValidationConfig | None = None,
    *,
    seed: int = 0,
    rounds: int | None = None,
) -> None:
    """Write what workers map: ``x_train.npy``, ``y_train.npy`` and so on, and the preprocessed sample rows.

    With several inputs there is a file for each: ``x_train.NAME.npy``. With folds the training and validation parts of
    each round lie in ``round_1``, ``round_2``, ..., each prepared by what that round trains on, and written before the
    next is made.

    Args:
        seed: decides the folds.
        rounds: only the first so many; None writes them all.

    Raises:
        StudyError: if the disk is full or the folder cannot be written.
    """
    sample = Part(dataset.preprocessor.transform(dataset.sample), dataset.train.y[:SAMPLE_ROWS])
    _clear(folder)
    _write_folder(folder, {**dataset.parts, "sample": sample}, dataset.spec)
    if validation is None or validation.folds is None:
        return
    from search.data.folds import resample

    for number, fold in enumerate(islice(resample(dataset, validation, seed=seed), rounds), 1):
        _write_folder(folder / f"round_{number}", {"train": fold.train, "validation": fold.validation}, dataset.spec)


def on_disk(dataset: Dataset, folder: Path, *, folds: bool) -> Dataset:
    """The data set with its prepared samples mapped from the files that `write_arrays` made of them.

    Whoever holds only this one leaves the memory to the workers.

    Args:
        folds: whether each of the raw rows may be looked at again, as one of them judges it.
    """
    mapped: dict[str, Any] = {name: map_part(folder, name) for name in dataset.parts}
    return replace(dataset if folds else without_training_rows(dataset), **mapped)


def _clear(folder: Path) -> None:
    for old in folder.glob("*.npy"):
        old.unlink()
    for old in folder.glob("round_*"):
        shutil.rmtree(old)


def _write_folder(folder: Path, parts: Mapping[Any, Samples], spec: DataSpec) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in parts.items():
            _write_x(folder, f"x_{name}", part)
            np.save(folder / f"y_{name}.npy", part.y, allow_pickle=False)
    except OSError as error:  # NumPy's own, on a full disk, has no number
        shutil.rmtree(folder, ignore_errors=True)
        numbers = sum(math.prod(one.shape) for one in spec.inputs) + spec.outputs
        size = _NUMBER_BYTES * numbers * sum(map(len, parts.values()))
        raise StudyError(
            f"{folder}: the prepared data cannot be written ({error.strerror or error}); "
            f"make room for {format_bytes(size)}, or choose another folder with --home"
        ) from None


def _write_x(folder: Path, name: str, part: Samples) -> None:
    """A file as ``numpy.save`` writes it, or one for each input, piece after piece."""
    with ExitStack() as stack:
        streams: dict[str, IO[bytes]] = {}
        for piece in part.pieces():
            arrays = {f"{name}.{key}": x for key, x in piece.items()} if isinstance(piece, Mapping) else {name: piece}
            for key, array in arrays.items():
                if key not in streams:
                    streams[key] = stack.enter_context((folder / f"{key}.npy").open("wb"))
                    header = {**header_data_from_array_1_0(array), "shape": (len(part), *array.shape[1:])}
                    write_array_header_1_0(streams[key], header)
                streams[key].write(np.ascontiguousarray(array).data)
