"""What are the metrics of a whole part, given its targets and a model's outputs for it?

Every function takes ``y`` (0 or 1, class indices, or numbers; (n,) or (n, 1)) and the outputs for the same n samples:
the second class's probability, (n,); every class's probability, (n, classes); or predicted numbers, (n,). They agree
with scikit-learn's of the same name, also on ties, and are defined where that warns or raises:

- a ratio with nothing below the line (no positives to find, nothing predicted as positive) is 0;
- classes that occur neither in the part nor among the predictions are left out of macro means;
- ``auc`` of a part with one class only is 0.5: the scores order nothing; ``pr_auc`` without positives is 0;
- outputs that are not finite make every metric NaN, which is how a diverged model is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.data_spec import Task
from spaces.metrics import KERAS_METRICS, METRICS

Array = NDArray[Any]
Counts = NDArray[np.int64]
_SMALLEST_PROBABILITY = 1e-7  # Keras's epsilon: a certain mistake costs 16, not infinity


def evaluate(names: Sequence[str], task: Task, y: Array, outputs: Array, threshold: float = 0.5) -> dict[str, float]:
    """The metrics ``names`` of one part.

    Args:
        names: of ``spaces.metrics.METRICS`` or ``KERAS_METRICS``, all defined for the task.
        y: binary: 0 or 1; multiclass: class indices; regression: numbers, in the unit that errors are to be in.
        outputs: of the model, (n, 1) or (n, classes), in the same unit.
        threshold: a binary sample is of the second class where its probability is above this.
    """
    if not np.isfinite(outputs).all():
        return dict.fromkeys(names, float("nan"))
    own, keras_names = [n for n in names if n in METRICS], [n for n in names if n not in METRICS]
    if task == "regression":
        values = _regression(own, np.ravel(y).astype(np.float64), np.ravel(outputs).astype(np.float64))
    elif task == "binary":
        values = _binary(own, np.ravel(y).astype(bool), np.ravel(outputs), threshold)
    else:
        values = _multiclass(own, np.ravel(y).astype(np.int64), outputs)
    values |= {name: keras_metric(name, task, y, outputs, threshold) for name in keras_names}
    return {name: values[name] for name in names}


def keras_metric(name: str, task: Task, y: Array, outputs: Array, threshold: float = 0.5) -> float:
    """One metric of ``KERAS_METRICS``, its Keras class updated once with the whole part."""
    import keras

    metric = KERAS_METRICS[name]
    settings = dict(metric.settings)
    if task == "binary":
        y, outputs = np.reshape(y, (-1, 1)), np.reshape(outputs, (-1, 1))
        if metric.class_name in ("BinaryAccuracy", "F1Score", "FBetaScore"):
            settings["threshold"] = threshold
        elif metric.class_name in ("FalseNegatives", "FalsePositives", "TrueNegatives", "TruePositives"):
            settings["thresholds"] = threshold
    elif task == "multiclass":
        y = np.ravel(y)
        if metric.one_hot:
            y = np.eye(outputs.shape[1], dtype=np.float32)[y]
    else:
        y, outputs = np.reshape(y, (-1, 1)), np.reshape(outputs, (-1, 1))
    tracker = getattr(keras.metrics, metric.class_name)(**settings)
    tracker.update_state(y.astype(np.float32) if y.dtype.kind == "f" else y, outputs.astype(np.float32))
    return float(np.mean(keras.ops.convert_to_numpy(tracker.result())))


def confusion(y: Array, predicted: Array, classes: int) -> Counts:
    """How often the class of the row was predicted as the class of the column: int64 (classes, classes)."""
    cells = np.bincount(y.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def auc(y: Array, scores: Array) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half (Mann-Whitney).

    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    positive = y.astype(bool)
    # Sorted queries find their place several times faster than unsorted ones.
    positives, negatives = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(positives) or not len(negatives):
        return 0.5
    below = np.searchsorted(negatives, positives, "left").sum()
    not_above = np.searchsorted(negatives, positives, "right").sum()
    return float((below + not_above) / (2.0 * len(positives) * len(negatives)))


def average_precision(y: Array, scores: Array) -> float:
    """Area under the precision-recall curve as a sum of steps: the mean, over the positives, of the precision at each.

    >>> round(average_precision(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    positive = y.astype(bool)
    positives, negatives = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(positives):
        return 0.0
    true = len(positives) - np.searchsorted(positives, positives, "left")
    false = len(negatives) - np.searchsorted(negatives, positives, "left")
    return float((true / (true + false)).mean())


def ratio(above: float, below: float) -> float:
    """Their quotient, 0 where nothing is below."""
    return float(above) / float(below) if below else 0.0


def matthews(table: Counts) -> float:
    """Matthews correlation of a confusion matrix, for any number of classes (Gorodkin 2004); 0 where constant."""
    true, predicted, total = table.sum(axis=1).astype(float), table.sum(axis=0).astype(float), float(table.sum())
    covariance = np.trace(table) * total - true @ predicted
    spread = np.sqrt(total**2 - predicted @ predicted) * np.sqrt(total**2 - true @ true)
    return ratio(covariance, spread)


def _binary(names: Sequence[str], y: Array, p: Array, threshold: float) -> dict[str, float]:
    # The comparison is that of portable.Preprocessor.decode: in float64, strictly above.
    chosen = p.astype(np.float64) > threshold
    hits, found, true, total = int((chosen & y).sum()), int(chosen.sum()), int(y.sum()), len(y)
    table = np.array([[total - found - true + hits, found - hits], [true - hits, hits]], np.int64)
    specificity = ratio(table[0, 0], total - true)
    of: dict[str, Callable[[], float]] = {
        "accuracy": lambda: ratio(hits + table[0, 0], total),
        "balanced_accuracy": lambda: _mean_recall(table),
        "precision": lambda: ratio(hits, found),
        "recall": lambda: ratio(hits, true),
        "specificity": lambda: specificity,
        "f1": lambda: ratio(2 * hits, found + true),
        "mcc": lambda: matthews(table),
        "auc": lambda: auc(y, p),
        "pr_auc": lambda: average_precision(y, p),
        "log_loss": lambda: _log_loss(np.where(y, p.astype(np.float64), 1.0 - p.astype(np.float64))),
        "brier": lambda: float(np.mean((p.astype(np.float64) - y) ** 2)),
    }
    return {name: of[name]() for name in names}


def _multiclass(names: Sequence[str], y: Array, p: Array) -> dict[str, float]:
    classes = p.shape[1]
    table = confusion(y, p.argmax(axis=1), classes)
    hits, true, found = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    seen = (true + found) > 0
    of_truth = p[np.arange(len(y)), y]
    present = np.flatnonzero((true > 0) & (true < len(y)))

    def mean_over_classes(measure: Callable[[Array, Array], float], otherwise: float) -> float:
        values = [measure(y == c, p[:, c]) for c in present]
        return float(np.mean(values)) if values else otherwise

    def macro(above: Counts, below: Counts) -> float:
        return float(np.mean(np.divide(above, below, out=np.zeros(classes), where=below > 0)[seen]))

    of: dict[str, Callable[[], float]] = {
        "accuracy": lambda: ratio(hits.sum(), len(y)),
        "balanced_accuracy": lambda: _mean_recall(table),
        "precision": lambda: macro(hits, found),
        "recall": lambda: macro(hits, true),
        "f1": lambda: macro(2 * hits, true + found),
        "mcc": lambda: matthews(table),
        "auc": lambda: mean_over_classes(auc, 0.5),
        "pr_auc": lambda: mean_over_classes(average_precision, 1.0),
        "log_loss": lambda: _log_loss(of_truth.astype(np.float64)),
        # As TensorFlow's in_top_k: whoever ties with the fifth is among them.
        "top_5_accuracy": lambda: float(np.mean((p > of_truth[:, None]).sum(axis=1) < 5)),
    }
    return {name: of[name]() for name in names}


def _regression(names: Sequence[str], y: Array, predicted: Array) -> dict[str, float]:
    error = predicted - y

    def r2() -> float:
        spread = float(((y - y.mean()) ** 2).sum())
        # Where all targets are equal: 1 for a perfect prediction, else 0 (scikit-learn's choice).
        return 1.0 - float(error @ error) / spread if spread else float(not error.any())

    of: dict[str, Callable[[], float]] = {
        "mae": lambda: float(np.abs(error).mean()),
        "mse": lambda: float(np.mean(error**2)),
        "rmse": lambda: float(np.sqrt(np.mean(error**2))),
        "r2": r2,
        "mape": lambda: 100.0 * float(np.mean(np.abs(error) / np.maximum(np.abs(y), _SMALLEST_PROBABILITY))),
        "median_absolute_error": lambda: float(np.median(np.abs(error))),
        "max_error": lambda: float(np.abs(error).max()),
    }
    return {name: of[name]() for name in names}


def _mean_recall(table: Counts) -> float:
    true = table.sum(axis=1)
    return float(np.mean(np.diag(table)[true > 0] / true[true > 0]))


def _log_loss(of_truth: Array) -> float:
    return float(-np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)).mean())
