"""How do raw rows become predictions, with or without kerasweep installed?

A *bundle* is a folder: ``model.keras``, ``spec.json`` (task, columns, classes or target scale, shapes) and,
for tables, ``preprocessor.skops`` (the fitted scikit-learn pipeline). This file needs the standard library
and NumPy; pandas, scikit-learn with skops, and Keras are imported inside the functions that use them. It is
copied next to exported models, so nothing of kerasweep may be imported here.

>>> model = PortableModel.load("best-model")                # doctest: +SKIP
>>> model.predict(pandas.read_csv("new-rows.csv"))          # doctest: +SKIP
"""

from __future__ import annotations

import difflib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    Rows = pd.DataFrame | pd.Series[Any] | NDArray[Any] | Mapping[str, Any] | Sequence[Any]

__all__ = ["Column", "PortableError", "PortableModel", "Preprocessor", "Target", "score_units", "tidy"]

FORMAT = 1
MODEL_FILE, PIPELINE_FILE, SPEC_FILE = "model.keras", "preprocessor.skops", "spec.json"
# What the pipeline file may hold beyond the types that skops itself trusts (plain data, NumPy, scikit-learn).
TRUSTED_TYPES = frozenset({"numpy.dtype"})
MISSING_WORDS = ("", "?")
PREDICT_BATCH = 4096
# Powers of the target's unit in a metric's unit; metrics that are not named here have no unit.
UNIT_POWERS = {
    "mae": 1,
    "mean_absolute_error": 1,
    "rmse": 1,
    "root_mean_squared_error": 1,
    "mse": 2,
    "mean_squared_error": 2,
}


class PortableError(ValueError):
    """Rows, targets or a bundle that do not fit: one line with place, rule and value."""


@dataclass(frozen=True)
class Column:
    """One input column of a table, as it was in training."""

    name: str
    kind: Literal["numeric", "categorical", "boolean"]


