"""Is the task inferred as a person would, and is an unfit target refused?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data.targets import TargetFacts, guess_target, infer_target
from search.errors import DataError


def infer(values: Any, stated: str = "auto", *, images: bool = False) -> TargetFacts:
    labels = pd.Series(values, name="t")
    return infer_target(labels, stated, source="s", place=lambda row: f"row {row + 1}", images=images)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1] * 10, "binary", (0, 1)),
        ([1.0, 2.0] * 10, "binary", (1.0, 2.0)),
        ([0.25, 0.75] * 10, "binary", (0.25, 0.75)),
        ([True, False] * 10, "binary", (False, True)),
        (["yes", "no"] * 10, "binary", ("no", "yes")),
        ([10, 9, 2] * 10, "multiclass", (2, 9, 10)),
        (["10", "9", "2"] * 10, "multiclass", ("10", "2", "9")),
        ([1.0, 2.0, 3.0] * 10, "multiclass", (1.0, 2.0, 3.0)),
        (
            pd.Categorical(["b", "a", "c"] * 5, categories=["c", "b", "a", "unused"]),
            "multiclass",
            ("a", "b", "c"),
        ),
        (np.array([3, 1, 2] * 5, np.uint8), "multiclass", (1, 2, 3)),
        (pd.array([3, 1, 2] * 5, dtype="Int64"), "multiclass", (1, 2, 3)),
        ([1, 2, "a"] * 5, "multiclass", (1, 2, "a")),
        (list(range(20)) * 5, "multiclass", tuple(range(20))),
        (list(range(20)) * 4, "regression", None),
        (list(range(21)) * 5, "regression", None),
        ([0.5, 1.0, 1.5] * 10, "regression", None),
    ],
)
def test_task_and_classes_are_inferred(values: Any, task: str, classes: tuple[Any, ...] | None) -> None:
    facts = infer(values)
    assert (facts.task, facts.classes) == (task, classes)
    assert facts.reason.startswith(f"{task}: 't' holds ")
    if classes is not None:
        assert facts.codes is not None
        assert [type(label) for label in facts.classes or ()] == [type(label) for label in classes]
        assert [classes[code] for code in facts.codes] == list(values)


def test_a_hundred_counted_labels_of_images_are_classes() -> None:
    labels = list(range(100)) * 3
    assert infer(labels, images=True).task == "multiclass"
    assert infer(labels).task == "regression"


@pytest.mark.parametrize(
    ("values", "stated", "task"),
    [
        ([1, 2, 3] * 5, "regression", "regression"),
        ([0, 1] * 5, "multiclass", "multiclass"),
        (list(range(30)) * 3, "multiclass", "multiclass"),
        ([0, 1] * 5, "regression", "regression"),
    ],
)
def test_the_stated_task_wins(values: list[int], stated: str, task: str) -> None:
    facts = infer(values, stated)
    assert facts.task == task
    assert "as stated" in facts.reason


def test_the_reason_is_a_sentence() -> None:
    assert infer([0, 1] * 5).reason == "binary: 't' holds the two values 0 and 1"
    assert infer(["c", "a", "b"] * 5).reason == "multiclass: 't' holds 3 classes: a, b, c"
    assert infer([0.5, 1, 2]).reason == "regression: 't' holds 3 different numbers from 0.5 to 2"


@pytest.mark.parametrize(
    ("values", "stated", "words"),
    [
        ([1] * 9, "auto", "must differ between rows, got 1 in all 9"),
        (["a", "b"] * 5, "regression", "must hold numbers for data.task: regression, got 'a'"),
        ([True, False] * 5, "regression", "got True"),
        ([1, 2, 3] * 5, "binary", "must hold two values for data.task: binary, got 3"),
        (
            [f"w{i}" for i in range(9)],
            "auto",
            "must have classes that recur, got 9 different values in 9 rows",
        ),
        ([0.1 * i for i in range(9)], "multiclass", "must have classes that recur"),
        (
            ["a"] * 5 + ["b"] * 4 + ["c"],
            "auto",
            "class 'c' of 't' must have at least 2 rows to be split, got one (row 10)",
        ),
        (["a"] * 9 + ["b", "c"], "auto", "(2 classes are like this)"),
        ([0.5, 1.5, np.inf] * 4, "auto", "must be finite, got inf in row 3"),
        ([0.5, 1.5, -1e300] * 4, "auto", "must be finite, got -1e+300 in row 3"),
    ],
)
def test_an_unfit_target_is_refused(values: list[Any], stated: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        infer(values, stated)
    assert words in str(caught.value)
    assert str(caught.value).startswith("s: ")


@pytest.mark.parametrize(
    ("columns", "guess"),
    [(["a", "Outcome", "b"], "Outcome"), (["label", "target"], "target"), (["a", "b"], "b")],
)
def test_the_target_is_guessed_by_name_then_by_place(columns: list[str], guess: str) -> None:
    assert guess_target(columns) == guess
