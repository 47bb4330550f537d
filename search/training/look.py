"""What does a saved model do with rows that it was not trained on, as files to look at?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.custom.load import saved_objects
from search.data.pixels import numbers_of
from search.messages import PictureJob, PictureResult, WorkerSetup
from spaces.data_spec import DataSpec

if TYPE_CHECKING:
    import keras

    from search.data.dataset import Part
    from search.pictures.evaluation import FirstLayer
    from search.training.worker_data import WorkerData

WEIGHTS_FILE = "weights.npz"
PREDICT_BATCH = 4096
# Of more rows so many are looked at: pictures gain nothing from the rest, and a large model would take minutes.
MOST_ROWS = 20_000


def look(job: PictureJob, setup: WorkerSetup, data: WorkerData) -> PictureResult:
    """Draw what fits the data, and write the weights as ``weights.npz`` (names to arrays, no pickle).

    The validation part is looked at. Where trials have several rounds the model was trained on all of that, so there it
    is what each round's own model said of the rows that judged it; where that was not kept, the test part.
    """
    from search.pictures.evaluation import Drawn, Evaluation, draw_evaluation, draw_first_layer

    began = time.perf_counter()
    job.folder.mkdir(parents=True, exist_ok=True)
    model = None if job.model is None else _load(job.model, setup)
    layer = None if model is None else first_layer(model, setup.spec)
    seen = _seen(job, setup, data, model)
    drawn = Drawn()
    if seen is None:
        drawn.left_out["predictions"] = "every row was trained on; a test part (data.test) gives rows to look at"
    else:
        in_units = _units(setup)
        shown = Evaluation(
            spec=setup.spec,
            part=seen.name,
            title=job.title,
            labels=job.labels,
            y=in_units(seen.y),
            outputs=in_units(seen.outputs),
            inputs=seen.inputs,
            threshold=job.threshold,
            predict=None if model is None else _predictor(model, setup),
        )
        drawn = draw_evaluation(job.folder, shown)
    if layer is not None:
        draw_first_layer(job.folder, layer, setup.spec, job.labels, job.title, drawn)
    if model is not None:
        write_weights(model, job.folder / WEIGHTS_FILE)
        drawn.files.append(WEIGHTS_FILE)
    return PictureResult(
        number=job.number,
        files=tuple(drawn.files),
        part=seen.name if seen is not None else "none",
        mistakes=drawn.mistakes,
        left_out=drawn.left_out,
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True)
class _Seen:
    """Rows with what a model said of them.

    Attributes:
        name: which rows they are.
        y: class indices int64, or float64 standardised; (rows,).
        outputs: float64 (rows, outputs).
        inputs: by name, each (rows, ...).
    """

    name: str
    y: NDArray[Any]
    outputs: NDArray[Any]
    inputs: Mapping[str, NDArray[Any]]


def _seen(job: PictureJob, setup: WorkerSetup, data: WorkerData, model: keras.Model | None) -> _Seen | None:
    """The rows to look at, none of which the model in question was trained on; None where there are no such rows."""
    if job.outputs is not None:
        return _judged(job.outputs, setup, data)
    several = setup.rounds > 1
    part = (data.test() if data.has_test else None) if several else data.validation
    if part is None or model is None:
        return None
    inputs, y = chosen_rows(part, setup.spec)
    return _Seen("test" if several else "validation", y, _predict(model, inputs, setup.spec), inputs)


def _judged(outputs: Path, setup: WorkerSetup, data: WorkerData) -> _Seen:
    """The rows that judged the rounds, under each other, with what the rounds' own models said of them."""
    found: list[NDArray[Any]] = []
    chosen: list[tuple[dict[str, NDArray[Any]], NDArray[Any]]] = []
    with np.load(outputs, allow_pickle=False) as arrays:
        for number in range(1, setup.rounds + 1):
            part = data.judged_by(number, setup)
            chosen.append(chosen_rows(part, setup.spec, len(part)))
            found.append(np.asarray(arrays[f"round_{number}"], np.float64).reshape(len(part), -1))
    names = chosen[0][0]
    inputs = {name: np.concatenate([x[name] for x, _ in chosen])[:MOST_ROWS] for name in names}
    y, said = np.concatenate([y for _, y in chosen])[:MOST_ROWS], np.concatenate(found)[:MOST_ROWS]
    return _Seen("rounds", y, said, inputs)


