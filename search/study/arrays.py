"""How do prepared data lie on disk, for workers to map?"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.validation import ValidationConfig
from search.errors import StudyError
from search.units import format_bytes

if TYPE_CHECKING:
    from search.data.dataset import Dataset, Part


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
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    whole = {name: part for name, part in parts.items() if part is not None and len(part)}
    arrays = _arrays_of(whole) | _named("x_sample", dataset.preprocessor.transform(dataset.sample))
    _clear(folder)
    _write_folder(folder, arrays)
    if validation is None or validation.folds is None:
        return
    from search.data.folds import resample

    for number, fold in enumerate(islice(resample(dataset, validation, seed=seed), rounds), 1):
        _write_folder(folder / f"round_{number}", _arrays_of({"train": fold.train, "validation": fold.validation}))


def on_disk(dataset: Dataset, folder: Path) -> Dataset:
    """The data set with its prepared samples mapped from the files that `write_arrays` made of them.

    Whoever holds only this one leaves the memory to the workers.
    """
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    mapped: dict[str, Any] = {
        name: _mapped(part, name, folder) for name, part in parts.items() if part is not None and len(part)
    }
    return replace(dataset, **mapped)


def _mapped(part: Part, name: str, folder: Path) -> Part:
    def load(key: str) -> NDArray[Any]:
        return np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)

    x = {key: load(f"x_{name}.{key}") for key in part.x} if isinstance(part.x, Mapping) else load(f"x_{name}")
    return replace(part, x=x)


def _arrays_of(parts: Mapping[str, Part]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, part in parts.items():
        arrays |= {**_named(f"x_{name}", part.x), f"y_{name}": part.y}
    return arrays


def _named(name: str, x: Any) -> dict[str, NDArray[Any]]:
    return {f"{name}.{key}": array for key, array in x.items()} if isinstance(x, Mapping) else {name: x}


def _clear(folder: Path) -> None:
    for old in folder.glob("*.npy"):
        old.unlink()
    for old in folder.glob("round_*"):
        shutil.rmtree(old)


def _write_folder(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    except OSError as error:  # NumPy's own, on a full disk, has no number
        shutil.rmtree(folder, ignore_errors=True)
        size = sum(array.nbytes for array in arrays.values())
        raise StudyError(
            f"{folder}: the prepared data cannot be written ({error.strerror or error}); "
            f"make room for {format_bytes(size)}, or choose another folder with --home"
        ) from None
