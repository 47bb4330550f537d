"""Does the model that a user's function returned fit the data, before an epoch is spent on it?"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from search.custom.targets import is_keras_loss
from search.data.dataset import Part
from search.errors import ModelError
from spaces.data_spec import DataSpec

ROWS = 64
_ENDS = {
    "binary": "Dense(1, activation='sigmoid')",
    "multiclass": "Dense({outputs}, activation='softmax')",
    "regression": "Dense(1)",
}


def check_model(made: Any, place: str) -> Any:
    """The model if it is one. Raises ModelError naming what was returned instead."""
    import keras

    if made is None:
        raise ModelError(f"{place}: returned None; end it with 'return model'")
    if not isinstance(made, keras.Model):
        hint = "; kerasweep trains the model itself" if isinstance(made, int | float) else ""
        raise ModelError(f"{place}: must return a keras.Model, got {type(made).__name__} ({made!r:.60}){hint}")
    if any(
        isinstance(layer, keras.layers.Lambda) and getattr(layer.function, "__name__", "") == "<lambda>"
        for layer in made._flatten_layers(include_self=False)
    ):
        raise ModelError(
            f"{place}: has a Lambda layer around a lambda, which cannot be loaded safely again; name a function of the "
            "file instead, or write a Layer"
        )
    return made


def check_fit(model: Any, rows: Part, spec: DataSpec, place: str) -> None:
    """See that inputs, outputs and loss fit a few training rows; builds a model that is not built yet.

    Args:
        rows: up to ROWS of the training part.

    Raises:
        ModelError: naming the shapes, and what would fit.
    """
    _check_inputs(model, rows, place)
    outputs = model(rows.x, training=False)
    end = _ENDS[spec.task].format(outputs=spec.outputs)
    if isinstance(outputs, list | tuple | Mapping):
        raise ModelError(f"{place}: has {len(outputs)} outputs, but the data one target; end it with one {end}")
    shape = tuple(outputs.shape)
    if shape != (len(rows), spec.outputs):
        two = "; or say data.task: multiclass" if spec.task == "binary" and shape[1:] == (2,) else ""
        raise ModelError(
            f"{place}: gives outputs of shape {_shape(shape)}, but the data's task ({spec.task}) needs "
            f"{_shape((None, spec.outputs))}; end it with {end}{two}"
        )
    values = np.asarray(outputs, np.float64)
    if spec.task != "regression" and np.isfinite(values).all():
        sums_up = spec.task == "binary" or np.allclose(values.sum(axis=1), 1, atol=1e-2)
        if values.min() < -1e-6 or values.max() > 1 + 1e-6 or not sums_up or _is_linear(model):
            raise ModelError(
                f"{place}: gives outputs from {values.min():.3g} to {values.max():.3g} that are no probabilities; end "
                f"it with {end}, and compile it with a loss that is not from_logits"
            )
    _check_loss(model, rows, outputs, place)


def check_saved(model: Any, rows: Part, objects: Mapping[str, Any], place: str) -> None:
    """See that the model can be saved, loaded again in safe mode, and predicts the same.

    Raises:
        ModelError: if it cannot, with Keras's reason.
    """
    import keras

    with tempfile.TemporaryDirectory(prefix="kerasweep-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(scratch) / "model.keras"
        try:
            model.save(path)
            again = keras.saving.load_model(path, custom_objects=dict(objects), compile=False, safe_mode=True)
            same = np.allclose(model(rows.x, training=False), again(rows.x, training=False), atol=1e-4, equal_nan=True)
        except (TypeError, ValueError, NotImplementedError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{place}: cannot be saved and loaded again, so it could not predict ({_first_line(error)}); pass a "
                "layer's or model's arguments to __init__ by name and give it get_config()"
            ) from error
    if not same:
        raise ModelError(
            f"{place}: predicts otherwise once it is saved and loaded again; keep layers as attributes of the model, "
            "and every argument of __init__ in get_config()"
        )


def _check_inputs(model: Any, rows: Part, place: str) -> None:
    try:
        inputs = list(model.inputs or [])
    except (AttributeError, ValueError):  # a subclassed or unbuilt model has none
        return
    if not inputs:
        return
    if isinstance(rows.x, Mapping):
        theirs, ours = sorted(tensor.name for tensor in inputs), sorted(rows.x)
        if theirs != ours:
            raise ModelError(f"{place}: has the inputs {', '.join(theirs)}, but the data's are {', '.join(ours)}; "
                             "name each with keras.Input(shape, name=...)")  # fmt: skip
        pairs = [(tensor, rows.x[tensor.name]) for tensor in inputs]
    elif len(inputs) > 1:
        raise ModelError(f"{place}: has {len(inputs)} inputs, but the data has one; give the data's their names "
                         "under data.inputs")  # fmt: skip
    else:
        pairs = [(inputs[0], rows.x)]
    for tensor, array in pairs:
        wanted, got = tuple(tensor.shape)[1:], array.shape[1:]
        fits = len(wanted) == len(got) and all(w in (None, g) for w, g in zip(wanted, got, strict=True))
        if not fits and not _may_gain_an_axis(wanted, got):
            raise ModelError(
                f"{place}: takes inputs of shape {_shape((None, *wanted))}, but the data has {_shape((None, *got))}; "
                "take the shape from the data: def build(hp, spec): ... keras.Input(spec.input_shape)"
            )


def _may_gain_an_axis(wanted: tuple[int | None, ...], got: tuple[int, ...]) -> bool:
    """Keras itself adds or drops a last axis of 1: grey images of (28, 28) go into (28, 28, 1)."""
    return wanted == (*got, 1) or (*wanted, 1) == got


def _check_loss(model: Any, rows: Part, outputs: Any, place: str) -> None:
    import keras

    own_step = type(model).train_step is not keras.Model.train_step
    own_loss = type(model).compute_loss is not keras.Model.compute_loss
    if getattr(model, "loss", None) is None and own_step:
        return
    if getattr(model, "loss", None) is None and not own_loss and not model.losses:
        raise ModelError(f"{place}: was compiled without a loss; say compile(optimizer=..., loss=...)")
    try:
        model.compute_loss(x=rows.x, y=rows.y, y_pred=outputs)
    except Exception as error:  # each backend has errors of its own
        if own_loss or not is_keras_loss(model.loss):
            raise
        raise ModelError(
            f"{place}: its loss does not fit targets of shape {_shape((None, *rows.y.shape[1:]))} and outputs of shape "
            f"{_shape((None, *outputs.shape[1:]))} ({_first_line(error)})"
        ) from error


def _is_linear(model: Any) -> bool:
    """Whether the last layer visibly has no activation at all."""
    import keras

    layers = getattr(model, "layers", None)
    if not isinstance(model, keras.Sequential | keras.src.models.Functional) or not layers:
        return False
    last = layers[-1]
    return isinstance(last, keras.layers.Dense) and last.activation is keras.activations.linear


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('None' if size is None else str(size) for size in (None, *shape[1:]))})"


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
