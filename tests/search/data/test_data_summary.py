"""Does the summary of a file tell what a draft needs?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.data import inspect_source
from search.data.columns import Kind
from search.errors import DataError

FRAME = pd.DataFrame(
    {
        "id": range(40),
        "age": [30.0, None, 52.5, 41.0] * 10,
        "job": ["cook", "pilot"] * 20,
        "member": [True, False] * 20,
        "note": [f"note {i}" for i in range(40)],
        "day": [f"2020-01-{i % 28 + 1:02d}" for i in range(40)],
        "always": 1,
        "never": None,
        "outcome": [0, 1, 1, 0] * 10,
        "part": ["train", "test"] * 20,
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def test_each_column_has_a_kind_counts_and_examples(folder: Path) -> None:
    columns = {column.name: column for column in inspect_source("t.csv", folder).columns}
    kinds: dict[str, Kind] = {
        "id": "numeric",
        "age": "numeric",
        "job": "categorical",
        "member": "boolean",
        "note": "text",
        "day": "date",
        "always": "constant",
        "never": "empty",
        "outcome": "numeric",
        "part": "categorical",
    }
    assert {name: column.kind for name, column in columns.items()} == kinds
    assert (columns["age"].missing, columns["age"].distinct) == (10, 3)
    assert columns["age"].examples == ("30", "52.5", "41")
    assert columns["job"].examples == ("cook", "pilot")
    assert columns["never"].examples == ()


def test_target_task_split_and_columns_to_leave_out_are_guessed(folder: Path) -> None:
    summary = inspect_source("t.csv", folder)
    assert (summary.target, summary.task, summary.split) == ("outcome", "binary", "part")
    assert summary.drop == ("id", "note", "day", "never")
    assert summary.rows == 40
    assert summary.task_reason == "binary: 'outcome' holds the two values 0 and 1"


def test_a_target_that_cannot_be_learnt_says_why(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2], "target": ["p", "q"]}).to_csv(tmp_path / "t.csv", index=False)
    summary = inspect_source("t.csv", tmp_path)
    assert summary.task is None
    assert "must have classes that recur" in summary.task_reason


def test_arrays_have_a_shape_instead_of_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.zeros((12, 4, 5)), y=np.arange(12) % 3 + 0.5)
    summary = inspect_source("t.npz", tmp_path)
    assert (summary.input_shape, summary.columns, summary.task) == ((4, 5), (), "regression")
    np.savez(tmp_path / "t.npz", x=np.zeros((15, 4, 5)), y=np.arange(15) % 3)
    assert inspect_source("t.npz", tmp_path).task == "multiclass"


def test_a_file_that_cannot_be_read_raises(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        inspect_source("t.csv", tmp_path)
