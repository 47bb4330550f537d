"""Which numbers of an evaluation are worth keeping beside its pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.pictures.measures import (
    calibration,
    class_scores,
    confusion_matrix,
    most_confused,
    precision_recall_curve,
    regression_scores,
    roc_curve,
)
from search.pictures.operating import class_curves

Array = NDArray[Any]
MOST_PAIRS = 30


def classification_summary(
    y: Array, predicted: Array, probabilities: Array, classes: Sequence[str], threshold: float | None, likely: bool
) -> dict[str, Any]:
    """Return the numbers of a classifier, for all rows and for each class.

    Args:
        y, predicted: class indices, (rows,).
        probabilities: (rows, classes).
        threshold: of two classes.
        likely: whether the outputs are probabilities, so that log loss and calibration mean something.
    """
    matrix = confusion_matrix(y, predicted, len(classes))
    scores = class_scores(matrix)
    roc = class_curves(roc_curve, y, probabilities)
    recalled = class_curves(precision_recall_curve, y, probabilities)
    there = matrix.sum(axis=1) > 0
    binary = threshold is not None
    metrics = {
        "accuracy": float(np.mean(y == predicted)),
        "balanced_accuracy": float(scores["recall"][there].mean()),
        "macro_f1": float(scores["f1"][there].mean()),
        "auc": _area(roc, binary),
        "average_precision": _area(recalled, binary),
    }
    if likely:
        of_true = np.clip(probabilities[np.arange(len(y)), y.astype(np.int64)], 1e-7, 1.0)
        event, chance = (y == 1, probabilities[:, 1]) if binary else (predicted == y, probabilities.max(axis=1))
        metrics |= {
            "log_loss": float(-np.log(of_true).mean()),
            "expected_calibration_error": calibration(event, chance).error,
        }
    return {
        "threshold": threshold,
        "metrics": metrics,
        "classes": list(classes),
        "confusion_matrix": matrix,
        "per_class": [
            {
                "class": name,
                "rows": matrix[index].sum(),
                **{score: values[index] for score, values in scores.items()},
                "auc": roc[index].area if index in roc else None,
                "average_precision": recalled[index].area if index in recalled else None,
            }
            for index, name in enumerate(classes)
        ],
        "most_confused": [
            {"true": classes[true], "predicted": classes[taken], "rows": rows}
            for true, taken, rows in most_confused(matrix, MOST_PAIRS)
        ],
    }


def _area(curves: dict[int, Any], binary: bool) -> float | None:
    """Of two classes the second's area, else the mean over the classes; None where no curve can be drawn."""
    if not curves:
        return None
    return float(curves[1].area) if binary else float(np.mean([curve.area for curve in curves.values()]))


def regression_summary(true: Array, predicted: Array) -> dict[str, Any]:
    """Return the numbers of a regression, in the target's units; (rows,) each."""
    error = predicted - true
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    return {
        "metrics": regression_scores(true, predicted),
        "error_quantiles": dict(zip(map(str, quantiles), np.quantile(error, quantiles), strict=True)),
        "true_range": [true.min(), true.max()],
        "predicted_range": [predicted.min(), predicted.max()],
    }
