"""How do targets become numbers, and outputs predictions?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import PortableError
from .table import first, numbers, plain

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "multiclass", "regression"]
# Powers of the target's unit in a metric's unit; metrics that are not named here have no unit.
UNIT_POWERS = {
    "mae": 1,
    "mean_absolute_error": 1,
    "rmse": 1,
    "root_mean_squared_error": 1,
    "mse": 2,
    "mean_squared_error": 2,
}


@dataclass(frozen=True)
class Target:
    """What is predicted.

    ``classes`` in output order for classification, else ``mean`` and ``std`` in the target's unit. Of two classes
    the second is predicted where its probability is above ``threshold``.
    """

    name: str
    classes: tuple[Any, ...] | None = None
    mean: float = 0.0
    std: float = 1.0
    threshold: float = 0.5

    def encode(self, y: Any, task: Task) -> NDArray[Any]:
        """Encode raw targets as models are trained on them.

        Returns:
            float32 (rows, 1) for binary and regression (standardised), int32 (rows,) class indices else.

        Raises:
            PortableError: a class that training did not know, or a regression target that is not a finite
                number.
        """
        import pandas as pd

        values = pd.Series(np.ravel(y) if isinstance(y, np.ndarray) else y)
        if self.classes is None:
            found = numbers(values, self.name)
            if np.isnan(found).any():
                raise PortableError(
                    f"target '{self.name}' must be a number in every row, row {first(np.isnan(found))} is empty"
                )
            return ((found - self.mean) / self.std).astype(np.float32)[:, None]
        codes, distinct = pd.factorize(values)
        index = {label: position for position, label in enumerate(self.classes)}
        unknown = [label for label in distinct if label not in index]
        if (codes < 0).any() or unknown:
            row = first((codes < 0) if not unknown else np.asarray(values == unknown[0]))
            got = f"unknown class {plain(unknown[0])!r}" if unknown else "no class"
            known = ", ".join(repr(label) for label in self.classes[:12]) + (", ..." if len(self.classes) > 12 else "")
            raise PortableError(f"target '{self.name}' has {got} in row {row}; the classes are {known}")
        indices = np.array([index[label] for label in distinct], np.int32)[codes]
        return indices.astype(np.float32)[:, None] if task == "binary" else indices

    def decode(self, outputs: Any, task: Task) -> pd.DataFrame:
        """Turn model outputs, (rows, 1) or (rows, classes), into a table with one row each.

        Classification gives ``prediction`` (the class, in its own type) and ``probability_<class>`` for
        every class; regression gives ``prediction`` in the target's unit.
        """
        import pandas as pd

        raw = np.asarray(outputs, np.float64)
        if self.classes is None:
            return pd.DataFrame({"prediction": raw.reshape(-1) * self.std + self.mean})
        if task == "binary":
            second = raw.reshape(-1)
            # A tie goes to the first class, as in Keras' BinaryAccuracy (strictly above).
            probabilities = np.column_stack([1.0 - second, second])
            winners = (second > self.threshold).astype(np.int64)
        else:
            probabilities, winners = raw, raw.argmax(axis=1)
        table = {"prediction": pd.Index(list(self.classes)).take(winners)}
        scores = {f"probability_{label}": probabilities[:, i] for i, label in enumerate(self.classes)}
        return pd.DataFrame(table | scores)


def score_units(metric_name: str, value: float, target_std: float) -> float:
    """Convert a metric of a standardised regression target into the target's own unit.

    Errors (mae, rmse) scale with the target's standard deviation, squared errors (mse) with its square; r2,
    losses and everything else have no unit and come back unchanged.

    >>> score_units("val_mae", 0.5, target_std=10.0), score_units("mse", 0.5, target_std=10.0)
    (5.0, 50.0)
    """
    name = metric_name.lower()
    for prefix in ("val_", "test_", "train_"):
        name = name.removeprefix(prefix)
    return value * target_std ** UNIT_POWERS.get(name, 0)
