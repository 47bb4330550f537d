"""Are splits exact, stratified, seeded, and true to what is given?"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.data.raw import FREE, TEST, TRAIN, VALIDATION
from search.data.splits import check_parts, looks_like_split, parts_of_column, split_rows
from search.errors import DataError


def free(rows: int) -> np.ndarray:
    return np.full(rows, FREE, np.int8)


@pytest.mark.parametrize(
    ("rows", "test", "validation", "sizes"),
    [
        (100, 0.2, 0.2, (60, 20, 20)),
        (768, 0.2, 0.2, (460, 154, 154)),  # 768 * 0.2 = 153.6
        (10, 0.01, 0.01, (8, 1, 1)),  # at least one row each
        (100, 0.0, 0.25, (75, 25, 0)),
    ],
)
def test_parts_have_their_share_of_rows(rows: int, test: float, validation: float, sizes: tuple[int, int, int]) -> None:
    parts = split_rows(free(rows), None, test=test, validation=validation, seed=1)
    assert tuple(np.bincount(parts, minlength=3)) == sizes


def test_each_part_has_each_class_in_its_share() -> None:
    codes = np.repeat([0, 1, 2], [100, 50, 10])
    parts = split_rows(free(160), codes, test=0.2, validation=0.2, seed=3)
    counts = [np.bincount(codes[parts == part]).tolist() for part in (TRAIN, VALIDATION, TEST)]
    assert counts == [[60, 30, 6], [20, 10, 2], [20, 10, 2]]


@given(
    sizes=st.lists(st.integers(2, 60), min_size=2, max_size=12),
    shares=st.sampled_from([(0.2, 0.2), (0.1, 0.3), (0.0, 0.2), (0.25, 0.25)]),
    seed=st.integers(0, 2**32),
)
def test_every_class_of_two_rows_or_more_is_trained_on(
    sizes: list[int], shares: tuple[float, float], seed: int
) -> None:
    codes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = split_rows(free(len(codes)), codes, test=shares[0], validation=shares[1], seed=seed)
    if (parts == TRAIN).mean() >= 0.5:  # rounding can take more than the shares from a few rows
        assert set(codes[parts == TRAIN]) == set(range(len(sizes)))
    for part, share in ((TEST, shares[0]), (VALIDATION, shares[1])):
        assert abs((parts == part).sum() - share * len(codes)) <= 1


def test_the_seed_decides_the_split() -> None:
    codes = np.arange(300) % 3

    def split(seed: int) -> list[int]:
        return split_rows(free(300), codes, test=0.2, validation=0.2, seed=seed).tolist()

    assert split(1) == split(1)
    assert split(1) != split(2)


def test_another_process_splits_alike() -> None:
    code = (
        "import numpy as np; from search.data.splits import split_rows; free = np.full(50, -1, np.int8); "
        "print(split_rows(free, np.arange(50) % 3, test=.2, validation=.2, seed=9).tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = split_rows(free(50), np.arange(50) % 3, test=0.2, validation=0.2, seed=9)
    assert run.stdout.strip() == str(here.tolist())


def test_given_parts_stay_and_the_rest_is_drawn_from_free_rows() -> None:
    fixed = np.array([TEST] * 10 + [FREE] * 40, np.int8)
    parts = split_rows(fixed, None, test=0.0, validation=0.25, seed=0)
    assert (parts[:10] == TEST).all()
    assert np.bincount(parts).tolist() == [30, 10, 10]


def test_a_column_names_the_parts_in_any_usual_word() -> None:
    column = pd.Series(["train", "Training", " val", "valid", "validation", "TEST"], name="s")
    assert parts_of_column(column, source="f").tolist() == [0, 0, 1, 1, 1, 2]


@pytest.mark.parametrize(("odd", "shown"), [("fold 3", "'fold 3'"), (None, "None"), (float("nan"), "nan")])
def test_an_unknown_part_names_its_row(odd: Any, shown: str) -> None:
    column = pd.Series(["train", "test", odd], dtype=object, name="s")
    with pytest.raises(DataError, match=rf"f: split column 's' must say train, .* got {shown} in row 3"):
        parts_of_column(column, source="f")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["train", "test"], True),
        (["train"], False),
        (["val", "test"], False),
        (["train", "x"], False),
        ([1, 2], False),
    ],
)
def test_a_split_column_is_recognised(values: list[Any], expected: bool) -> None:
    assert looks_like_split(pd.Series(values)) is expected


def test_a_class_outside_training_is_an_error_elsewhere_a_notice() -> None:
    parts = np.array([TRAIN, TRAIN, VALIDATION, TEST], np.int8)
    with pytest.raises(DataError, match="every class must have rows in the training part, got none of 'b'"):
        check_parts(parts, np.array([0, 0, 1, 0]), ("a", "b"), source="f", drawn=False)
    notices = check_parts(parts, np.array([0, 1, 1, 0]), ("a", "b"), source="f", drawn=True)
    assert notices == [
        "the validation part has no row of class 'a' (too few rows to stratify)",
        "the test part has no row of class 'b' (too few rows to stratify)",
    ]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([TRAIN, VALIDATION], "train part must have at least 2 rows, got 1"),
        ([TRAIN] * 3, "validation part must have"),
    ],
)
def test_an_empty_part_is_refused(parts: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        check_parts(np.array(parts, np.int8), None, None, source="f", drawn=True)
