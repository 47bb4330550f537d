"""How is the same data prepared for another choice of training rows?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Dataset, RawPart
from search.data.plans import plan_of
from search.portable import Preprocessor, Target


def refit(dataset: Dataset, train_rows: NDArray[np.int64]) -> Preprocessor:
    """Fit the preprocessing on other training rows, with the shapes of ``dataset.spec``.

    What numbers are filled in, centred and scaled with, and which tokens there are, is learnt from these rows alone;
    so is the scale of a regression target. The categories of columns, the size of the vocabulary and the longest
    sequence stay as they are, so that one model takes the arrays of every fold.

    Args:
        train_rows: positions in ``dataset.raw``.
    """
    preprocessor = dataset.preprocessor
    inputs = plan_of(preprocessor.inputs).fit(dataset.raw, train_rows)
    return replace(preprocessor, inputs=inputs, target=_target(dataset, train_rows))


def _target(dataset: Dataset, train_rows: NDArray[np.int64]) -> Target:
    target = dataset.preprocessor.target
    if target.classes is not None:
        return target
    numbers = dataset.raw_target.iloc[train_rows].to_numpy(dtype=np.float64)
    return replace(target, mean=float(numbers.mean()), std=float(numbers.std()) or 1.0)


def prepared(dataset: Dataset, preprocessor: Preprocessor, rows: NDArray[np.int64]) -> RawPart:
    """The rows at these positions in ``dataset.raw``, and their targets, as a model takes them."""
    return RawPart(preprocessor, dataset.raw, rows, preprocessor.encode_target(dataset.raw_target.iloc[rows]))
