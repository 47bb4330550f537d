"""Which metrics can a model report, for which task, and which way is better?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spaces.data_spec import Task
from spaces.errors import SpaceError, nearest

Direction = Literal["maximize", "minimize"]

_CLASSES: tuple[Task, ...] = ("binary", "multiclass")


@dataclass(frozen=True)
class Metric:
    """A metric by its short name; ``keras_name`` is the class in keras.metrics (by task where it differs)."""

    direction: Direction
    tasks: tuple[Task, ...]
    keras_name: str
    settings: tuple[tuple[str, str | int], ...] = ()


METRICS: dict[str, Metric] = {
    "accuracy": Metric("maximize", _CLASSES, "BinaryAccuracy"),
    "auc": Metric("maximize", ("binary",), "AUC"),
    "pr_auc": Metric("maximize", ("binary",), "AUC", (("curve", "PR"),)),
    "precision": Metric("maximize", ("binary",), "Precision"),
    "recall": Metric("maximize", ("binary",), "Recall"),
    "top_5_accuracy": Metric("maximize", ("multiclass",), "SparseTopKCategoricalAccuracy", (("k", 5),)),
    "mae": Metric("minimize", ("regression",), "MeanAbsoluteError"),
    "mse": Metric("minimize", ("regression",), "MeanSquaredError"),
    "rmse": Metric("minimize", ("regression",), "RootMeanSquaredError"),
    "r2": Metric("maximize", ("regression",), "R2Score"),
}

DEFAULT_METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("accuracy",),
    "multiclass": ("accuracy",),
    "regression": ("mae", "rmse"),
}

DEFAULT_OBJECTIVE: dict[Task, str] = {
    "binary": "val_accuracy",
    "multiclass": "val_accuracy",
    "regression": "val_rmse",
}


def base_name(reported: str) -> str:
    """The metric behind a reported name: ``val_accuracy`` is ``accuracy`` on the validation part."""
    return reported.removeprefix("val_")


def direction_of(reported: str) -> Direction | None:
    """Which way is better, or None for a metric that is not known here."""
    name = base_name(reported)
    if name == "loss":
        return "minimize"
    return METRICS[name].direction if name in METRICS else None


def metrics_for(task: Task, asked: tuple[str, ...] | None, objective: str) -> tuple[str, ...]:
    """The metrics to compute: those asked for (or the task's default ones), and the objective's.

    Raises:
        SpaceError: for an unknown metric or one that the task does not have.
    """
    names = list(DEFAULT_METRICS[task] if asked is None else asked)
    objective_metric = base_name(objective)
    for index, name in enumerate(names):
        _check(name, task, f"training.metrics[{index}]")
    if objective_metric != "loss" and objective_metric in METRICS and objective_metric not in names:
        _check(objective_metric, task, "objective")
        names.append(objective_metric)
    return tuple(dict.fromkeys(names))


def produced(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The names that each epoch reports."""
    return tuple(f"{part}{name}" for part in ("", "val_") for name in ("loss", *metrics))


def check_objective(objective: str, metrics: tuple[str, ...]) -> None:
    """Refuse an objective that no epoch would report, before a trial is spent on it.

    Raises:
        SpaceError: listing the names that are reported.
    """
    names = produced(metrics)
    if objective not in names:
        raise SpaceError(f"objective: the trials do not report {objective!r}; {nearest(objective, names)}")


def _check(name: str, task: Task, place: str) -> None:
    fitting = [known for known, metric in METRICS.items() if task in metric.tasks]
    if name not in METRICS:
        raise SpaceError(f"{place}: there is no metric {name!r}; {nearest(name, fitting)}")
    if name not in fitting:
        raise SpaceError(f"{place}: {name} is not defined for a {task} task; {nearest(name, fitting)}")
