"""What do class weights, a decision threshold and losses of an experiment mean for its data?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from search.errors import ExperimentError
from spaces import Space
from spaces.catalog import LOSS_SETTINGS
from spaces.data_spec import Task
from spaces.errors import nearest
from spaces.thresholds import check_threshold

ClassWeight = Literal["balanced"] | tuple[float, ...] | None


def class_weight_of(
    given: Literal["balanced"] | Mapping[Any, float] | None, classes: Sequence[Any] | None
) -> ClassWeight:
    """The weight of each class by its index: those of the mapping, and 1 for classes that it leaves out.

    Args:
        given: ``training.class_weight``; keys are labels as the data has them (``1``, ``"1"`` and ``1.0`` are one).
        classes: the labels, in the order of their indices; None for a regression.

    Raises:
        ExperimentError: for a regression, and for a label that the data does not have.
    """
    if given is None:
        return None
    if classes is None:
        raise ExperimentError("training.class_weight: a regression has no classes; remove it")
    if isinstance(given, str):
        return "balanced"
    index = {_plain(label): position for position, label in enumerate(classes)}
    weights = [1.0] * len(classes)
    for label, weight in given.items():
        if _plain(label) not in index:
            raise ExperimentError(
                f"training.class_weight: the target has no class {label!r}; {nearest(label, map(str, classes))}"
            )
        weights[index[_plain(label)]] = float(weight)
    return tuple(weights)


def check_class_weight(given: object) -> None:
    """Refuse weights that are no weights, before the data is read.

    Raises:
        ExperimentError: naming the class.
    """
    for label, weight in given.items() if isinstance(given, Mapping) else ():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not math.isfinite(weight) or weight < 0:
            raise ExperimentError(
                f"training.class_weight.{label}: must be a number from 0, got {weight!r} (1 is the usual weight)"
            )
    if isinstance(given, Mapping) and not any(given.values()):
        raise ExperimentError("training.class_weight: no class counts; give one a weight above 0, e.g. {0: 1, 1: 5}")


def check_decision(metric: str | None, task: Task) -> None:
    """Refuse a decision threshold where there are not two classes.

    Raises:
        ExperimentError, SpaceError: naming ``training.threshold``.
    """
    if metric is None:
        return
    check_threshold(metric, "training.threshold")
    if task != "binary":
        raise ExperimentError(f"training.threshold: is for two classes, and this is a {task} task; remove it")


def check_comparable(objective: str, space: Space) -> None:
    """Refuse a loss as objective where trials do not all mean the same by it.

    ``val_loss`` is never weighted by class, so weights may be searched with it; ``loss`` is.

    Raises:
        ExperimentError: naming the dimension and metrics that would do.
    """
    if objective not in ("loss", "val_loss"):
        return
    changing = {"loss", *LOSS_SETTINGS} | ({"positive_weight", "class_weight"} if objective == "loss" else set())
    varied = [dimension.name for dimension in space.searched if dimension.name in changing]
    if varied:
        raise ExperimentError(
            f"objective: {objective} means something else in each trial, because space.{varied[0]} changes it; "
            "choose a metric such as val_auc, val_log_loss, val_mae or val_rmse"
        )


def _plain(label: Any) -> str:
    """One spelling for a label, whatever type its file gave it."""
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label).strip().lower() if isinstance(label, bool) else str(label).strip()
