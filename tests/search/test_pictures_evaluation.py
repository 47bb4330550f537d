"""What a trial leaves to look at: every picture comes out readable, for any data, and says what it lacks."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.messages import Mistake, PictureLabels
from search.pictures.confusion import draw_confusion
from search.pictures.evaluation import Drawn, Evaluation, FirstLayer, draw_evaluation, draw_first_layer
from search.pictures.evaluation_page import write_page
from search.pictures.first_layer import draw_filters, draw_weights
from search.pictures.mistakes import (
    draw_mistake_lines,
    draw_mistake_table,
    mistakes_csv,
    worst_classifications,
    worst_predictions,
)
from search.pictures.operating import draw_roc
from search.pictures.plots import thin
from search.pictures.residuals import draw_predictions, draw_residuals
from search.pictures.surface import draw_decision_surface
from search.pictures.words import drawable
from spaces.data_spec import MASK_VALUE, DataSpec, InputSpec

CURVES = ["confusion_matrix.png", "roc.png", "precision_recall.png", "calibration.png"]


def evaluation(spec: DataSpec, y: Any, outputs: Any, **changes: Any) -> Evaluation:
    rng = np.random.default_rng(1)
    inputs = {one.name: rng.random((len(y), *one.shape)).astype(np.float32) for one in spec.inputs}
    count = max(2, spec.outputs)
    labels = PictureLabels("kind", () if spec.task == "regression" else tuple(f"class {i}" for i in range(count)))
    given: dict[str, Any] = {"labels": labels, "inputs": inputs, **changes}
    return Evaluation(spec, "validation", "iris, trial 3", y=np.asarray(y), outputs=np.asarray(outputs), **given)


def classified(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Class indices and probabilities that are right more often than not; of two classes those of the second."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    scores = rng.normal(size=(rows, classes))
    scores[np.arange(rows), y] += 1.5
    outputs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return y, outputs[:, 1:] if classes == 2 else outputs


def numbers(folder: Path) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    content: dict[str, Any] = json.loads((folder / "evaluation.json").read_text(), parse_constant=refuse)
    return content


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(("rows", "classes"), [(20, 2), (60_000, 2), (20, 3), (400, 12), (1500, 62)])
def test_a_classifier_leaves_its_curves_whatever_its_size(tmp_path: Path, rows: int, classes: int) -> None:
    y, outputs = classified(rows, classes)
    spec = DataSpec.single((5,), 1 if classes == 2 else classes, "binary" if classes == 2 else "multiclass")
    drawn = draw_evaluation(tmp_path, evaluation(spec, y, outputs))
    assert drawn.files == [*CURVES, "evaluation.json"]
    assert drawn.left_out == {}
    for name in CURVES:
        assert all(300 <= edge <= 1200 for edge in size(tmp_path / name)), name
        assert (tmp_path / name).stat().st_size < 200_000
    content = numbers(tmp_path)
    assert content["rows"] == rows
    assert sum(map(sum, content["confusion_matrix"])) == rows
    assert 0.5 < content["metrics"]["auc"] <= 1
    assert len(content["per_class"]) == classes


def test_the_threshold_kept_with_the_model_decides(tmp_path: Path) -> None:
    shown = evaluation(DataSpec.single((5,), 1, "binary"), [0, 0, 1, 1], [[0.1], [0.3], [0.3], [0.9]], threshold=0.2)
    draw_evaluation(tmp_path, shown)
    assert numbers(tmp_path)["confusion_matrix"] == [[1, 1], [0, 2]]
    assert numbers(tmp_path)["threshold"] == 0.2


@pytest.mark.parametrize(
    ("y", "outputs", "missing"),
    [
        ([0, 1, 0, 1], [[0.5]] * 4, {}),  # constant predictions
        ([1, 1, 1, 1], [[0.2], [0.9], [0.7], [0.8]], {"roc.png": "only one class occurs"}),
        ([0, 1, 0, 1], [[0.2], [np.nan], [0.7], [0.8]], {"1 rows": "their outputs are not finite numbers"}),
        ([0, 1, 0, 1], [[-3.0], [2.0], [0.5], [4.0]], {"calibration.png": "the outputs are not probabilities"}),
        ([0, 1], [[np.nan], [np.inf]], {"predictions": "no output is a finite number"}),
        ([0, 1], [[0.1, 0.9], [0.2, 0.8]], {"predictions": "the outputs have the shape (2, 2) instead of (2, 1)"}),
    ],
    ids=["constant", "one class", "a NaN", "logits", "all NaN", "wrong shape"],
)
def test_what_cannot_be_drawn_is_left_out_with_its_reason(
    tmp_path: Path, y: Any, outputs: Any, missing: dict[str, str]
) -> None:
    drawn = draw_evaluation(tmp_path, evaluation(DataSpec.single((5,), 1, "binary"), y, outputs))
    assert drawn.left_out.items() >= missing.items()
    assert all((tmp_path / name).is_file() for name in drawn.files)
    assert ("evaluation.json" in drawn.files) == ("predictions" not in missing)


@pytest.mark.parametrize("rows", [1, 20, 4000])
def test_a_regression_leaves_predictions_and_residuals(tmp_path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(2e5, 1e5, rows)
    shown = evaluation(DataSpec.single((5,), 1, "regression"), y, (y + rng.normal(0, 3e4, rows))[:, None])
    drawn = draw_evaluation(tmp_path, shown)
    assert drawn.files == ["predictions.png", "residuals.png", "evaluation.json"]
    assert len(drawn.mistakes) == min(100, rows)
    assert (numbers(tmp_path)["metrics"]["r2"] is None) == (rows == 1)


def test_two_hundred_thousand_rows_are_drawn_as_a_density(tmp_path: Path) -> None:
    y = np.random.default_rng(0).normal(size=200_000)
    for draw in (draw_predictions, draw_residuals):
        path = draw(y, y * 0.9, tmp_path / "a.png", target="$ per m² 日本")
        assert path.stat().st_size < 100_000


def test_constant_predictions_of_a_regression_are_drawn(tmp_path: Path) -> None:
    draw_predictions(np.zeros(30), np.zeros(30), tmp_path / "a.png")
    draw_residuals(np.arange(30.0), np.full(30, 15.0), tmp_path / "b.png")


def test_a_matrix_of_many_classes_lists_pairs_instead_of_numbers(tmp_path: Path) -> None:
    matrix = np.eye(62, dtype=int) * 40
    matrix[3, 7] = 9
    wide = size(draw_confusion(matrix, [f"character number {i}" for i in range(62)], tmp_path / "a.png"))
    assert wide[0] > wide[1]  # room for the list
    draw_confusion(np.zeros((3, 3), int), ["a", "b", "c"], tmp_path / "empty.png")


def test_images_leave_the_pictures_that_were_mistaken(tmp_path: Path) -> None:
    y, outputs = classified(60, 3)
    spec = DataSpec((InputSpec((9, 7, 3), "image"),), 3, "multiclass")
    drawn = draw_evaluation(tmp_path, evaluation(spec, y, outputs))
    assert "mistakes.png" in drawn.files
    assert all(outputs[one.row].argmax() != y[one.row] for one in drawn.mistakes)


def test_sequences_are_drawn_as_lines_without_what_is_masked(tmp_path: Path) -> None:
    sequences = np.full((2, 8, 3), MASK_VALUE)
    sequences[:, :5] = np.random.default_rng(0).normal(size=(2, 5, 3))
    found = [Mistake(4, "a", "b", 0.9), Mistake(7, 1.0, 2.0)]
    lines = size(draw_mistake_lines(sequences, found, tmp_path / "a.png"))
    assert lines[0] > 300
    draw_mistake_lines(np.zeros((1, 6, 40)), found[:1], tmp_path / "many features.png")


def test_the_worst_mistakes_are_those_with_least_for_the_true_class() -> None:
    outputs = np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])
    found = worst_classifications(np.array([1, 0, 1, 1]), outputs.argmax(axis=1), outputs, ["no", "yes"])
    assert found == (Mistake(1, "no", "yes", 0.9), Mistake(3, "yes", "no", 0.9), Mistake(0, "yes", "no", 0.6))


def test_the_worst_predictions_are_the_furthest_off() -> None:
    found = worst_predictions(np.array([1.0, 5.0, 3.0]), np.array([1.5, 1.0, 3.0]))
    assert [one.row for one in found] == [1, 0, 2]


def test_mistakes_are_listed_with_their_raw_inputs(tmp_path: Path) -> None:
    found = [Mistake(5, "a,b", "c", 0.75), Mistake(2, "c", "a,b", 0.5)]
    rows = [(1.5, "red", None), (float("nan"), "blue", 3)]
    text = mistakes_csv(found, ["size", "colour", "n"], rows)
    assert list(csv.reader(text.splitlines())) == [
        ["row", "true", "predicted", "probability", "size", "colour", "n"],
        ["5", "a,b", "c", "0.75", "1.5", "red", ""],
        ["2", "c", "a,b", "0.5", "nan", "blue", "3"],
    ]
    draw_mistake_table(found, ["size", "colour", "n"], rows, tmp_path / "a.png")
    draw_mistake_table([Mistake(1, 2.0, 3.5)], [f"column_{i}" for i in range(40)], [range(40)], tmp_path / "b.png")
    assert mistakes_csv([Mistake(1, 2.0, 3.5)], [], []).splitlines()[1] == "1,2.0,3.5,1.5"


def test_weights_of_a_dense_layer_are_pictures_of_the_input(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    few = size(draw_weights(rng.normal(size=(35, 3)), (7, 5), tmp_path / "a.png", names=["x", "y", "z"]))
    many = size(draw_weights(rng.normal(size=(105, 200)), (7, 5, 3), tmp_path / "b.png"))
    assert many[1] > few[1]
    with pytest.raises(ValueError, match="does not fit"):
        draw_weights(np.zeros((34, 3)), (7, 5), tmp_path / "c.png")


@pytest.mark.parametrize("shape", [(5, 5, 1, 4), (3, 3, 3, 70), (3, 3, 16, 8), (5, 2, 6)])
def test_filters_of_any_convolution_are_drawn(tmp_path: Path, shape: tuple[int, ...]) -> None:
    draw_filters(np.random.default_rng(0).normal(size=shape), tmp_path / "a.png")
    draw_filters(np.zeros(shape), tmp_path / "zeros.png")
    with pytest.raises(ValueError, match="convolution over one or two axes"):
        draw_filters(np.zeros((2, 2)), tmp_path / "b.png")


def test_a_kernel_with_nan_is_left_out(tmp_path: Path) -> None:
    drawn = Drawn()
    spec = DataSpec((InputSpec((2, 2), "image"),), 1, "binary")
    draw_first_layer(tmp_path, FirstLayer("dense", np.full((4, 2), np.nan)), spec, PictureLabels(), "t", drawn)
    assert drawn.left_out == {"first_layer.png": "a weight is not a finite number"}


@pytest.mark.parametrize(
    ("classes", "output"),
    [
        (("0", "1"), lambda x: x[:, 0]),
        (("a", "b", "c"), lambda x: np.full((len(x), 3), 1 / 3)),
        ((), lambda x: x[:, 1]),
    ],
    ids=["binary", "multiclass", "regression"],
)
def test_the_plane_of_two_inputs_is_drawn_in_their_own_units(tmp_path: Path, classes: Any, output: Any) -> None:
    seen: list[np.ndarray] = []

    def predict(nodes: np.ndarray) -> np.ndarray:
        seen.append(nodes)
        values = np.asarray(output(nodes))
        return values if values.ndim == 2 else values[:, None]

    outputs = max(1, len(classes)) if len(classes) != 2 else 1
    task: Any = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    raw = np.array([[0.0, 10.0], [0.0, 30.0], [2.0, 10.0], [2.0, 30.0]])
    axes = (("width", -1.0, 0.0), ("height", -2.0, -1.9))  # prepared: width - 1, and height / 10 - 2
    shown = evaluation(
        DataSpec.single((2,), outputs, task),
        [0, 1, 1, 0],
        np.full((4, outputs), 0.5),
        labels=PictureLabels("kind", classes, axes=axes),
        inputs={"input": raw * [1, 0.1] - [1, 2]},
        predict=predict,
    )
    drawn = draw_evaluation(tmp_path, shown)
    assert "decision_surface.png" in drawn.files
    # A quarter of the span to spare on each side: width -0.5 to 2.5, prepared -1.5 to 1.5; height 5 to 35.
    np.testing.assert_allclose([seen[0].min(axis=0), seen[0].max(axis=0)], [[-1.5, -1.5], [1.5, 1.5]], atol=1e-6)


def test_a_surface_of_outputs_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    with pytest.raises(ValueError, match="not a finite number"):
        draw_decision_surface(
            points, np.array([0, 1]), lambda nodes: np.full(len(nodes), np.nan), tmp_path / "a.png", inputs=("a", "b")
        )


def test_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    assert drawable("a $x_1$ b\nc") == "a $x_1$ b c"
    assert drawable("größer 日") == "größer ?"
    y, outputs = classified(30, 3)
    draw_roc(y, outputs, ["$a^$", "日本", "_hidden"], tmp_path / "a.png")


def test_a_thinned_curve_keeps_its_ends() -> None:
    x, y = thin(np.arange(5000), np.arange(5000) * 2, 100)
    assert len(x) == 100
    assert (x[0], x[-1], y[-1]) == (0, 4999, 9998)


def test_the_page_holds_all_pictures_and_needs_nothing_else(tmp_path: Path) -> None:
    y, outputs = classified(40, 2)
    drawn = draw_evaluation(tmp_path, evaluation(DataSpec.single((5,), 1, "binary"), y, outputs))
    (tmp_path / "mistakes.csv").write_text(mistakes_csv(drawn.mistakes, [], []))
    text = write_page(tmp_path, "iris <3>, trial 1", drawn.files, {"roc.png": "a & b"}).read_text()
    assert text.count("data:image/png;base64,") == len(CURVES)
    assert "iris &lt;3&gt;" in text
    assert "a &amp; b" in text
    assert "http" not in text
    assert "<table>" in text
    assert "no predictions" in write_page(tmp_path / "none", "t", [], {}).read_text()
