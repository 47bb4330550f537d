"""How do raw rows become predictions, with or without kerasweep installed?

A *bundle* is a folder: ``model.keras``, ``spec.json`` (task, how each input is prepared, classes or target scale),
for tables ``preprocessor.skops`` (the fitted scikit-learn pipeline), and for the user's own models ``user_code``.
This package needs the standard library and NumPy; pandas, scikit-learn with skops, and Keras are imported inside the
functions that use them. It is copied into every bundle as ``kerasweep_model``, so it imports nothing of kerasweep,
and its own modules relatively.

>>> model = PortableModel.load("best-model")                # doctest: +SKIP
>>> model.predict(pandas.read_csv("new-rows.csv"))          # doctest: +SKIP
"""

from __future__ import annotations

from .arrays import ArrayInput
from .bundle import FORMAT, MODEL_FILE, PIPELINE_FILE, SPEC_FILE
from .errors import PortableError
from .model import PREDICT_BATCH, PortableModel, Served
from .preprocessor import Inputs, Preprocessor
from .sequences import MASK_VALUE, SequenceInput
from .several import OneInput, SeveralInputs
from .table import MISSING_WORDS, Column, TableInput, tidy
from .target import Target, score_units
from .tokens import TokenInput
from .user_code import CODE_FOLDER

__all__ = [
    "CODE_FOLDER",
    "FORMAT",
    "MASK_VALUE",
    "MISSING_WORDS",
    "MODEL_FILE",
    "PIPELINE_FILE",
    "PREDICT_BATCH",
    "SPEC_FILE",
    "ArrayInput",
    "Column",
    "Inputs",
    "OneInput",
    "PortableError",
    "PortableModel",
    "Preprocessor",
    "SequenceInput",
    "SeveralInputs",
    "TableInput",
    "Target",
    "TokenInput",
    "score_units",
    "tidy",
]


def _load_pyfunc(path: str) -> Served:
    """Open the bundle in ``path``.

    The entry point that MLflow calls when this package is a model's ``loader_module``.
    """
    return Served(PortableModel.load(path))
