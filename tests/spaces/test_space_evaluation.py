"""Are the metrics of a whole part those of scikit-learn and Keras, also where these warn or raise?"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

from search.training.threads import limit_threads
from spaces import Task
from spaces.errors import SpaceError
from spaces.evaluation import auc as area
from spaces.evaluation import average_precision, evaluate, matthews
from spaces.metrics import KERAS_METRICS, METRICS, known_metrics
from spaces.thresholds import THRESHOLD_METRICS, best_threshold, check_threshold


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def sample(task: Task, samples: int = 500, classes: int = 7) -> tuple[Any, Any]:
    """Targets and outputs that have something to do with each other, with many ties among the scores."""
    rng = np.random.default_rng(5)
    if task == "binary":
        y = (rng.random((samples, 1)) < 0.3).astype(np.float32)
        return y, np.clip(np.round(0.3 * y + 0.6 * rng.random((samples, 1)), 2), 0.01, 0.99).astype(np.float32)
    if task == "multiclass":
        y = rng.integers(0, classes, samples).astype(np.int32)
        scores = np.exp(rng.normal(size=(samples, classes)) + 1.5 * np.eye(classes)[y])
        return y, (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    y = rng.normal(size=(samples, 1)) + 5.0
    return y, y + 0.5 * rng.normal(size=(samples, 1))


def sklearn_metrics(task: Task, y: Any, p: Any) -> dict[str, float]:
    from sklearn import metrics as m

    if task == "regression":
        return {
            "mae": m.mean_absolute_error(y, p),
            "mse": m.mean_squared_error(y, p),
            "rmse": m.root_mean_squared_error(y, p),
            "r2": m.r2_score(y, p),
            "mape": 100 * m.mean_absolute_percentage_error(y, p),
            "median_absolute_error": m.median_absolute_error(y, p),
            "max_error": m.max_error(y, p),
        }
    binary = task == "binary"
    y, chosen = np.ravel(y), np.ravel(p) > 0.5 if binary else p.argmax(axis=1)
    average = {"average": "binary" if binary else "macro", "zero_division": 0}
    found = {
        "accuracy": m.accuracy_score(y, chosen),
        "balanced_accuracy": m.balanced_accuracy_score(y, chosen),
        "precision": m.precision_score(y, chosen, **average),
        "recall": m.recall_score(y, chosen, **average),
        "f1": m.f1_score(y, chosen, **average),
        "mcc": m.matthews_corrcoef(y, chosen),
    }
    if binary:
        p = np.ravel(p).astype(np.float64)
        return found | {
            "specificity": m.recall_score(y, chosen, pos_label=0),
            "auc": m.roc_auc_score(y, p),
            "pr_auc": m.average_precision_score(y, p),
            "log_loss": m.log_loss(y, p),
            "brier": m.brier_score_loss(y, p),
        }
    p = p.astype(np.float64)
    return found | {
        "auc": m.roc_auc_score(y, p / p.sum(axis=1, keepdims=True), multi_class="ovr", average="macro"),
        "pr_auc": m.average_precision_score(np.eye(p.shape[1])[y], p, average="macro"),
        "log_loss": m.log_loss(y, p / p.sum(axis=1, keepdims=True)),
        "top_5_accuracy": m.top_k_accuracy_score(y, p, k=5),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_metrics_are_those_of_scikit_learn(task: Task) -> None:
    y, p = sample(task)
    names = [name for name, metric in METRICS.items() if task in metric.tasks]
    expected = sklearn_metrics(task, y, p)
    assert set(names) == set(expected)
    assert evaluate(names, task, y, p) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_keras_metrics_are_one_finite_number_each_and_agree_with_ours(task: Task) -> None:
    y, p = sample(task)
    values = evaluate(known_metrics(task), task, y, p)
    assert all(math.isfinite(value) for value in values.values())
    same = {
        "binary": {"binary_accuracy": "accuracy", "f1_score": "f1", "binary_crossentropy": "log_loss"},
        "multiclass": {
            "categorical_accuracy": "accuracy",
            "sparse_categorical_accuracy": "accuracy",
            "categorical_crossentropy": "log_loss",
            "f1_score": "f1",
            "top_k_categorical_accuracy": "top_5_accuracy",
        },
        "regression": {
            "mean_absolute_error": "mae",
            "root_mean_squared_error": "rmse",
            "r2_score": "r2",
            "mean_absolute_percentage_error": "mape",
        },
    }[task]
    assert {keras: values[keras] for keras in same} == pytest.approx(
        {keras: values[ours] for keras, ours in same.items()}, abs=1e-4
    )
    if task == "regression":
        assert values["pearson_correlation"] == pytest.approx(np.corrcoef(y.ravel(), p.ravel())[0, 1], abs=1e-5)
    if task == "binary":
        assert values["true_positives"] == ((p > 0.5) & (y > 0.5)).sum()


def test_a_threshold_moves_what_depends_on_it_and_nothing_else() -> None:
    y, p = sample("binary")
    names = known_metrics("binary")
    at_half, lower = evaluate(names, "binary", y, p), evaluate(names, "binary", y, p, threshold=0.2)
    moved = {name for name in names if at_half[name] != lower[name]}
    assert moved == {
        *("accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc"),
        *("binary_accuracy", "f1_score", "f_beta_score"),
        *("true_positives", "true_negatives", "false_positives", "false_negatives"),
    }
    assert lower["recall"] == ((p > 0.2) & (y > 0.5)).sum() / (y > 0.5).sum()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outputs_that_are_not_finite_make_every_metric_nan(task: Task) -> None:
    y, p = sample(task)
    p = p.copy()
    p[3] = np.nan
    assert all(math.isnan(value) for value in evaluate(known_metrics(task), task, y, p).values())


@pytest.mark.parametrize(
    ("y", "p", "expected"),
    [
        # No positives, none predicted: nothing to find, nothing wrong.
        ([0, 0], [0.1, 0.2], {"accuracy": 1.0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "auc": 0.5, "pr_auc": 0.0}),
        # Positives only, all found.
        (
            [1, 1],
            [0.8, 0.9],
            {"accuracy": 1.0, "balanced_accuracy": 1.0, "specificity": 0.0, "auc": 0.5, "pr_auc": 1.0},
        ),
        # The same prediction for all: auc of a coin, precision the share of positives, no correlation.
        ([0, 1, 0, 0], [0.7] * 4, {"auc": 0.5, "pr_auc": 0.25, "mcc": 0.0, "balanced_accuracy": 0.5, "recall": 1.0}),
        # A certain mistake costs -log(1e-7) = 16.118, not infinity.
        ([1], [0.0], {"log_loss": 16.11809565095832, "brier": 1.0}),
        # 0.5 itself is not above 0.5.
        ([1], [0.5], {"accuracy": 0.0}),
    ],
)
def test_a_part_with_little_in_it_has_defined_metrics(y: Any, p: Any, expected: dict[str, float]) -> None:
    got = evaluate(list(expected), "binary", np.array(y, np.float32)[:, None], np.array(p, np.float32)[:, None])
    assert got == pytest.approx(expected, abs=1e-6)


def test_a_class_that_is_neither_there_nor_predicted_is_left_out_of_means() -> None:
    y, p = np.array([0, 0, 1]), np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1]], np.float32)
    names = ("balanced_accuracy", "precision", "recall", "f1", "auc", "pr_auc")
    # Class 0: found 1 of 2, rightly; class 1: found 1 of 1, 1 of 2 rightly. f1: 2/3 each.
    expected = {"balanced_accuracy": 0.75, "precision": 0.75, "recall": 0.75, "f1": 2 / 3}
    # Class 0 is ordered perfectly; of class 1, 0.8 lies above 0.7 and 0.1.
    assert evaluate(names, "multiclass", y, p) == pytest.approx(expected | {"auc": 1.0, "pr_auc": 1.0})


def test_constant_targets_have_a_defined_r2() -> None:
    y = np.full((3, 1), 2.0)
    assert evaluate(("r2",), "regression", y, y)["r2"] == 1.0
    assert evaluate(("r2",), "regression", y, y + 1)["r2"] == 0.0


def test_large_parts_take_milliseconds() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 10, 60_000).astype(np.int32), rng.random((60_000, 10)).astype(np.float32)

    def fastest(names: tuple[str, ...], task: Task, y: Any, p: Any) -> float:
        took = []
        for _ in range(5):
            began = time.process_time()
            evaluate(names, task, y, p)
            took.append(time.process_time() - began)
        return min(took)

    assert fastest(("accuracy", "balanced_accuracy", "f1", "log_loss"), "multiclass", y, p) < 0.05
    assert fastest(("auc", "pr_auc"), "multiclass", y, p) < 0.5
    assert fastest(("accuracy", "f1", "auc", "pr_auc", "log_loss"), "binary", y[:, None] > 4, p[:, :1]) < 0.1


# -- thresholds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", THRESHOLD_METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_chosen_one(metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = (rng.random((60, 1)) < (0.1, 0.5, 0.8)[seed % 3]).astype(np.float32)
    p = np.clip(np.round(0.25 * y + 0.7 * rng.random((60, 1)), 2), 0, 1).astype(np.float32)
    chosen = evaluate((metric,), "binary", y, p, best_threshold(metric, y, p))[metric]
    every = [evaluate((metric,), "binary", y, p, t)[metric] for t in np.linspace(0, 1, 401)]
    assert chosen >= max(every) - 1e-12


@pytest.mark.parametrize(
    ("y", "p", "threshold"),
    [
        # Any threshold between 0.3 and 0.9 is perfect: 0.5 is one of them.
        ([0, 0, 1], [0.1, 0.3, 0.9], 0.5),
        # Between 0.6 and 0.8: its middle.
        ([0, 0, 1], [0.1, 0.6, 0.8], 0.7),
        # All positive: everything above a threshold below the lowest.
        ([1, 1], [0.2, 0.4], 0.1),
        # Certain outputs: 0 is not above 0, so nothing lies below the lowest.
        ([0, 1], [0.0, 1.0], 0.5),
        # Not finite: there is nothing to choose.
        ([0, 1], [0.2, math.nan], 0.5),
    ],
)
def test_a_threshold_stands_in_the_middle_of_its_gap_and_near_a_half(y: Any, p: Any, threshold: float) -> None:
    assert best_threshold("f1", np.array(y), np.array(p, np.float32)) == pytest.approx(threshold)


def test_a_metric_that_is_highest_at_an_end_chooses_no_threshold() -> None:
    check_threshold("f1", "training.threshold")
    with pytest.raises(SpaceError) as caught:
        check_threshold("recall", "training.threshold")
    assert "training.threshold: no threshold can be chosen by 'recall'" in str(caught.value)


# -- pieces ---------------------------------------------------------------------------------------------------------


def test_the_areas_count_ties_as_halves() -> None:
    # One positive above, one tied with and one below the negative: (1 + 1/2 + 0) / 3.
    y, scores = np.array([1, 1, 1, 0]), np.array([0.9, 0.5, 0.1, 0.5])
    assert area(y, scores) == pytest.approx(0.5)
    # Precision at 0.9: 1/1; at 0.5: 2/3; at 0.1: 3/4.
    assert average_precision(y, scores) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_matthews_of_a_perfect_and_of_a_constant_prediction() -> None:
    assert matthews(np.diag([3, 4, 5])) == pytest.approx(1.0)
    assert matthews(np.array([[3, 0], [4, 0]])) == 0.0


def test_every_keras_metric_has_a_task() -> None:
    assert all(metric.tasks for metric in KERAS_METRICS.values())