@dataclass(frozen=True)
class Target:
    """What is predicted.

    ``classes`` in output order for classification, else ``mean`` and ``std`` in the target's unit.
    """

    name: str
    classes: tuple[Any, ...] | None = None
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class Preprocessor:
    """The fitted way from raw rows to the model's input, and from its output back to the target's own terms.

    Attributes:
        kind: "table" (columns through ``pipeline``) or "array" (``(x - offset) * scale``, shape kept).
        input_shape: shape of one prepared sample.
        columns: the input columns of a table, in order; empty for arrays.
        pipeline: fitted scikit-learn transformer of a tidy frame; None for arrays.
    """

    kind: Literal["table", "array"]
    task: Literal["binary", "multiclass", "regression"]
    input_shape: tuple[int, ...]
    target: Target
    columns: tuple[Column, ...] = ()
    offset: float = 0.0
    scale: float = 1.0
    pipeline: Any = None

    def transform(self, rows: Rows) -> NDArray[np.float32]:
        """Prepare raw rows for the model: float32, (rows, *input_shape), C-contiguous.

        Tables take a DataFrame (further columns are ignored), a list of dicts, a dict of lists, one row as a
        dict or Series, or an array with the training columns in order; arrays take anything that NumPy reads
        as (rows, *input_shape).

        Raises:
            PortableError: a column is missing, a value is not a number where one is due, a shape differs.
        """
        if self.kind == "array":
            return self._transform_array(rows)
        frame = as_frame(rows, [column.name for column in self.columns])
        if not len(frame):
            return np.empty((0, *self.input_shape), np.float32)
        return np.ascontiguousarray(self.pipeline.transform(tidy(frame, self.columns)), np.float32)

    def _transform_array(self, rows: Rows) -> NDArray[np.float32]:
        values = np.asarray(rows)
        if values.dtype.kind not in "biuf":
            raise PortableError(f"the array must hold real numbers, got dtype {values.dtype}")
        if values.shape[1:] != self.input_shape or values.ndim == 0:
            expected = ", ".join(str(size) for size in self.input_shape)
            raise PortableError(f"the array must have the shape (rows, {expected}), got {values.shape}")
        # One copy only: image sets are large. What is too large for float32 becomes infinity, refused below.
        with np.errstate(over="ignore"):
            x = np.array(values, np.float32, order="C")
        if values.dtype.kind == "f" and not np.isfinite(x).all():
            raise PortableError("the array must hold finite numbers only, got NaN or infinity")
        x -= np.float32(self.offset)
        x *= np.float32(self.scale)
        return x

    def encode_target(self, y: Any) -> NDArray[Any]:
        """Encode raw targets as models are trained on them.

        Returns:
            float32 (rows, 1) for binary and regression (standardised), int32 (rows,) class indices else.

        Raises:
            PortableError: a class that training did not know, or a regression target that is not a finite
                number.
        """
        import pandas as pd

        name, classes = self.target.name, self.target.classes
        values = pd.Series(np.ravel(y) if isinstance(y, np.ndarray) else y)
        if classes is None:
            numbers = _numbers(values, name)
            if np.isnan(numbers).any():
                raise PortableError(
                    f"target '{name}' must be a number in every row, row {_first(np.isnan(numbers))} is empty"
                )
            return ((numbers - self.target.mean) / self.target.std).astype(np.float32)[:, None]
        codes, distinct = pd.factorize(values)
        index = {label: position for position, label in enumerate(classes)}
        unknown = [label for label in distinct if label not in index]
        if (codes < 0).any() or unknown:
            row = _first((codes < 0) if not unknown else np.asarray(values == unknown[0]))
            got = f"unknown class {_plain(unknown[0])!r}" if unknown else "no class"
            known = ", ".join(repr(label) for label in classes[:12]) + (", ..." if len(classes) > 12 else "")
            raise PortableError(f"target '{name}' has {got} in row {row}; the classes are {known}")
        indices = np.array([index[label] for label in distinct], np.int32)[codes]
        return indices.astype(np.float32)[:, None] if self.task == "binary" else indices

    def decode(self, outputs: Any) -> pd.DataFrame:
        """Turn model outputs, (rows, 1) or (rows, classes), into a table with one row each.

        Classification gives ``prediction`` (the class, in its own type) and ``probability_<class>`` for
        every class; regression gives ``prediction`` in the target's unit.
        """
        import pandas as pd

        raw = np.asarray(outputs, np.float64)
        if self.target.classes is None:
            return pd.DataFrame({"prediction": raw.reshape(-1) * self.target.std + self.target.mean})
        if self.task == "binary":
            second = raw.reshape(-1)
            # A tie goes to the first class, as in Keras' BinaryAccuracy (strictly above 0.5).
            probabilities, winners = np.column_stack([1.0 - second, second]), (second > 0.5).astype(np.int64)
        else:
            probabilities, winners = raw, raw.argmax(axis=1)
        table = {"prediction": pd.Index(list(self.target.classes)).take(winners)}
        scores = {f"probability_{label}": probabilities[:, i] for i, label in enumerate(self.target.classes)}
        return pd.DataFrame(table | scores)

    def save(self, folder: str | Path) -> None:
        """Write ``spec.json`` and, for tables, ``preprocessor.skops`` into the folder, made if needed."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"format": FORMAT} | {key: value for key, value in vars(self).items() if key != "pipeline"}
        spec |= {"target": asdict(self.target), "columns": [asdict(column) for column in self.columns]}
        if self.pipeline is not None:
            from skops.io import dump

            dump(self.pipeline, folder / PIPELINE_FILE)
        (folder / SPEC_FILE).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Preprocessor:
        """Read what :meth:`save` wrote. No code stored in the files runs.

        Raises:
            PortableError: the folder is no bundle, is damaged, is of a newer format, or its pipeline holds
                untrusted types.
        """
        folder = Path(folder)
        if not (folder / SPEC_FILE).is_file():
            raise PortableError(f"{folder}: not a model bundle (it has no {SPEC_FILE})")
        try:
            spec = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
            version = spec.pop("format")
            if version != FORMAT:
                raise PortableError(
                    f"{folder}: bundle format {version!r} is not {FORMAT}; use the kerasweep that wrote it"
                )
            target = Target(**(spec.pop("target") | {}))
            classes = None if target.classes is None else tuple(target.classes)
            columns = tuple(Column(**column) for column in spec.pop("columns"))
            shape = tuple(spec.pop("input_shape"))
            pipeline = _load_pipeline(folder / PIPELINE_FILE) if spec["kind"] == "table" else None
            target = Target(target.name, classes, target.mean, target.std)
            return cls(input_shape=shape, target=target, columns=columns, pipeline=pipeline, **spec)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            raise PortableError(f"{folder / SPEC_FILE}: damaged, cannot be read ({error})") from error


@dataclass(frozen=True)
class PortableModel:
    """A trained model with everything that raw rows need: ``PortableModel.load(folder).predict(rows)``."""

    folder: Path
    preprocessor: Preprocessor

    @classmethod
    def load(cls, folder: str | Path) -> PortableModel:
        """Open a bundle.

        The Keras model itself is read at the first prediction. Raises PortableError as Preprocessor.load.
        """
        preprocessor = Preprocessor.load(folder)
        if not (Path(folder) / MODEL_FILE).is_file():
            raise PortableError(f"{folder}: not a model bundle (it has no {MODEL_FILE})")
        if not zipfile.is_zipfile(Path(folder) / MODEL_FILE):
            raise PortableError(f"{Path(folder) / MODEL_FILE}: damaged, is no Keras file; train the model again")
        return cls(Path(folder), preprocessor)

    @cached_property
    def model(self) -> Any:
        """The ``keras.Model``, not compiled; loaded in safe mode, so that no stored code runs.

        Raises PortableError for a file that is damaged.
        """
        import keras

        path = self.folder / MODEL_FILE
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())[:200]
            raise PortableError(f"{path}: damaged, cannot be read ({reason}); train the model again") from error

    def predict(self, rows: Rows) -> pd.DataFrame:
        """Predict raw rows.

        One row each, in order, with the index of a DataFrame given; columns as ``decode`` says.
        """
        x = self.preprocessor.transform(rows)
        width = 1 if self.preprocessor.task != "multiclass" else len(self.preprocessor.target.classes or ())
        outputs = self.model.predict(x, batch_size=PREDICT_BATCH, verbose=0) if len(x) else np.empty((0, width))
        table = self.preprocessor.decode(outputs)
        index = getattr(rows, "index", None)
        return table if index is None or callable(index) else table.set_axis(index, axis=0)


class _Served:
    """A bundle behind MLflow's ``python_function`` interface."""

    def __init__(self, model: PortableModel) -> None:
        self.portable = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predict a DataFrame (tables) or an array.

        ``params`` is part of MLflow's interface and has no use here.
        """
        return self.portable.predict(model_input)


def _load_pyfunc(path: str) -> _Served:
    """Open the bundle in ``path``.

    The entry point that MLflow calls when this module is a model's ``loader_module``.
    """
    return _Served(PortableModel.load(path))


def score_units(metric_name: str, value: float, target_std: float) -> float:
    """Convert a metric of a standardised regression target into the target's own unit.

    Errors (mae, rmse) scale with the target's standard deviation, squared errors (mse) with its square; r2,
    losses and everything else have no unit and come back unchanged.

    >>> score_units("val_mae", 0.5, target_std=10.0), score_units("mse", 0.5, target_std=10.0)
    (5.0, 50.0)
    """
    name = metric_name.lower()
    for prefix in ("val_", "test_", "train_"):
        name = name.removeprefix(prefix)
    return value * target_std ** UNIT_POWERS.get(name, 0)


def tidy(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Bring raw columns into what the pipeline sees: float64 numbers or words (object), NaN where missing.

    Raises:
        PortableError: a numeric column holds a word, a date or infinity.
    """
    import pandas as pd

    tidied = {c.name: (_numbers if c.kind == "numeric" else _words)(frame[c.name], c.name) for c in columns}
    return pd.DataFrame(tidied)


