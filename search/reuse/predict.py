"""How do rows in a file become predictions?"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError
from search.home import Home
from search.portable import PortableError
from search.reuse.load import load_model
from search.training.threads import import_tensorflow

if TYPE_CHECKING:
    import pandas as pd


def predict_file(home: Home, model: str, rows: str) -> pd.DataFrame:
    """Predict each row of a table (or each sample of an array file).

    Raises:
        StudyError: if there is no such model.
        DataError: if the rows cannot be read or lack columns of the training data.
    """
    loaded = load_model(home, model)
    raw = _read_rows(rows)
    try:
        loaded.preprocessor.transform(raw)  # wrong rows are told before TensorFlow's five seconds
        import_tensorflow()
        return loaded.predict(raw)
    except PortableError as error:
        raise DataError(f"{rows}: {error}") from None


def _read_rows(rows: str) -> pd.DataFrame | NDArray[Any]:
    from search.data.files import read_table, suffix_of

    path = Path(rows)
    if suffix_of(path) not in (".npz", ".npy") or not path.is_file():
        return read_table(path, rows)
    try:
        with path.open("rb") as stream:
            content = np.load(stream, allow_pickle=False)
            if not isinstance(content, np.ndarray):
                content = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{rows}: cannot be read as NumPy arrays ({error}); save it with numpy.savez") from None
    if isinstance(content, np.ndarray):
        return content
    for name in ("X", "x", "x_test", *list(content)[:1]):
        if name in content:
            return np.asarray(content[name])
    raise DataError(f"{rows}: holds no array; save one as X")
