"""Which numbers say how well a model does: confusion, precision, recall, ROC, calibration, residuals?

All functions are NumPy only. Classes are indices from 0; a class that does not occur has NaN where nothing can be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Curve:
    """A curve over all thresholds and the area under it.

    Attributes:
        x, y: points, (points,); thresholds: the score from which on a row counts as positive, infinity at none.
        area: the area under a ROC curve, the average precision of a precision-recall curve.
    """

    x: Array
    y: Array
    thresholds: Array
    area: float


def confusion_matrix(true: Array, predicted: Array, classes: int) -> Array:
    """Count rows by true (down) and predicted (across) class: int64 (classes, classes)."""
    cells = true.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def row_shares(matrix: Array) -> Array:
    """Divide each row of a confusion matrix by its sum; rows of classes that do not occur are 0."""
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


def class_scores(matrix: Array) -> dict[str, Array]:
    """Return precision, recall and F1 of each class, (classes,); NaN where the class is never predicted or true.

    F1 = 2 TP / (2 TP + FP + FN).
    """
    hits, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"precision": hits / predicted, "recall": hits / true, "f1": 2 * hits / (true + predicted)}


def most_confused(matrix: Array, count: int) -> list[tuple[int, int, int]]:
    """Return (true, predicted, rows) of the pairs of different classes with most rows, at least one."""
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:count]
    pairs = [(*map(int, np.unravel_index(cell, off.shape)), int(off.flat[cell])) for cell in order]
    return [(true, predicted, rows) for true, predicted, rows in pairs if rows]


def _counts(positive: Array, scores: Array) -> tuple[Array, Array, Array]:
    """True and false positives at each distinct score, highest first, and these scores."""
    order = np.argsort(-scores, kind="stable")
    positive, scores = positive[order].astype(np.int64), scores[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # rows with one score count together
    hits = np.cumsum(positive)[last]
    return hits, last + 1 - hits, scores[last]


def roc_curve(positive: Array, scores: Array) -> Curve:
    """False positive rate (x), true positive rate (y) and the area under the curve, ties counted half.

    Args:
        positive: bool (rows,), with at least one of either.
        scores: finite, (rows,), higher for positive rows.
    """
    hits, alarms, thresholds = _counts(positive, scores)
    x, y = np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])
    return Curve(x, y, np.append(np.inf, thresholds), float(np.trapezoid(y, x)))


def precision_recall_curve(positive: Array, scores: Array) -> Curve:
    """Recall (x), precision (y) and average precision, the sum of precision times each step of recall.

    Arguments as `roc_curve`; one positive row is enough.
    """
    hits, alarms, thresholds = _counts(positive, scores)
    recall, precision = hits / hits[-1], hits / (hits + alarms)
    area = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return Curve(np.append(0.0, recall), np.append(1.0, precision), np.append(np.inf, thresholds), area)


@dataclass(frozen=True)
class Calibration:
    """How often what was predicted came true, by how sure the model was.

    Attributes:
        edges: (bins + 1,); counts: rows in each bin; predicted, observed: their means, NaN in empty bins.
        error: expected calibration error, the mean of |observed - predicted| weighted by rows (Guo et al. 2017).
    """

    edges: Array
    counts: Array
    predicted: Array
    observed: Array
    error: float


def calibration(correct: Array, probability: Array, bins: int = 10) -> Calibration:
    """Compare probabilities with what came true, in bins of equal width.

    Args:
        correct: bool (rows,): whether the event came true.
        probability: (rows,), 0 to 1.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted = np.bincount(place, probability, bins) / counts
        observed = np.bincount(place, correct.astype(np.float64), bins) / counts
    error = float(np.nansum(counts * np.abs(observed - predicted)) / max(1, len(correct)))
    return Calibration(edges, counts, predicted, observed, error)


def regression_scores(true: Array, predicted: Array) -> dict[str, float]:
    """RMSE, MAE, median absolute error, bias (mean of predicted - true) and R2 (NaN where the target is constant)."""
    error = predicted - true
    spread = float(np.sum((true - true.mean()) ** 2))
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "median_absolute_error": float(np.median(np.abs(error))),
        "bias": float(np.mean(error)),
        "r2": 1.0 - float(np.sum(error**2)) / spread if spread > 0 else float("nan"),
    }
