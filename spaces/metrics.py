"""Which metrics can a model report, for which task, and which way is better?

Validation metrics are functions of the whole part, computed once an epoch (``spaces.evaluation``). While it trains, a
model tracks only what Keras tracks at almost no cost: the loss, and the ``streaming`` ones below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from spaces.data_spec import Task
from spaces.errors import SpaceError, nearest

Direction = Literal["maximize", "minimize"]

_CLASSES: tuple[Task, ...] = ("binary", "multiclass")
_BINARY: tuple[Task, ...] = ("binary",)
_MULTI: tuple[Task, ...] = ("multiclass",)
_REGRESSION: tuple[Task, ...] = ("regression",)


@dataclass(frozen=True)
class Metric:
    """A metric by its short name.

    Attributes:
        help: what it is, for lists.
        streaming: the class in keras.metrics that tracks it during training; empty for those that are computed on
            the validation part only.
    """

    direction: Direction
    tasks: tuple[Task, ...]
    help: str
    streaming: str = ""


@dataclass(frozen=True)
class KerasMetric:
    """A metric that a class in keras.metrics computes, updated once with the whole part.

    Attributes:
        class_name: the class.
        settings: its arguments, by task where they differ.
        one_hot: whether a multiclass target goes in as one column per class.
    """

    class_name: str
    direction: Direction
    tasks: tuple[Task, ...]
    settings: tuple[tuple[str, Any], ...] = ()
    one_hot: bool = False


METRICS: dict[str, Metric] = {
    "accuracy": Metric("maximize", _CLASSES, "share of samples whose class is predicted", "BinaryAccuracy"),
    "balanced_accuracy": Metric("maximize", _CLASSES, "mean recall of the classes that occur"),
    "precision": Metric("maximize", _CLASSES, "share of true ones among those predicted; multiclass: macro mean"),
    "recall": Metric("maximize", _CLASSES, "share of the true ones that is found; multiclass: macro mean"),
    "specificity": Metric("maximize", _BINARY, "share of the first class that is left alone"),
    "f1": Metric("maximize", _CLASSES, "harmonic mean of precision and recall; multiclass: macro mean"),
    "mcc": Metric("maximize", _CLASSES, "Matthews correlation of predicted and true classes, -1 to 1"),
    "auc": Metric(
        "maximize", _CLASSES, "area under the ROC curve, exact; multiclass: mean of one class against the rest"
    ),
    "pr_auc": Metric("maximize", _CLASSES, "average precision; multiclass: mean of one class against the rest"),
    "log_loss": Metric("minimize", _CLASSES, "mean negative log of the true class's probability"),
    "brier": Metric("minimize", _BINARY, "mean squared error of the probability"),
    "top_5_accuracy": Metric("maximize", _MULTI, "share of samples whose class is among the five most probable"),
    "mae": Metric("minimize", _REGRESSION, "mean absolute error", "MeanAbsoluteError"),
    "mse": Metric("minimize", _REGRESSION, "mean squared error", "MeanSquaredError"),
    "rmse": Metric("minimize", _REGRESSION, "root of the mean squared error", "RootMeanSquaredError"),
    "r2": Metric("maximize", _REGRESSION, "share of the variance that is explained", "R2Score"),
    "mape": Metric("minimize", _REGRESSION, "mean absolute error in per cent of the true value"),
    "median_absolute_error": Metric("minimize", _REGRESSION, "median of the absolute errors"),
    "max_error": Metric("minimize", _REGRESSION, "the largest absolute error"),
}

_MACRO = ("average", "macro")

KERAS_METRICS: dict[str, KerasMetric] = {
    "binary_accuracy": KerasMetric("BinaryAccuracy", "maximize", _BINARY),
    "binary_crossentropy": KerasMetric("BinaryCrossentropy", "minimize", _BINARY),
    "categorical_accuracy": KerasMetric("CategoricalAccuracy", "maximize", _MULTI, one_hot=True),
    "categorical_crossentropy": KerasMetric("CategoricalCrossentropy", "minimize", _MULTI, one_hot=True),
    "categorical_hinge": KerasMetric("CategoricalHinge", "minimize", _MULTI, one_hot=True),
    # Keras correlates along the last axis, of which a regression has one entry: here along the samples.
    "concordance_correlation": KerasMetric("ConcordanceCorrelation", "maximize", _REGRESSION, (("axis", 0),)),
    "cosine_similarity": KerasMetric("CosineSimilarity", "maximize", _REGRESSION, (("axis", 0),)),
    "f1_score": KerasMetric("F1Score", "maximize", _CLASSES, (_MACRO,), one_hot=True),
    "f_beta_score": KerasMetric("FBetaScore", "maximize", _CLASSES, (_MACRO, ("beta", 2.0)), one_hot=True),
    "false_negatives": KerasMetric("FalseNegatives", "minimize", _BINARY),
    "false_positives": KerasMetric("FalsePositives", "minimize", _BINARY),
    "hinge": KerasMetric("Hinge", "minimize", _BINARY),
    "kl_divergence": KerasMetric("KLDivergence", "minimize", _MULTI, one_hot=True),
    "log_cosh_error": KerasMetric("LogCoshError", "minimize", _REGRESSION),
    "mean_absolute_error": KerasMetric("MeanAbsoluteError", "minimize", _REGRESSION),
    "mean_absolute_percentage_error": KerasMetric("MeanAbsolutePercentageError", "minimize", _REGRESSION),
    "mean_squared_error": KerasMetric("MeanSquaredError", "minimize", _REGRESSION),
    "mean_squared_logarithmic_error": KerasMetric("MeanSquaredLogarithmicError", "minimize", _REGRESSION),
    "pearson_correlation": KerasMetric("PearsonCorrelation", "maximize", _REGRESSION, (("axis", 0),)),
    "poisson": KerasMetric("Poisson", "minimize", _REGRESSION),
    "precision_at_recall": KerasMetric("PrecisionAtRecall", "maximize", _BINARY, (("recall", 0.9),)),
    "r2_score": KerasMetric("R2Score", "maximize", _REGRESSION),
    "recall_at_precision": KerasMetric("RecallAtPrecision", "maximize", _BINARY, (("precision", 0.9),)),
    "root_mean_squared_error": KerasMetric("RootMeanSquaredError", "minimize", _REGRESSION),
    "sensitivity_at_specificity": KerasMetric("SensitivityAtSpecificity", "maximize", _BINARY, (("specificity", 0.9),)),
    "sparse_categorical_accuracy": KerasMetric("SparseCategoricalAccuracy", "maximize", _MULTI),
    "sparse_categorical_crossentropy": KerasMetric("SparseCategoricalCrossentropy", "minimize", _MULTI),
    "sparse_top_k_categorical_accuracy": KerasMetric("SparseTopKCategoricalAccuracy", "maximize", _MULTI),
    "specificity_at_sensitivity": KerasMetric("SpecificityAtSensitivity", "maximize", _BINARY, (("sensitivity", 0.9),)),
    "squared_hinge": KerasMetric("SquaredHinge", "minimize", _BINARY),
    "top_k_categorical_accuracy": KerasMetric("TopKCategoricalAccuracy", "maximize", _MULTI, one_hot=True),
    "true_negatives": KerasMetric("TrueNegatives", "maximize", _BINARY),
    "true_positives": KerasMetric("TruePositives", "maximize", _BINARY),
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


def known_metrics(task: Task | None = None) -> tuple[str, ...]:
    """Every metric that can be named, of one task or of all; our own first."""
    both: dict[str, Metric | KerasMetric] = {**METRICS, **KERAS_METRICS}
    return tuple(name for name, metric in both.items() if task is None or task in metric.tasks)


def base_name(reported: str) -> str:
    """The metric behind a reported name: ``val_accuracy`` is ``accuracy`` on the validation part."""
    return reported.removeprefix("val_")


def direction_of(reported: str) -> Direction | None:
    """Which way is better, or None for a metric that is not known here."""
    name = base_name(reported)
    if name == "loss":
        return "minimize"
    metric = METRICS.get(name) or KERAS_METRICS.get(name)
    return metric.direction if metric is not None else None


def metrics_for(task: Task, asked: tuple[str, ...] | None, objective: str) -> tuple[str, ...]:
    """The metrics to compute: those asked for (or the task's default ones), and the objective's.

    Raises:
        SpaceError: for an unknown metric or one that the task does not have.
    """
    names = list(DEFAULT_METRICS[task] if asked is None else asked)
    objective_metric = base_name(objective)
    for index, name in enumerate(names):
        check_metric(name, task, f"training.metrics[{index}]")
    if objective_metric != "loss" and objective_metric in known_metrics() and objective_metric not in names:
        check_metric(objective_metric, task, "objective")
        names.append(objective_metric)
    return tuple(dict.fromkeys(names))


def produced(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The names that each epoch reports: the training part's, as far as they are tracked, and the validation part's."""
    return ("loss", *tracked(metrics), "val_loss", *(f"val_{name}" for name in metrics))


def tracked(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``metrics`` that are reported for the training part as well."""
    return tuple(name for name in metrics if name in METRICS and METRICS[name].streaming)


def streaming(metrics: tuple[str, ...], task: Task) -> list[Any]:
    """Fresh ``keras.metrics`` objects that track, during training, those of ``metrics`` that cost almost nothing."""
    import keras

    found = []
    for name in tracked(metrics):
        sparse = name == "accuracy" and task == "multiclass"
        class_name = "SparseCategoricalAccuracy" if sparse else METRICS[name].streaming
        found.append(getattr(keras.metrics, class_name)(name=name))
    return found


def check_objective(objective: str, metrics: tuple[str, ...]) -> None:
    """Refuse an objective that no epoch would report, before a trial is spent on it.

    Raises:
        SpaceError: listing the names that are reported.
    """
    names = produced(metrics)
    if objective not in names:
        raise SpaceError(f"objective: the trials do not report {objective!r}; {nearest(objective, names)}")


def check_metric(name: str, task: Task | None, place: str) -> None:
    """Refuse a metric that nobody knows, or that ``task`` does not have.

    Raises:
        SpaceError: with the nearest and the allowed names.
    """
    fitting = known_metrics(task)
    if name not in known_metrics():
        raise SpaceError(f"{place}: there is no metric {name!r}; {_offer(name, fitting)}")
    if name not in fitting:
        raise SpaceError(f"{place}: {name} is not defined for a {task} task; {_offer(name, fitting)}")


def _offer(name: str, fitting: tuple[str, ...]) -> str:
    """The nearest of all names, and a list of our own: Keras's would fill a screen."""
    guess = nearest(name, fitting).partition("Allowed: ")[0]
    own = ", ".join(known for known in fitting if known in METRICS)
    return f"{guess}Allowed: {own}, and any Keras metric by its name, such as {fitting[-1]}"
