"""Do loss, class weights and threshold of an experiment mean what they say, and is what cannot be meant refused?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search.errors import ExperimentError
from search.experiment import Experiment, parse_experiment
from search.study.imbalance import check_decision, class_weight_of
from search.training.balance import class_weights, sample_weights
from spaces import SpaceError, parse_space, resolve
from spaces.suggesters import Sampled


def experiment(**changes: Any) -> Experiment:
    return parse_experiment({"study": "s", "data": {"source": "a.csv", "target": "y"}, **changes}, "s.yaml")


def refused(**changes: Any) -> str:
    with pytest.raises(ExperimentError) as caught:
        experiment(**changes)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("s.yaml: ")


def test_a_fixed_loss_is_a_dimension_with_one_value() -> None:
    space = experiment(training={"loss": {"name": "huber", "huber_delta": 0.3}}).build_space()
    config = resolve(space.suggest(Sampled(0)))
    assert config.loss is not None
    assert (config.loss.name, dict(config.loss.settings)) == ("huber", {"huber_delta": 0.3})
    assert experiment(training={"loss": "mse"}).build_space()["loss"].domain.size() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"loss": "hubber"}}, "training.loss: there is no loss 'hubber'; did you mean 'huber'?"),
        (
            {"training": {"loss": {"name": "huber", "delta": 1}}},
            "training.loss.delta: huber has no such setting; did you mean 'huber_delta'?",
        ),
        (
            {"training": {"loss": {"name": "huber", "huber_delta": [1, 2]}}},
            "training.loss.huber_delta: must be one number, got [1, 2]",
        ),
        ({"training": {"loss": {"huber_delta": 1}}}, "training.loss.name: must name a loss, got None"),
        ({"training": {"loss": {"name": "a.py:f", "k": 1}}}, "training.loss.k: a loss of your own has no settings"),
        (
            {"training": {"loss": "mse"}, "space": {"loss": ["mse", "mae"]}},
            "training.loss: the space has a loss too (space.loss); remove one of the two",
        ),
        (
            {"training": {"loss": {"name": "huber", "huber_delta": 1}}, "space": {"huber_delta": 2}},
            "training.loss.huber_delta: the space has it too",
        ),
        (
            {"training": {"loss": "mse"}, "model": "m.py:build"},
            "training.loss: your own model is compiled with its loss",
        ),
        ({"training": {"class_weight": "balance"}}, "training.class_weight: 'balance' is not known"),
        ({"training": {"class_weight": {"a": -1}}}, "training.class_weight.a: must be a number from 0, got -1"),
        ({"training": {"class_weight": {"a": "x"}}}, "training.class_weight.a: must be a number from 0, got 'x'"),
        ({"training": {"class_weight": {0: 0, 1: 0}}}, "training.class_weight: no class counts"),
        ({"training": {"threshold": "recall"}}, "training.threshold: no threshold can be chosen by 'recall'"),
        ({"training": {"metrics": ["f1", "pr_auk"]}}, "training.metrics[1]: there is no metric 'pr_auk'; did you mean"),
        (
            {"space": {"loss": ["mse", "mae"]}, "objective": "val_loss"},
            "objective: val_loss means something else in each trial, because space.loss changes it",
        ),
        (
            {"space": {"loss": "huber", "huber_delta": {"float": [0.1, 1]}}, "objective": "val_loss"},
            "objective: val_loss means something else in each trial, because space.huber_delta changes it",
        ),
        (
            {"space": {"positive_weight": {"float": [1, 5]}}, "objective": "loss"},
            "objective: loss means something else in each trial, because space.positive_weight changes it",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    assert refused(**changes).startswith(message)


def test_validation_is_never_weighted_so_its_loss_compares_weights() -> None:
    experiment(space={"positive_weight": {"float": [1, 5]}}, objective="val_loss")


def test_class_weights_go_to_the_classes_by_label_in_any_spelling() -> None:
    assert class_weight_of({"1": 5, 0: 2}, (0, 1)) == (2.0, 5.0)
    assert class_weight_of({1.0: 5}, (0, 1)) == (1.0, 5.0)
    assert class_weight_of({"true": 3}, (False, True)) == (1.0, 3.0)
    assert class_weight_of({"yes": 3}, ("no", "yes")) == (1.0, 3.0)
    assert class_weight_of("balanced", ("no", "yes")) == "balanced"
    assert class_weight_of(None, None) is None
    with pytest.raises(ExperimentError) as caught:
        class_weight_of({"yess": 3}, ("no", "yes"))
    assert str(caught.value) == (
        "training.class_weight: the target has no class 'yess'; did you mean 'yes'? Allowed: no, yes"
    )
    with pytest.raises(ExperimentError) as caught:
        class_weight_of("balanced", None)
    assert str(caught.value) == "training.class_weight: a regression has no classes; remove it"


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_threshold_needs_two_classes(task: Any) -> None:
    check_decision(None, task)
    check_decision("f1", "binary")
    with pytest.raises((ExperimentError, SpaceError)) as caught:
        check_decision("f1", task)
    assert str(caught.value) == f"training.threshold: is for two classes, and this is a {task} task; remove it"


# -- what a sample counts -------------------------------------------------------------------------------------------

CONFIG = resolve(parse_space({}).suggest(Sampled(0)))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    y = np.array([0] * 50 + [1] * 8 + [2] * 2, np.int32)
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 2]), y=y)
    assert class_weights(y, "multiclass", 3, CONFIG, "balanced") == pytest.approx(expected)
    # Of four classes one does not occur: the others are weighted as if it were not there.
    assert class_weights(y, "multiclass", 4, CONFIG, "balanced") == pytest.approx([*expected, 1.0])


def test_a_trials_own_weights_go_before_the_studys_and_the_positive_weight_multiplies() -> None:
    y = np.array([[0.0], [0.0], [0.0], [1.0]], np.float32)
    own = CONFIG.model_copy(update={"class_weight": "balanced", "positive_weight": 3.0})
    # 4 / (2 * 3) and 4 / (2 * 1), the latter times 3.
    assert class_weights(y, "binary", 1, own, (9.0, 9.0)) == pytest.approx([2 / 3, 6.0])
    assert sample_weights(y, "binary", 1, own, None) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 6.0])
    none = CONFIG.model_copy(update={"class_weight": "none"})
    assert sample_weights(y, "binary", 1, none, "balanced") is None
    assert sample_weights(y, "binary", 1, CONFIG, None) is None
    assert sample_weights(y, "regression", 1, CONFIG, "balanced") is None
