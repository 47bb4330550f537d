"""The numbers behind a trial's pictures: against arithmetic done by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search.pictures.measures import (
    calibration,
    class_scores,
    confusion_matrix,
    most_confused,
    precision_recall_curve,
    regression_scores,
    roc_curve,
    row_shares,
)


def test_a_confusion_matrix_counts_true_down_and_predicted_across() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert row_shares(matrix).tolist() == [[0.5, 0.5, 0], [0, 1, 0], [0.5, 0, 0.5]]


def test_precision_recall_and_f1_of_each_class() -> None:
    scores = class_scores(np.array([[8, 2], [4, 6]]))
    assert scores["precision"].tolist() == [8 / 12, 6 / 8]
    assert scores["recall"].tolist() == [0.8, 0.6]
    assert scores["f1"].tolist() == [16 / 22, 12 / 18]


def test_a_class_that_never_occurs_has_no_recall_and_no_warning() -> None:
    scores = class_scores(np.array([[3, 0], [0, 0]]))
    assert scores["recall"][0] == 1.0
    assert math.isnan(scores["recall"][1])
    assert math.isnan(scores["precision"][1])


def test_the_most_confused_pairs_come_first_and_empty_ones_not_at_all() -> None:
    assert most_confused(np.array([[9, 1, 0], [3, 9, 0], [0, 0, 9]]), 5) == [(1, 0, 3), (0, 1, 1)]


@pytest.mark.parametrize("ties", [False, True])
def test_areas_are_those_of_scikit_learn(ties: bool) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(0)
    scores = rng.random(300)
    scores = scores.round(1) if ties else scores
    positive = rng.random(300) < scores
    assert roc_curve(positive, scores).area == pytest.approx(roc_auc_score(positive, scores))
    assert precision_recall_curve(positive, scores).area == pytest.approx(average_precision_score(positive, scores))


def test_equal_scores_are_one_point_of_a_curve() -> None:
    curve = roc_curve(np.array([True, False, True, False]), np.full(4, 0.5))
    assert curve.x.tolist() == [0, 1]
    assert curve.y.tolist() == [0, 1]
    assert curve.area == 0.5


def test_calibration_weighs_each_bin_by_its_rows() -> None:
    # Three rows at 0.9 of which two come true, one at 0.1 that does not: (3 |2/3 - 0.9| + 1 |0 - 0.1|) / 4 = 0.2
    found = calibration(np.array([True, True, False, False]), np.array([0.9, 0.9, 0.9, 0.1]))
    assert found.error == pytest.approx((3 * abs(2 / 3 - 0.9) + 0.1) / 4)
    assert found.counts.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 3]


def test_a_probability_of_one_lies_in_the_last_bin() -> None:
    assert calibration(np.array([True]), np.array([1.0])).counts[-1] == 1


def test_scores_of_a_regression() -> None:
    # errors 1, 0, -2; squares 5; the true values spread by 2
    scores = regression_scores(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 1.0]))
    assert scores["rmse"] == pytest.approx(math.sqrt(5 / 3))
    assert scores["mae"] == 1.0
    assert scores["median_absolute_error"] == 1.0
    assert scores["bias"] == pytest.approx(-1 / 3)
    assert scores["r2"] == pytest.approx(1 - 5 / 2)


def test_a_constant_target_has_no_r2() -> None:
    assert math.isnan(regression_scores(np.ones(3), np.ones(3))["r2"])
