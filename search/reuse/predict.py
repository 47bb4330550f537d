"""How do rows in a file become predictions?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.errors import DataError
from search.home import Home
from search.portable import PortableError
from search.reuse.load import load_model
from search.reuse.rows import read_rows
from search.training.threads import import_backend

if TYPE_CHECKING:
    import pandas as pd


def predict_file(home: Home, model: str, rows: str) -> pd.DataFrame:
    """Predict each row of a table, each sample of an array file, or each image of a folder.

    What tells them apart (an image's file, a window's time) stands before the prediction.

    Raises:
        StudyError: if there is no such model.
        DataError: if the rows cannot be read or lack columns of the training data.
    """
    import pandas as pd

    loaded = load_model(home, model)
    try:
        raw, beside = read_rows(rows, loaded.preprocessor)
        loaded.preprocessor.transform(raw)  # wrong rows are told before TensorFlow's five seconds
        import_backend()
        predicted = loaded.predict(raw)
    except PortableError as error:
        raise DataError(f"{rows}: {error}") from None
    return predicted if beside is None else pd.concat([beside, predicted], axis=1)
