"""What a saved model leaves to look at. (Real, tiny Keras models, in this process.)"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.executors.inline import InlineExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.messages import PictureJob, PictureLabels, WorkerSetup
from search.study.gallery import PICTURES
from search.study.run import run_study
from search.study.store import load_study
from search.training.look import first_layer, look, write_weights
from search.training.threads import limit_threads
from search.training.worker_data import WorkerData
from spaces.data_spec import DataSpec, InputSpec
from tracking import Memory, MemoryTracker

BINARY = DataSpec.single((4,), 1, "binary")
TABLE_FILES = {"confusion_matrix.png", "roc.png", "precision_recall.png", "calibration.png", "evaluation.json"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def saved(path: Path, *layers: Any, shape: tuple[int, ...]) -> Any:
    import keras

    model = keras.Sequential([keras.Input(shape), *layers])
    model.save(path)
    return model


def data_of(
    folder: Path, spec: DataSpec, rows: int = 40, parts: tuple[str, ...] = ("train", "validation")
) -> WorkerData:
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part in parts:
        np.save(folder / f"x_{part}.npy", rng.normal(size=(rows, *spec.input_shape)).astype(np.float32))
        y = np.arange(rows) % max(2, spec.outputs)
        np.save(folder / f"y_{part}.npy", y.astype(np.int32) if spec.outputs > 1 else y.astype(np.float32)[:, None])
    return WorkerData(folder)


def setup_of(folder: Path, spec: DataSpec, **changes: Any) -> WorkerSetup:
    std = 2.0 if spec.task == "regression" else None
    return replace(WorkerSetup(folder, spec, (), "val_loss", "minimize", std, 1), **changes)


def test_a_table_leaves_its_curves_and_its_weights_without_pickle(tmp_path: Path) -> None:
    import keras

    model = saved(tmp_path / "m.keras", keras.layers.Dense(3, "relu"), keras.layers.Dense(1, "sigmoid"), shape=(4,))
    data = data_of(tmp_path / "arrays", BINARY)
    job = PictureJob(
        3, tmp_path / "m.keras", tmp_path / "out", "pima, trial 3", labels=PictureLabels("y", ("no", "yes"))
    )
    result = look(job, setup_of(tmp_path, BINARY), data)
    assert set(result.files) == {*TABLE_FILES, "weights.npz"}
    assert {file.name for file in job.folder.iterdir()} == set(result.files)
    assert result.part == "validation"
    with np.load(job.folder / "weights.npz", allow_pickle=False) as weights:
        first, second = (layer.name for layer in model.layers)
        assert sorted(weights) == sorted(f"{layer}/{name}" for layer in (first, second) for name in ("bias", "kernel"))
        np.testing.assert_array_equal(weights[f"{first}/kernel"], model.layers[0].kernel)
    outputs = model.predict(np.asarray(data.validation.x), verbose=0)[:, 0] > 0.5  # type: ignore[union-attr]
    right = float(np.mean(outputs == (np.arange(40) % 2)))
    assert json.loads((job.folder / "evaluation.json").read_text())["metrics"]["accuracy"] == pytest.approx(right)


def test_a_regression_is_shown_in_the_targets_own_units(tmp_path: Path) -> None:
    import keras

    spec = DataSpec.single((4,), 1, "regression")
    saved(tmp_path / "m.keras", keras.layers.Dense(1, kernel_initializer="zeros"), shape=(4,))
    job = PictureJob(3, tmp_path / "m.keras", tmp_path / "out")
    result = look(job, setup_of(tmp_path, spec, target_mean=100.0), data_of(tmp_path / "arrays", spec))
    content = json.loads((job.folder / "evaluation.json").read_text())
    assert content["true_range"] == [100.0, 102.0]  # standardised 0 and 1, times 2, plus 100
    assert content["predicted_range"] == [100.0, 100.0]
    assert result.mistakes[0].true == 102.0


def test_of_images_the_first_layer_is_drawn(tmp_path: Path) -> None:
    import keras

    spec = DataSpec((InputSpec((6, 5), "image"),), 3, "multiclass")
    layers = keras.layers
    saved(tmp_path / "m.keras", layers.Flatten(), layers.BatchNormalization(), layers.Dense(3, "softmax"), shape=(6, 5))
    job = PictureJob(0, tmp_path / "m.keras", tmp_path / "out", labels=PictureLabels("y", ("a", "b", "c")))
    result = look(job, setup_of(tmp_path, spec), data_of(tmp_path / "arrays", spec))
    assert {"first_layer.png", "mistakes.png"} <= set(result.files)


def test_which_layer_meets_the_picture_first() -> None:
    import keras

    layers = keras.layers
    image = DataSpec((InputSpec((8, 8), "image"),), 3, "multiclass")

    def found(*stack: Any, shape: tuple[int, ...] = (8, 8), spec: DataSpec = image) -> Any:
        return first_layer(keras.Sequential([keras.Input(shape), *stack]), spec)

    convolution = found(layers.Reshape((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3))
    assert (convolution.kind, convolution.kernel.shape) == ("convolution", (3, 3, 1, 4))
    dense = found(layers.Flatten(), layers.Dense(5), layers.Dense(3))
    assert (dense.kind, dense.kernel.shape, dense.output) == ("dense", (64, 5), False)
    assert found(layers.Flatten(), layers.Dense(3)).output
    nested = found(keras.Sequential([layers.Flatten(), layers.Dense(2)]), layers.Dense(3))
    assert nested.kernel.shape == (64, 2)
    assert found(layers.LSTM(4), layers.Dense(3)) is None
    assert found(layers.Dense(3), shape=(4,), spec=BINARY) is None


def test_layers_of_one_name_keep_all_their_weights(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dense(2)])
    for layer in model.layers:
        layer.kernel._path = "dense/kernel"
    write_weights(model, tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as weights:
        assert {"dense/kernel", "dense/kernel_2"} <= set(weights)


@pytest.mark.parametrize("test_part", [True, False])
def test_a_model_of_all_rows_is_looked_at_on_the_test_part_only(tmp_path: Path, test_part: bool) -> None:
    import keras

    saved(tmp_path / "m.keras", keras.layers.Dense(1, "sigmoid"), shape=(4,))
    parts = ("train", "validation", "test") if test_part else ("train", "validation")
    job = PictureJob(3, tmp_path / "m.keras", tmp_path / "out")
    result = look(job, setup_of(tmp_path, BINARY, rounds=3), data_of(tmp_path / "arrays", BINARY, parts=parts))
    if test_part:
        assert (result.part, set(result.files) >= TABLE_FILES) == ("test", True)
    else:
        assert result.files == ("weights.npz",)
        assert "every row was trained on" in result.left_out["predictions"]


def test_several_rounds_are_looked_at_through_what_each_said_of_its_own_rows(tmp_path: Path) -> None:
    data = data_of(tmp_path / "arrays", BINARY, rows=12)
    for number, labels in ((1, [0, 1, 1, 0]), (2, [1, 1, 0, 0])):
        folder = tmp_path / "arrays" / f"round_{number}"
        folder.mkdir()
        np.save(folder / "x_validation.npy", np.zeros((4, 4), np.float32))
        np.save(folder / "y_validation.npy", np.array(labels, np.float32)[:, None])
    said = {"round_1": [[0.1], [0.9], [0.2], [0.3]], "round_2": [[0.8], [0.7], [0.1], [0.6]]}
    np.savez(
        tmp_path / "o.npz", allow_pickle=False, **{name: np.array(values, np.float32) for name, values in said.items()}
    )
    job = PictureJob(3, None, tmp_path / "out", outputs=tmp_path / "o.npz", labels=PictureLabels("y", ("no", "yes")))
    result = look(job, setup_of(tmp_path, BINARY, rounds=2, resampled=True), data)
    assert result.part == "rounds"
    assert "weights.npz" not in result.files
    content = json.loads((job.folder / "evaluation.json").read_text())
    assert content["confusion_matrix"] == [[3, 1], [1, 3]]  # wrong: row 2 of the first round, row 3 of the second
    assert {one.row for one in result.mistakes} == {2, 7}


def rows_file(folder: Path, rows: int = 60) -> Path:
    """A table of two numbers and a word, the class decided by the first number."""
    rng = np.random.default_rng(0)
    lines = ["width,height,colour,kind"]
    for index, (width, height) in enumerate(rng.normal(size=(rows, 2)).round(3)):
        noise = 0.8 * rng.normal()
        lines.append(f"{width},{height},{'red' if index % 3 else 'blue'},{'big' if width + noise > 0 else 'small'}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return folder / "rows.csv"


def study(folder: Path, memory: Memory, **changes: Any) -> Any:
    content: dict[str, Any] = {
        "study": "rows",
        "data": {"source": str(rows_file(folder)), "target": "kind", "test": 0.2},
        "space": {"layers": 1, "units": 3, "dropout": 0, "batch_norm": False, "learning_rate": [0.01, 0.02]},
        "training": {"epochs": 2},
        "search": {"trials": 2, "executor": "inline", "pruner": "none"},
        "tracking": {"keep_models": 2, "tensorboard": True},
        **changes,
    }
    home = Home(folder / "home")
    ended = run_study(
        parse_experiment(content, "rows.yaml"), home=home, executor=InlineExecutor(), tracker=MemoryTracker(memory)
    )
    return ended, load_study(home, "rows")[0], memory.trials("rows")[::-1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Memory, Any]:
    """A study with both of its models kept; its folder, its record, and the study."""
    folder, memory = tmp_path_factory.mktemp("study"), Memory()
    ended, found, _ = study(folder, memory)
    assert ended.ending == "complete"
    return folder, memory, found


def test_every_kept_model_of_a_study_leaves_its_pictures_in_the_record(recorded: tuple[Path, Memory, Any]) -> None:
    folder, memory, found = recorded
    assert found.user_attrs[PICTURES] == [0, 1]
    for run in memory.trials("rows"):
        pictures = {name.removeprefix("evaluation/") for name in run.files if name.startswith("evaluation/")}
        assert {*TABLE_FILES, "weights.npz", "mistakes.csv", "mistakes.png", "evaluation.html"} == pictures
        assert "model/model.keras" in run.files
        assert any(name.startswith("tensorboard/trial_") for name in run.files)
        listed = list(csv.DictReader(run.files["evaluation/mistakes.csv"].decode().splitlines()))
        source = list(csv.DictReader((folder / "rows.csv").read_text().splitlines()))
        assert listed
        for line in listed:
            own = source[int(line["row"])]
            seen = float(line["width"]), line["colour"], line["true"]
            assert seen == (float(own["width"]), own["colour"], own["kind"])
    assert not (folder / "home" / "studies" / "rows" / "arrays").exists()


def test_pictures_are_drawn_once(recorded: tuple[Path, Memory, Any]) -> None:
    folder, memory, _ = recorded
    for run in memory.trials("rows"):
        run.files.pop("evaluation/roc.png", None)
    study(folder, memory)
    assert not any("evaluation/roc.png" in run.files for run in memory.trials("rows"))


def test_the_event_files_of_a_study_are_tensorflows(recorded: tuple[Path, Memory, Any]) -> None:
    import tensorflow as tf

    folder = recorded[0] / "home" / "studies" / "rows" / "tensorboard" / "trial_0" / "validation"
    (file,) = folder.iterdir()
    events = [tf.compat.v1.Event.FromString(data.numpy()) for data in tf.data.TFRecordDataset(str(file))]
    assert events[0].file_version == "brain.Event:2"
    steps = [(event.step, value.tag) for event in events[1:] for value in event.summary.value]
    assert (2, "epoch_accuracy") in steps
    assert {step for step, _ in steps} == {1, 2}


def test_the_best_trials_of_a_cross_validated_study_are_seen_on_every_row(tmp_path: Path) -> None:
    ended, recorded, runs = study(tmp_path, Memory(), validation={"folds": 3})
    assert recorded.user_attrs[PICTURES] == [0, 1]
    for row, run in zip(ended.rows, runs, strict=True):
        content = json.loads(run.files["evaluation/evaluation.json"])
        assert (content["part"], content["rows"]) == ("rounds", 48)  # all but the test part
        # Folds of 16 rows each: the mean of their accuracies is the accuracy of all.
        assert content["metrics"]["accuracy"] == pytest.approx(row.value)
    assert sum("evaluation/weights.npz" in run.files for run in runs) == 1  # one model, of the best config
