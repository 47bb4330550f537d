"""How does a file of new rows become what a model was trained on?"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError
from search.portable import ArrayInput, Preprocessor, SeveralInputs

if TYPE_CHECKING:
    import pandas as pd

# What an archive may call its only input, in lower case, where it holds more than one array.
INPUT_NAMES = ("x", "images", "data", "inputs", "features", "arr_0")


def read_rows(rows: str, preprocessor: Preprocessor) -> tuple[Any, pd.DataFrame | None]:
    """Read a table, an NPY, NPZ or IDX file, an image or a folder of images for a model.

    Returns:
        The raw rows, and columns that tell which is which, where the file does: an image's name, a window's time.

    Raises:
        DataError: the file cannot be read, or does not hold what the model takes.
    """
    import pandas as pd

    from search.data.files import read_table, suffix_of
    from search.data.idx import is_idx, read_idx
    from search.data.images import is_image, read_images

    path, reading = Path(rows), preprocessor.reading or {}
    inputs = preprocessor.inputs
    # Not the path's own methods, which raise for a name that is too long; read_table says what is wrong with it.
    there = os.path.isfile(path)
    if isinstance(inputs, ArrayInput) and (os.path.isdir(path) or (there and is_image(path))):
        images, names = read_images(path, rows, inputs.shape)
        return images, pd.DataFrame({"file": names})
    if there and is_idx(path):
        return read_idx(path, rows), None
    if suffix_of(path) not in (".npz", ".npy") or not there:
        table = read_table(path, rows)
        if "windows" in reading:
            from search.data.series import cut_table

            return cut_table(table, reading["windows"], rows)
        return table, None
    content = _read_arrays(path, rows)
    if not isinstance(inputs, SeveralInputs):
        array = content if isinstance(content, np.ndarray) else _only(content, rows)
        return _timed(array, reading.get("time_axis", 1)), None
    if isinstance(content, np.ndarray):
        listed = ", ".join(map(repr, inputs.parts))
        raise DataError(f"{rows}: must hold an array for each input ({listed}), got a single one; use numpy.savez")
    arrays, axes = reading.get("arrays", {}), reading.get("time_axes", {})
    return {
        name: _timed(_named(content, arrays.get(name, name), rows), axes.get(name, 1)) for name in inputs.parts
    }, None


def _read_arrays(path: Path, rows: str) -> NDArray[Any] | dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            content = np.load(stream, allow_pickle=False)
            return content if isinstance(content, np.ndarray) else {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{rows}: cannot be read as NumPy arrays ({error}); save it with numpy.savez") from None


def _only(content: Mapping[str, NDArray[Any]], rows: str) -> NDArray[Any]:
    found = next((key for name in INPUT_NAMES if (key := _key(content, name)) is not None), None)
    if found is None and not content:
        raise DataError(f"{rows}: holds no array; save one as X")
    return content[found if found is not None else next(iter(content))]


def _named(content: Mapping[str, NDArray[Any]], name: str, rows: str) -> NDArray[Any]:
    key = _key(content, name)
    if key is None:
        from spaces.errors import nearest

        raise DataError(f"{rows}: holds no array '{name}' for one of the model's inputs; {nearest(name, content)}")
    return content[key]


def _key(content: Mapping[str, Any], name: str) -> str | None:
    """The array of that name, or the one of a test part: x, x_test, test_x, in upper or lower case."""
    by_name = {key.lower(): key for key in content}
    wanted = (name.lower(), f"{name.lower()}_test", f"test_{name.lower()}")
    return next((by_name[key] for key in wanted if key in by_name), None)


def _timed(array: NDArray[Any], time_axis: int) -> NDArray[Any]:
    """Sequences with time as their first axis; what has other axes is told by the model's own check."""
    return np.swapaxes(array, 1, 2) if time_axis == 2 and array.ndim == 3 else array
