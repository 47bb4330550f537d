"""What is there to see of one trained model, and which of it fits its task and its inputs?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.files import write_whole
from search.messages import Mistake, PictureLabels
from search.pictures.confusion import draw_confusion
from search.pictures.first_layer import draw_filters, draw_weights
from search.pictures.measures import confusion_matrix
from search.pictures.mistakes import (
    draw_mistake_images,
    draw_mistake_lines,
    worst_classifications,
    worst_predictions,
)
from search.pictures.operating import draw_precision_recall, draw_roc
from search.pictures.reliability import draw_calibration
from search.pictures.residuals import draw_predictions, draw_residuals
from search.pictures.summary import classification_summary, regression_summary
from search.pictures.surface import draw_decision_surface
from spaces.data_spec import DataSpec, InputSpec

Array = NDArray[Any]
NUMBERS_FILE = "evaluation.json"


@dataclass(frozen=True)
class FirstLayer:
    """The kernel that the first input meets, and its shape's meaning.

    Attributes:
        kind: ``dense`` (pixels, neurons) on a flattened image, or ``convolution``.
        output: whether the dense layer is the output layer, so that its neurons are the classes.
    """

    kind: Literal["dense", "convolution"]
    kernel: Array
    output: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What a model did with rows that it was not trained on.

    Attributes:
        part: which part of the data these rows are.
        y: class indices, or numbers in the target's units; (rows,).
        outputs: (rows, 1) probabilities of the second class or numbers in the target's units, or (rows, classes).
        inputs: prepared inputs by name, each (rows, ...).
        threshold: of two classes, from which probability on (strictly above) a row is of the second.
        predict: from two prepared numbers (nodes, 2) to outputs as above; for the decision surface.
    """

    spec: DataSpec
    part: str
    title: str
    labels: PictureLabels
    y: Array
    outputs: Array
    inputs: Mapping[str, Array]
    threshold: float | None = None
    predict: Callable[[Array], Array] | None = None


@dataclass
class Drawn:
    """The files that were written, in order; why others were not; the worst mistakes."""

    files: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()


def draw_evaluation(folder: Path, shown: Evaluation) -> Drawn:
    """Draw whatever fits, write its numbers to ``evaluation.json``, and say why something is not there.

    Outputs that are not finite numbers, a part with a single class or constant predictions are no errors: what can
    be drawn of them is drawn.

    Raises:
        OSError: the folder cannot be written.
    """
    drawn = Drawn()
    folder.mkdir(parents=True, exist_ok=True)
    rows: Array = np.asarray(np.isfinite(shown.outputs).all(axis=1))
    width = shown.spec.outputs
    if shown.outputs.shape != (len(shown.y), width):
        expected = f"({len(shown.y)}, {width})"
        drawn.left_out["predictions"] = f"the outputs have the shape {shown.outputs.shape} instead of {expected}"
    elif not rows.any():
        drawn.left_out["predictions"] = "no output is a finite number" if len(rows) else "the part has no rows"
    else:
        if not rows.all():
            drawn.left_out[f"{int((~rows).sum())} rows"] = "their outputs are not finite numbers"
        y, outputs = shown.y[rows], np.asarray(shown.outputs[rows], np.float64)
        rows_kept = np.flatnonzero(rows)
        task = _Regression if shown.spec.task == "regression" else _Classification
        task(folder, shown, drawn, y, outputs, rows_kept).draw()
    return drawn


class _Pictures:
    """What pictures of one evaluation have in common."""

    def __init__(self, folder: Path, shown: Evaluation, drawn: Drawn, y: Array, outputs: Array, rows: Array) -> None:
        self.folder, self.shown, self.drawn = folder, shown, drawn
        self.y, self.outputs, self.rows = y, outputs, rows
        self.words: dict[str, Any] = {
            "subtitle": f"{shown.title}, {part_text(shown.part)}, {len(y):,} rows".lstrip(", ")
        }

    def add(self, name: str, draw: Callable[..., Path], *arguments: Any, **options: Any) -> None:
        """Draw one picture, or note why it cannot be: the drawing functions raise ValueError for what they refuse."""
        try:
            draw(*arguments, self.folder / name, **options, **self.words)
        except ValueError as error:
            self.drawn.left_out[name] = str(error)
        else:
            self.drawn.files.append(name)

    def numbers(self, content: Mapping[str, Any]) -> None:
        shown = self.shown
        head = {"title": shown.title, "part": shown.part, "rows": len(self.y), "task": shown.spec.task}
        text = json.dumps(_plain({**head, "target": shown.labels.target, **content}), indent=1, ensure_ascii=False)
        write_whole(self.folder / NUMBERS_FILE, text + "\n")
        self.drawn.files.append(NUMBERS_FILE)

    def mistakes(self) -> None:
        """Draw the worst mistakes where the inputs are pictures or sequences; tables and texts are listed later."""
        found = self.drawn.mistakes
        image = next((one for one in self.shown.spec.inputs if is_image(one)), None)
        sequence = next((one for one in self.shown.spec.inputs if one.kind == "sequence"), None)
        if not found:
            self.drawn.left_out["mistakes"] = "there is none"
        elif image is not None:
            self.add("mistakes.png", draw_mistake_images, self._inputs(image), found)
        elif sequence is not None and len(sequence.shape) == 2:
            self.add("mistakes.png", draw_mistake_lines, self._inputs(sequence), found)
        # The place of a mistake among the rows with finite outputs becomes that in the whole part.
        kept = self.rows
        self.drawn.mistakes = tuple(
            Mistake(int(kept[one.row]), one.true, one.predicted, one.probability) for one in found
        )

    def _inputs(self, spec: InputSpec) -> Array:
        x = self.shown.inputs[spec.name]
        return np.stack([x[self.rows[one.row]] for one in self.drawn.mistakes])

    def surface(self, classes: Sequence[str], threshold: float | None = None) -> None:
        """Draw the plane where there are two numeric inputs and nothing else."""
        axes, predict = self.shown.labels.axes, self.shown.predict
        if len(axes) != 2 or predict is None:
            return
        (name,) = self.shown.inputs
        start = np.array([zero for _, zero, _ in axes])
        step = np.array([one - zero for _, zero, one in axes])
        if not step.all():
            self.drawn.left_out["decision_surface.png"] = "an input never varies"
            return

        def at(nodes: Array) -> Array:
            outputs = np.asarray(predict((start + nodes * step).astype(np.float32)))
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs

        points = (np.asarray(self.shown.inputs[name], np.float64)[self.rows] - start) / step
        self.add(
            "decision_surface.png",
            lambda path, **words: draw_decision_surface(points, self.y, at, path, **words),
            inputs=(axes[0][0], axes[1][0]),
            classes=classes,
            threshold=threshold,
            target=self.shown.labels.target,
        )