def as_frame(rows: Rows, names: Sequence[str]) -> pd.DataFrame:
    """Read rows of any accepted form as a frame with the columns ``names``.

    Raises PortableError naming those missing.
    """
    import pandas as pd

    if isinstance(rows, Mapping):
        single = all(np.ndim(value) == 0 for value in rows.values())
        rows = pd.DataFrame([rows]) if single else pd.DataFrame(dict(rows))
    elif isinstance(rows, pd.Series):
        rows = rows.to_frame().T
    elif not isinstance(rows, pd.DataFrame):
        if len(rows) and isinstance(rows[0], Mapping):
            rows = pd.DataFrame(list(rows))
        else:
            values = np.asarray(rows)
            if values.ndim != 2 or values.shape[1] != len(names):
                raise PortableError(f"the array must have the shape (rows, {len(names)}), got {values.shape}")
            rows = pd.DataFrame(values, columns=list(names))
    frame = rows.set_axis([str(name) for name in rows.columns], axis=1)
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        close = difflib.get_close_matches(lacking[0], list(frame.columns), n=1)
        hint = f" (is '{close[0]}' meant?)" if close else ""
        plural = "s" if len(lacking) > 1 else ""
        raise PortableError(f"the rows lack the column{plural} {', '.join(map(repr, lacking))}{hint}")
    twice = [name for name in names if frame.columns.tolist().count(name) > 1]
    if twice:
        raise PortableError(f"the rows hold the column {twice[0]!r} more than once")
    return frame[list(names)]


