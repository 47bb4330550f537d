"""Is the kind of a column told from its values as a person would?"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data.columns import Kind, first_infinite, flow_list, looks_like_row_number, profile, refusal

CASES: list[tuple[str, Any, Kind]] = [
    ("integers", [1, 2, 3] * 10, "numeric"),
    ("two integers", [0, 1] * 15, "numeric"),
    ("decimals with gaps", [1.5, None, 3.0] * 10, "numeric"),
    ("nullable integers", pd.array([1, None, 3] * 10, dtype="Int64"), "numeric"),
    ("numbers as words", ["1", "2.5", None] * 10, "numeric"),
    ("words", ["a", "b", None] * 10, "categorical"),
    ("codes, mostly words", ["A1", "B2", "7"] * 10, "categorical"),
    ("numbers and a recurring word", ["0", "1", "2", "3+"] * 10, "categorical"),
    ("category of numbers", pd.Categorical([1, 2] * 15), "categorical"),
    ("booleans", [True, False] * 15, "boolean"),
    ("booleans with gaps", pd.Series([True, None, False] * 10, dtype=object), "boolean"),
    ("nullable booleans", pd.array([True, None] * 15, dtype="boolean"), "boolean"),
    ("names", [f"person {i}" for i in range(30)], "text"),
    (
        "sentences",
        ["this is a rather long sentence, longer than a label " + str(i % 25) for i in range(60)],
        "text",
    ),
    ("too many categories", [f"c{i % 1001}" for i in range(4004)], "text"),
    ("as many categories as may be", [f"c{i % 1000}" for i in range(4000)], "categorical"),
    ("few rows with names", [f"person {i}" for i in range(12)], "categorical"),
    ("iso dates", [f"2020-01-{i + 1:02d}" for i in range(30)], "date"),
    ("american dates", ["1/2/2020", "12/31/99"] * 15, "date"),
    ("dates with times", ["2020-01-02 03:04", "2020-01-02T03:04:05Z"] * 15, "date"),
    ("times", ["3:04", "13:04:59"] * 15, "date"),
    ("datetime64", pd.date_range("2020", periods=30), "date"),
    ("timedelta", pd.to_timedelta(range(30), unit="s"), "date"),
    ("periods", pd.period_range("2020", periods=30, freq="D"), "date"),
    ("date objects", [datetime.date(2020, 1, i + 1) for i in range(30)], "date"),
    ("one number", [3.0] * 30, "constant"),
    ("one number with gaps", [3.0, None] * 15, "constant"),
    ("one word", ["a"] * 30, "constant"),
    ("one word or none", ["a", None] * 15, "categorical"),
    ("one boolean", [True] * 30, "constant"),
    ("nothing", [None] * 30, "empty"),
    ("nan", [np.nan] * 30, "empty"),
    ("no dates", pd.to_datetime([None] * 30), "empty"),
    ("numbers and one word", ["1", "2", "3", "4", "abc", *map(str, range(25))], "mixed"),
    ("numbers and words in Python", [1, 2, 3, 4, "abc", *range(25)], "mixed"),
    ("lists", [[1], [2]] * 15, "other"),
    ("complex", np.ones(30) * 1j, "other"),
]


@pytest.mark.parametrize(("values", "kind"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_kind_of_column(values: Any, kind: Kind) -> None:
    assert profile(pd.Series(values, name="c")).kind == kind


def test_a_mixed_column_names_its_first_word() -> None:
    facts = profile(pd.Series(["1", None, "x", "3", "4", "y"], name="c"))
    assert (facts.kind, facts.row, facts.value, facts.missing) == ("mixed", 2, "x", 1)


@pytest.mark.parametrize("kind", ["empty", "text", "date", "other"])
def test_a_refused_column_has_a_reason(kind: Kind) -> None:
    values = next(case[1] for case in CASES if case[2] == kind)
    assert "column 'c'" in str(refusal(profile(pd.Series(values, name="c")), 30))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("n", range(30), True),
        ("n", range(100, 130), True),
        ("patient_id", [i * 7 % 31 for i in range(30)], True),
        ("n", [i * 7 % 31 for i in range(30)], False),
        ("id", [0, 1] * 15, False),
        ("n", range(5), False),
        ("n", np.arange(30.0), False),
    ],
)
def test_row_numbers_are_noticed(name: str, values: Any, expected: bool) -> None:
    assert looks_like_row_number(pd.Series(values, name=name)) is expected


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ([1.0, np.inf], 1),
        ([-np.inf, 1.0], 0),
        ([1.0, 1e39], 1),
        ([1.0, 1e38], None),
        ([np.nan, 1.0], None),
        (["1", "inf"], 1),
        ([1, 2], None),
    ],
)
def test_the_first_infinite_value_is_found(values: list[Any], row: int | None) -> None:
    assert first_infinite(pd.Series(values)) == row


def test_names_are_written_as_yaml_reads_them() -> None:
    import yaml

    names = ["id", "first name", "it's", "no", "2019", "a:b", "[x]"]
    assert yaml.safe_load(flow_list(names)) == names