def chosen_rows(part: Part, spec: DataSpec, most: int = MOST_ROWS) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """The first rows of a part (splits are shuffled): inputs by name, and targets as (rows,)."""
    given: Any = part.x
    named: Mapping[str, Any] = given if isinstance(given, Mapping) else {spec.inputs[0].name: given}
    y = np.asarray(part.y[:most])
    y = y.reshape(len(y), -1)[:, 0]
    y = y.astype(np.float64) if spec.task == "regression" else y.astype(np.int64)
    return {name: numbers_of(x[:most]) for name, x in named.items()}, y


def _units(setup: WorkerSetup) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """From what a model is trained on to the target's own units."""
    if setup.spec.task != "regression":
        return lambda values: values
    std = 1.0 if setup.target_std is None else setup.target_std
    return lambda values: np.asarray(values * std + setup.target_mean)


def _predictor(model: keras.Model, setup: WorkerSetup) -> Callable[[NDArray[Any]], NDArray[Any]]:
    in_units, name = _units(setup), setup.spec.inputs[0].name
    return lambda nodes: in_units(_predict(model, {name: nodes}, setup.spec))


def _load(path: Path, setup: WorkerSetup) -> keras.Model:
    import keras

    own = saved_objects(setup.code)
    return keras.saving.load_model(path, custom_objects=own, compile=False, safe_mode=True)


def _predict(model: keras.Model, inputs: Mapping[str, NDArray[Any]], spec: DataSpec) -> NDArray[Any]:
    x: Any = dict(inputs) if len(spec.inputs) > 1 else next(iter(inputs.values()))
    outputs = np.asarray(model.predict(x, batch_size=PREDICT_BATCH, verbose=0), np.float64)
    return outputs.reshape(len(outputs), -1)


def first_layer(model: keras.Model, spec: DataSpec) -> FirstLayer | None:
    """The kernel that a picture or a sequence meets first, where it can be looked at; None for tables and texts."""
    import keras

    from search.pictures.evaluation import FirstLayer, is_image

    image = next((one for one in spec.inputs if is_image(one)), None)
    layers = list(_walk(model))
    last = next((layer for layer in reversed(layers) if layer.weights), None)
    for layer in layers:
        if not layer.weights:
            continue
        if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D):
            return FirstLayer("convolution", np.asarray(layer.kernel, np.float32))
        if isinstance(layer, keras.layers.Dense) and image is not None:
            kernel = np.asarray(layer.kernel, np.float32)
            if kernel.shape[0] == math.prod(image.shape):
                return FirstLayer("dense", kernel, output=layer is last)
        if not isinstance(layer, keras.layers.BatchNormalization | keras.layers.Normalization):
            return None  # whatever comes behind it no longer sees the input as it is
    return None


def _walk(model: Any) -> Iterator[Any]:
    """All layers that are no models, in the order of the model's own list."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _walk(layer)
        else:
            yield layer


def write_weights(model: keras.Model, path: Path) -> None:
    """Write every variable under its path (``dense/kernel``); read them with ``numpy.load``.

    Raises:
        OSError: the file cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for variable in model.weights:
        name, count = variable.path, 1
        while name in arrays:  # layers of a subclassed model may share a name
            count += 1
            name = f"{variable.path}_{count}"
        value = np.asarray(variable)
        # NumPy alone cannot read bfloat16 and its like.
        arrays[name] = value if value.dtype.kind in "biuf" else value.astype(np.float32)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
