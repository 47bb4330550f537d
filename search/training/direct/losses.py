"""What is the loss of an epoch, and its gradient at the outputs, from what their activation was given (logits)?"""

from __future__ import annotations

import numpy as np

from search.training.direct.activations import sigmoid
from search.training.direct.arrays import Array, constant, empty
from spaces.data_spec import Task


class OutputGradient:
    """Of the mean loss of so many samples, at the logits of some of them."""

    def __init__(self, task: Task, outputs: int, samples: int, *, of: int) -> None:
        shape = (outputs, samples)
        self._task, self._ones, self.out = task, constant(shape, 1.0), empty(shape)
        self._sums, self._largest, self._units = empty(samples), empty(samples), constant(outputs, 1.0)
        self._share = constant(shape, (2.0 if task == "regression" else 1.0) / of)

    def of(self, logits: Array, targets: Array, weights: Array | None) -> Array:
        """Write it to ``out``.

        Args:
            logits: (outputs, samples).
            targets: of the same shape; of classes one column of zeros and a one each.
            weights: what each sample counts, (samples,).
        """
        out = self.out
        match self._task:
            case "binary":
                sigmoid(logits, self._ones, out)
                np.subtract(out, targets, out=out)
            case "multiclass":
                logits.max(axis=0, out=self._largest)
                np.subtract(logits, self._largest, out=out)
                np.exp(out, out=out)
                np.dot(self._units, out, self._sums)
                np.divide(out, self._sums, out=out)
                np.subtract(out, targets, out=out)
            case _:
                np.subtract(logits, targets, out=out)
        np.multiply(out, self._share, out=out)
        if weights is not None:
            np.multiply(out, weights, out=out)
        return out


def columns_of(task: Task, y: Array, outputs: int) -> Array:
    """Targets as the gradient takes them, float32 (samples, outputs)."""
    if task == "multiclass":
        return np.eye(outputs, dtype=np.float32)[np.ravel(y).astype(np.int64)]
    return np.asarray(y, np.float32).reshape(-1, outputs)


def mean_loss(task: Task, logits: Array, y: Array, weights: Array | None = None) -> float:
    """The mean over all samples of the task's own loss, each times its weight; ``logits``: (outputs, samples)."""
    match task:
        case "binary":
            row = y.reshape(logits.shape)
            each = np.maximum(logits, 0) - logits * row + np.log1p(np.exp(-np.abs(logits)))
            losses = each[0]
        case "multiclass":
            shifted = logits - logits.max(axis=0)
            chosen = np.take_along_axis(shifted, np.ravel(y).astype(np.int64)[None], axis=0)[0]
            losses = np.log(np.exp(shifted).sum(axis=0)) - chosen
        case _:
            losses = np.square(logits - y.reshape(len(y), -1).T).mean(axis=0)
    return float(np.mean(losses if weights is None else losses * weights))


def outputs_of(task: Task, logits: Array) -> Array:
    """What the model says: probabilities, or the number itself; (samples, outputs), from (outputs, samples)."""
    match task:
        case "binary":
            out = empty(logits.shape)
            sigmoid(logits, constant(logits.shape, 1.0), out)
        case "multiclass":
            out = np.exp(logits - logits.max(axis=0))
            out /= out.sum(axis=0)
        case _:
            out = logits.copy()
    return np.ascontiguousarray(out.T)