class _Classification(_Pictures):
    def draw(self) -> None:
        shown, y = self.shown, self.y
        classes = shown.labels.classes or tuple(map(str, range(max(2, shown.spec.outputs))))
        binary = shown.spec.task == "binary"
        likely = bool(np.all((self.outputs >= 0) & (self.outputs <= 1)))
        threshold = shown.threshold if shown.threshold is not None else 0.5
        if binary:
            positive = self.outputs[:, 0]
            probabilities, scores = np.column_stack([1 - positive, positive]), positive
            predicted = (positive > threshold).astype(np.int64)
        else:
            probabilities = scores = self.outputs
            predicted = self.outputs.argmax(axis=1)
        matrix = confusion_matrix(y, predicted, len(classes))
        marked = {"threshold": threshold} if binary and likely else {}
        self.add("confusion_matrix.png", draw_confusion, matrix, classes)
        self.add("roc.png", draw_roc, y, scores, classes, **marked)
        self.add("precision_recall.png", draw_precision_recall, y, scores, classes, **marked)
        if not likely:
            self.drawn.left_out["calibration.png"] = "the outputs are not probabilities"
        elif binary:
            what = f"predicted probability of {classes[1]}"
            self.add("calibration.png", draw_calibration, y == 1, probabilities[:, 1], what=what, **marked)
        else:
            sure = probabilities.max(axis=1)
            self.add("calibration.png", draw_calibration, predicted == y, sure, what="probability of the prediction")
        self.drawn.mistakes = worst_classifications(y, predicted, probabilities, classes)
        self.mistakes()
        self.surface(classes, threshold if binary else None)
        self.numbers(
            classification_summary(y, predicted, probabilities, classes, threshold if binary else None, likely)
        )


class _Regression(_Pictures):
    def draw(self) -> None:
        true, predicted = np.asarray(self.y, np.float64), self.outputs[:, 0]
        target = self.shown.labels.target
        self.add("predictions.png", draw_predictions, true, predicted, target=target)
        self.add("residuals.png", draw_residuals, true, predicted, target=target)
        self.drawn.mistakes = worst_predictions(true, predicted)
        self.mistakes()
        self.surface(())
        self.numbers(regression_summary(true, predicted))


def draw_first_layer(
    folder: Path, layer: FirstLayer, spec: DataSpec, labels: PictureLabels, title: str, drawn: Drawn
) -> None:
    """Draw the kernel that the first input meets, ``first_layer.png`` or ``filters.png``, and note it in ``drawn``.

    Raises:
        OSError: the folder cannot be written.
    """
    if not np.isfinite(layer.kernel).all():
        drawn.left_out["first_layer.png"] = "a weight is not a finite number"
        return
    if layer.kind == "convolution":
        draw_filters(layer.kernel, folder / "filters.png", subtitle=title)
        drawn.files.append("filters.png")
        return
    image = next(one for one in spec.inputs if is_image(one))
    names = labels.classes if layer.output and spec.task == "multiclass" else ()
    draw_weights(layer.kernel, image.shape, folder / "first_layer.png", names=names, subtitle=title)
    drawn.files.append("first_layer.png")


def part_text(part: str) -> str:
    """In words, which rows were looked at."""
    return "rows that judged each round" if part == "rounds" else f"{part} part"


def is_image(spec: InputSpec) -> bool:
    """Whether an input can be shown as a picture: (height, width) or (height, width, channels)."""
    return spec.kind == "image" or (spec.kind == "numbers" and len(spec.shape) in (2, 3) and min(spec.shape[:2]) > 1)


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's; what is not finite as null, which JSON has no other word for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
