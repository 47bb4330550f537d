"""Which metrics does a trial report, and which objective may a study have?"""

from __future__ import annotations

import pytest

from spaces import TASKS, SpaceError, Task
from spaces.metrics import (
    DEFAULT_METRICS,
    DEFAULT_OBJECTIVE,
    METRICS,
    base_name,
    check_objective,
    direction_of,
    metrics_for,
    produced,
)


@pytest.mark.parametrize(
    ("reported", "direction"),
    [
        ("loss", "minimize"),
        ("val_loss", "minimize"),
        ("accuracy", "maximize"),
        ("val_accuracy", "maximize"),
        ("val_rmse", "minimize"),
        ("r2", "maximize"),
        ("val_f1", None),
        ("", None),
    ],
)
def test_the_direction_of_known_metrics_is_known(reported: str, direction: str | None) -> None:
    assert direction_of(reported) == direction


def test_a_reported_name_tells_the_part_and_the_metric() -> None:
    assert base_name("val_pr_auc") == "pr_auc"
    assert base_name("pr_auc") == "pr_auc"
    assert produced(("mae",)) == ("loss", "mae", "val_loss", "val_mae")


@pytest.mark.parametrize(
    ("task", "asked", "objective", "metrics"),
    [
        ("binary", None, "val_accuracy", ("accuracy",)),
        ("binary", None, "val_auc", ("accuracy", "auc")),
        ("binary", ("recall", "recall"), "val_loss", ("recall",)),
        ("binary", (), "val_loss", ()),
        ("binary", (), "val_accuracy", ("accuracy",)),
        ("regression", None, "val_rmse", ("mae", "rmse")),
        ("multiclass", ("top_5_accuracy",), "accuracy", ("top_5_accuracy", "accuracy")),
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
    for name in str(caught.value).partition("Allowed: ")[2].split(", "):
        assert task in METRICS[name].tasks


def test_an_objective_that_no_epoch_reports_is_refused_with_those_that_are() -> None:
    check_objective("val_mae", ("mae",))
    with pytest.raises(SpaceError) as caught:
        check_objective("val_f1", ("accuracy",))
    assert str(caught.value) == (
        "objective: the trials do not report 'val_f1'; Allowed: loss, accuracy, val_loss, val_accuracy"
    )


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_metrics_and_an_objective_among_them(task: Task) -> None:
    check_objective(DEFAULT_OBJECTIVE[task], metrics_for(task, None, DEFAULT_OBJECTIVE[task]))
    assert all(task in METRICS[name].tasks for name in DEFAULT_METRICS[task])
