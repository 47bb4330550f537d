"""Above which probability is a sample of the second class, if a metric is to be as high as it can?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.errors import SpaceError, nearest

Array = NDArray[Any]


def _quotient(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def _mcc(hits: Array, found: Array, true: float, total: float) -> Array:
    covariance = hits * total - found * true
    return _quotient(covariance, np.sqrt(found * (total - found)) * np.sqrt(true * (total - true)))


# Each from how many positives are found, how many samples are called positive, how many are, and how many there are.
# Precision and recall are not among them: they are highest where almost nothing, or everything, is called positive.
THRESHOLD_METRICS: dict[str, Callable[[Array, Array, float, float], Array]] = {
    "accuracy": lambda hits, found, true, total: (total - found - true + 2 * hits) / total,
    "balanced_accuracy": lambda hits, found, true, total: (
        (hits / max(true, 1.0) + (total - found - true + hits) / max(total - true, 1.0)) / ((true > 0) + (true < total))
    ),
    "f1": lambda hits, found, true, total: _quotient(2 * hits, found + true),
    "mcc": _mcc,
}


def check_threshold(metric: str, place: str) -> None:
    """Refuse a metric by which no threshold can be chosen.

    Raises:
        SpaceError: with those by which it can.
    """
    if metric not in THRESHOLD_METRICS:
        raise SpaceError(
            f"{place}: no threshold can be chosen by {metric!r}; name what it shall maximise. "
            f"{nearest(metric, THRESHOLD_METRICS)}"
        )


def best_threshold(metric: str, y: Array, p: Array) -> float:
    """The threshold at which ``metric`` is highest, a sample being positive where its probability is above it.

    Only the order of the probabilities counts, so all thresholds between two neighbouring ones do the same: 0.5 stands
    for the gap around it, its middle for any other. Of equally good gaps the one nearest to 0.5 is taken. 0.5 where
    outputs are not finite.

    Args:
        metric: one of ``THRESHOLD_METRICS``.
        y: 0 or 1, (n,) or (n, 1).
        p: probability of the second class, (n,) or (n, 1).

    >>> best_threshold("f1", np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    0.25
    """
    p, positive = np.ravel(p).astype(np.float64), np.ravel(y) > 0.5
    if not len(p) or not np.isfinite(p).all():
        return 0.5
    order = np.argsort(-p)
    values, summed = p[order], np.cumsum(positive[order])
    # Gap i lies below the i-th distinct value; the one before all of them calls nothing positive.
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    upper = np.concatenate([[max(1.0, values[0])], values[ends]])
    lower = np.append(values[ends], min(0.0, values[-1]))
    found = np.concatenate([[0], ends + 1]).astype(np.float64)
    hits = np.concatenate([[0], summed[ends]]).astype(np.float64)
    # A threshold t calls p > t positive, so a gap is [lower, upper); an empty one (probabilities of 0 or 1) is none.
    exists = lower < upper
    score = THRESHOLD_METRICS[metric](hits[exists], found[exists], float(positive.sum()), float(len(p)))
    middle = np.where((lower <= 0.5) & (upper > 0.5), 0.5, (lower + upper) / 2.0)[exists]
    best = np.flatnonzero(score >= score.max() - 1e-12)
    return float(middle[best[np.argmin(np.abs(middle[best] - 0.5))]])