def _numbers(series: pd.Series[Any], name: str) -> NDArray[np.float64]:
    import pandas as pd

    if series.dtype.kind in "mM":
        raise PortableError(f"column '{name}' must hold numbers, got dates ({series.dtype})")
    if series.dtype.kind not in "biuf":
        loose = series.astype(object)
        loose = loose.where(~loose.isin(MISSING_WORDS), None)
        series = pd.to_numeric(loose, errors="coerce")
        wrong = np.asarray(series.isna() & loose.notna())
        if wrong.any():
            value = _plain(loose.to_numpy()[wrong][0])
            raise PortableError(f"column '{name}' must hold numbers, got {value!r} in row {_first(wrong)}")
    values: NDArray[np.float64] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    # Beyond float32 a value would turn into infinity on its way into the model.
    wrong = np.abs(values) > np.finfo(np.float32).max
    if wrong.any():
        raise PortableError(f"column '{name}' must hold finite numbers, got {values[wrong][0]} in row {_first(wrong)}")
    return values


def _words(series: pd.Series[Any], name: str) -> NDArray[np.object_]:
    import pandas as pd

    codes, distinct = pd.factorize(series)
    # The extra last entry answers the code -1, a missing value.
    words = np.empty(len(distinct) + 1, object)
    words[:] = [*(_word(value) for value in distinct), np.nan]
    return words[codes]


def _word(value: Any) -> Any:
    """One spelling for a category, whatever type its file gave it: 1, 1.0 and '1' are the same."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    word = str(value).strip()
    return np.nan if word in MISSING_WORDS else word


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _first(mask: NDArray[np.bool_]) -> int:
    return int(np.argmax(mask)) + 1


def _load_pipeline(path: Path) -> Any:
    from skops.io import get_untrusted_types, load

    try:
        untrusted = set(get_untrusted_types(file=path)) - TRUSTED_TYPES
        if untrusted:
            raise PortableError(
                f"{path}: holds types that are not trusted ({', '.join(sorted(untrusted))}); not loaded"
            )
        return load(path, trusted=sorted(TRUSTED_TYPES))
    except (zipfile.BadZipFile, FileNotFoundError, KeyError, json.JSONDecodeError) as error:
        raise PortableError(f"{path}: damaged or missing, cannot be read ({error})") from error
