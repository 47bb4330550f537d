"""Which metrics does a trial report, and which objective may a study have?"""

from __future__ import annotations

import inspect

import pytest

from spaces import TASKS, SpaceError, Task
from spaces.metrics import (
    DEFAULT_METRICS,
    DEFAULT_OBJECTIVE,
    KERAS_METRICS,
    METRICS,
    base_name,
    check_objective,
    direction_of,
    known_metrics,
    metrics_for,
    produced,
)

# Classes in keras.metrics that are no choices: containers, those that need arguments which a name cannot carry, those
# for segmented pictures, exact equality of numbers, and those that we compute exactly under the same name.
LEFT_OUT = {
    *("Metric", "Mean", "MeanMetricWrapper", "Sum"),
    *("BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
    *("Accuracy", "AUC", "Precision", "Recall"),
}


@pytest.mark.parametrize(
    ("reported", "direction"),
    [
        ("loss", "minimize"),
        ("val_loss", "minimize"),
        ("accuracy", "maximize"),
        ("val_accuracy", "maximize"),
        ("val_rmse", "minimize"),
        ("r2", "maximize"),
        ("val_f1", "maximize"),
        ("val_log_loss", "minimize"),
        ("val_kl_divergence", "minimize"),
        ("val_f2", None),
        ("", None),
    ],
)
def test_the_direction_of_known_metrics_is_known(reported: str, direction: str | None) -> None:
    assert direction_of(reported) == direction


def test_a_reported_name_tells_the_part_and_the_metric() -> None:
    assert base_name("val_pr_auc") == "pr_auc"
    assert base_name("pr_auc") == "pr_auc"


def test_what_costs_nothing_is_tracked_in_training_and_the_rest_computed_on_the_validation_part() -> None:
    assert produced(("mae",)) == ("loss", "mae", "val_loss", "val_mae")
    assert produced(("accuracy", "f1", "hinge")) == (
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "val_f1",
        "val_hinge",
    )


@pytest.mark.parametrize(
    ("task", "asked", "objective", "metrics"),
    [
        ("binary", None, "val_accuracy", ("accuracy",)),
        ("binary", None, "val_auc", ("accuracy", "auc")),
        ("binary", ("recall", "recall"), "val_loss", ("recall",)),
        ("binary", (), "val_loss", ()),
        ("binary", (), "val_accuracy", ("accuracy",)),
        ("regression", None, "val_rmse", ("mae", "rmse")),
        ("regression", ("log_cosh_error",), "val_pearson_correlation", ("log_cosh_error", "pearson_correlation")),
        ("multiclass", ("top_5_accuracy",), "accuracy", ("top_5_accuracy", "accuracy")),
        ("multiclass", None, "val_f1", ("accuracy", "f1")),
        ("binary", ("auc",), "val_unheard_of", ("auc",)),
    ],
)
def test_a_task_computes_what_is_asked_for_and_the_objective(
    task: Task, asked: tuple[str, ...] | None, objective: str, metrics: tuple[str, ...]
) -> None:
    assert metrics_for(task, asked, objective) == metrics


@pytest.mark.parametrize(
    ("task", "asked", "objective", "expected"),
    [
        (
            "binary",
            ("acuracy",),
            "val_loss",
            "training.metrics[0]: there is no metric 'acuracy'; did you mean 'accuracy'",
        ),
        (
            "regression",
            ("pearson_corelation",),
            "val_loss",
            "training.metrics[0]: there is no metric 'pearson_corelation'; did you mean 'pearson_correlation'? ",
        ),
        ("binary", ("auc", "mae"), "val_loss", "training.metrics[1]: mae is not defined for a binary task; "),
        ("regression", None, "val_accuracy", "objective: accuracy is not defined for a regression task; "),
    ],
)
def test_a_metric_that_the_task_lacks_is_refused(
    task: Task, asked: tuple[str, ...] | None, objective: str, expected: str
) -> None:
    with pytest.raises(SpaceError) as caught:
        metrics_for(task, asked, objective)
    assert str(caught.value).startswith(expected)
    # What is offered instead would do.
    offered = str(caught.value).partition("Allowed: ")[2].partition(", and any Keras metric")[0]
    for name in offered.split(", "):
        assert task in METRICS[name].tasks


def test_an_objective_that_no_epoch_reports_is_refused_with_those_that_are() -> None:
    check_objective("val_mae", ("mae",))
    with pytest.raises(SpaceError) as caught:
        check_objective("auc", ("accuracy", "auc"))
    assert str(caught.value) == (
        "objective: the trials do not report 'auc'; did you mean 'val_auc'? "
        "Allowed: loss, accuracy, val_loss, val_accuracy, val_auc"
    )


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_metrics_and_an_objective_among_them(task: Task) -> None:
    check_objective(DEFAULT_OBJECTIVE[task], metrics_for(task, None, DEFAULT_OBJECTIVE[task]))
    assert all(task in METRICS[name].tasks for name in DEFAULT_METRICS[task])
    assert set(known_metrics(task)) < set(known_metrics())


def test_every_metric_of_the_installed_keras_is_known_by_its_snake_case_name() -> None:
    import keras
    from keras.src.utils.naming import to_snake_case

    classes = {name for name, found in inspect.getmembers(keras.metrics, inspect.isclass)}
    assert {metric.class_name for metric in KERAS_METRICS.values()} == classes - LEFT_OUT
    for name, metric in KERAS_METRICS.items():
        assert name == to_snake_case(metric.class_name)
    assert set(METRICS) & set(KERAS_METRICS) == set()
