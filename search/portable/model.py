"""How does a folder predict raw rows?"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .bundle import MODEL_FILE, read_spec
from .errors import PortableError
from .preprocessor import Preprocessor
from .user_code import load_code

if TYPE_CHECKING:
    import pandas as pd

PREDICT_BATCH = 4096


@dataclass(frozen=True)
class PortableModel:
    """A trained model with everything that raw rows need: ``PortableModel.load(folder).predict(rows)``."""

    folder: Path
    preprocessor: Preprocessor
    code: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: str | Path) -> PortableModel:
        """Open a bundle.

        The Keras model itself is read at the first prediction. Raises PortableError as Preprocessor.load.
        """
        folder = Path(folder)
        preprocessor, code = read_spec(folder)
        if not (folder / MODEL_FILE).is_file():
            raise PortableError(f"{folder}: not a model bundle (it has no {MODEL_FILE})")
        if not zipfile.is_zipfile(folder / MODEL_FILE):
            raise PortableError(f"{folder / MODEL_FILE}: damaged, is no Keras file; train the model again")
        return cls(folder, preprocessor, code)

    @cached_property
    def model(self) -> Any:
        """The ``keras.Model``, not compiled; loaded in safe mode, so that no code stored in its file runs.

        A bundle of the user's own model also holds the user's Python files, in ``user_code``; these do run.
        Raises PortableError for a file that is damaged.
        """
        import keras

        path = self.folder / MODEL_FILE
        own = load_code(self.folder, self.code)
        try:
            return keras.saving.load_model(path, custom_objects=own or None, compile=False, safe_mode=True)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())[:200]
            raise PortableError(f"{path}: damaged, cannot be read ({reason}); train the model again") from error

    def predict(self, rows: Any) -> pd.DataFrame:
        """Predict raw rows.

        One row each, in order, with the index of a DataFrame given; columns as ``Target.decode`` says.
        """
        x = self.preprocessor.transform(rows)
        width = 1 if self.preprocessor.task != "multiclass" else len(self.preprocessor.target.classes or ())
        count = len(next(iter(x.values()))) if isinstance(x, Mapping) else len(x)
        outputs = self.model.predict(x, batch_size=PREDICT_BATCH, verbose=0) if count else np.empty((0, width))
        table = self.preprocessor.decode(outputs)
        index: Any = getattr(rows, "index", None)
        fits = index is not None and not callable(index) and len(index) == len(table)
        return table.set_axis(index, axis=0) if fits else table


class Served:
    """A bundle behind MLflow's ``python_function`` interface."""

    def __init__(self, model: PortableModel) -> None:
        self.portable = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict a DataFrame (tables, texts), an array, or a dict of arrays (several inputs).

        ``params`` is part of MLflow's interface and has no use here.
        """
        return self.portable.predict(model_input)
