"""Is every expected mistake in the data one line that names the file, the rule, the value and the remedy?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, load_dataset
from search.errors import DataError

ROWS = 40
DAYS = [f"2020-01-{i % 9 + 1:02d}" for i in range(ROWS)]
BASE = pd.DataFrame({"a": np.arange(ROWS) * 1.5, "b": ["x", "y"] * (ROWS // 2), "t": [0, 0, 1, 1] * (ROWS // 4)})


def with_cell(column: str, row: int, value: Any) -> pd.DataFrame:
    frame = BASE.astype({column: object})
    frame.loc[row, column] = value
    return frame


CASES: list[tuple[str, pd.DataFrame, dict[str, Any], str]] = [
    (
        "no target",
        BASE,
        {"target": None},
        "data.target must name the column to predict; is 't' meant? Columns: a, b, t",
    ),
    (
        "misspelt target",
        BASE.rename(columns={"t": "outcome"}),
        {"target": "outcom"},
        "data.target: no column 'outcom'; did you mean 'outcome'? Allowed: a, b, outcome",
    ),
    ("misspelt drop", BASE, {"drop": ["bb"]}, "data.drop: no column 'bb'; did you mean 'b'?"),
    ("misspelt split", BASE, {"split": "prt"}, "data.split: no column 'prt'; Allowed: a, b, t"),
    ("constant target", BASE.assign(t=1), {}, "target 't' must differ between rows, got 1 in all 40"),
    (
        "empty target",
        BASE.assign(t=None),
        {},
        "target 't' must hold values, all 40 are missing; name another target",
    ),
    (
        "infinite target",
        with_cell("t", 4, np.inf),
        {"task": "regression"},
        "target 't' must be finite, got inf in row 5",
    ),
    (
        "date target",
        BASE.assign(t=DAYS),
        {},
        "target 't' must hold numbers or classes, got date (2020-01-01)",
    ),
    (
        "mixed target",
        with_cell("t", 6, "none?"),
        {},
        "target 't' mixes numbers and words: row 7 holds 'none?'; correct it",
    ),
    (
        "lone class",
        BASE.assign(t=["p"] * 20 + ["q"] * 19 + ["r"]),
        {},
        "class 'r' of 't' must have at least 2 rows to be split, got one (row 40)",
    ),
    (
        "wordy target",
        BASE.assign(t=[f"w{i}" for i in range(ROWS)]),
        {},
        "must have classes that recur, got 40",
    ),
    (
        "words for regression",
        BASE.assign(t=["p", "q"] * 20),
        {"task": "regression"},
        "must hold numbers for data.task: regression, got 'p'",
    ),
    (
        "three values for binary",
        BASE.assign(t=[0, 1, 2, 1] * 10),
        {"task": "binary"},
        "must hold two values for data.task: binary, got 3",
    ),
    ("one row", BASE.head(1), {}, "must have at least 10 rows to be split, got 1"),
    ("nine rows", BASE.head(9), {}, "must have at least 10 rows to be split, got 9"),
    (
        "all-NaN column",
        BASE.assign(age=np.nan),
        {},
        "column 'age' has no value at all (all 40 are missing); leave it out with data.drop: [age]",
    ),
    (
        "infinite value",
        with_cell("a", 2, -np.inf),
        {},
        "column 'a' must hold finite numbers, got -inf in row 3; correct it, or leave the column out with "
        "data.drop: [a]",
    ),
    (
        "mixed types",
        with_cell("a", 7, "tall"),
        {},
        "column 'a' mixes numbers and words: row 8 holds 'tall'; correct it, empty the cell, or leave the "
        "column out with data.drop: [a]",
    ),
    (
        "text",
        BASE.assign(note=[f"n{i}" for i in range(ROWS)]),
        {},
        "column 'note' is text (40 different values in 40 rows, such as 'n0'); leave it out with data.drop: "
        "[note], read it with data.text: note, or derive numbers or categories from it first",
    ),
    (
        "dates",
        BASE.assign(day=pd.date_range("2020", periods=ROWS)),
        {},
        "column 'day' holds dates or times (such as '2020-01-01'); leave it out with data.drop: [day], or "
        "derive numbers or categories from it first",
    ),
    (
        "several",
        BASE.assign(day=DAYS, note=None),
        {},
        "(and 1 more cannot be inputs); leave it out with data.drop: [day, note]",
    ),
    (
        "only the target",
        BASE[["t"]].assign(c=1),
        {},
        "must have an input column beside the target, got none that varies",
    ),
    ("everything dropped", BASE, {"drop": ["a", "b"]}, "must have an input column beside the target"),
    (
        "unknown part",
        BASE.assign(s=["train", "tset"] * 20),
        {"split": "s"},
        "must say train, validation (or valid, val) or test, got 'tset' in row 2",
    ),
    (
        "no training rows",
        BASE.assign(s=["val", "test"] * 20),
        {"split": "s"},
        "the train part must have at least 2 rows, got 0",
    ),
    (
        "class only in test",
        BASE.assign(t=["p", "q"] * 15 + ["r"] * 10, s=["train"] * 30 + ["test"] * 10),
        {"split": "s"},
        "got none of 'r'",
    ),
    (
        "fewer groups than parts",
        BASE.assign(g=["north", "south"] * 20),
        {"groups": "g"},
        "data.groups: 'g' has only 2 different values, and training, test and validation need one each",
    ),
    ("missing second file", BASE, {"test": "hold.csv"}, "hold.csv: no such file"),
]


@pytest.mark.parametrize(("frame", "config", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_mistake_is_one_clear_line(tmp_path: Path, frame: pd.DataFrame, config: dict[str, Any], words: str) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig(**({"source": "t.csv", "target": "t"} | config)), seed=0, folder=tmp_path)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert message.startswith("hold.csv: " if "hold.csv" in words else "t.csv: ")


def test_the_targets_of_arrays_are_no_groups(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=np.ones((20, 4, 4)), y=np.arange(20) % 2)
    with pytest.raises(DataError, match=r"t\.npz: data\.groups must not be the target 'y'.*name what belongs together"):
        load_dataset(DataConfig(source="t.npz", groups="y"), seed=0, folder=tmp_path)


def test_a_row_of_a_second_file_is_counted_in_that_file(tmp_path: Path) -> None:
    BASE.to_csv(tmp_path / "t.csv", index=False)
    with_cell("a", 2, np.inf).to_csv(tmp_path / "hold.csv", index=False)
    config = DataConfig(source="t.csv", target="t", test="hold.csv")
    with pytest.raises(DataError, match=r"t.csv: column 'a' .* got inf in row 3 of hold.csv"):
        load_dataset(config, seed=0, folder=tmp_path)


def test_a_second_file_must_have_the_columns_of_the_first(tmp_path: Path) -> None:
    BASE.to_csv(tmp_path / "t.csv", index=False)
    BASE.rename(columns={"a": "A"}).to_csv(tmp_path / "hold.csv", index=False)
    with pytest.raises(DataError, match=r"hold.csv: has no column 'a' as t.csv has; "):
        load_dataset(DataConfig(source="t.csv", target="t", test="hold.csv"), seed=0, folder=tmp_path)


IMAGES = np.arange(20 * 9, dtype=float).reshape(20, 3, 3)


@pytest.mark.parametrize(
    ("arrays", "config", "words"),
    [
        ({"x": IMAGES}, {"target": "a"}, "data.target must be 'y' or left out for arrays, got 'a'"),
        (
            {"x": IMAGES},
            {"drop": ["a"]},
            "data.drop names columns, but the source holds arrays; leave it out",
        ),
        ({"x": IMAGES}, {"split": "a"}, "data.split names columns"),
        (
            {"x": np.where(IMAGES == 30, np.nan, IMAGES)},
            {},
            "must hold finite numbers, got NaN or infinity in row 4",
        ),
    ],
)
def test_a_mistake_with_arrays_is_one_clear_line(
    tmp_path: Path, arrays: dict[str, np.ndarray], config: dict[str, Any], words: str
) -> None:
    np.savez(tmp_path / "t.npz", y=np.arange(20) % 2, **arrays)
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig(source="t.npz", **config), seed=0, folder=tmp_path)
    assert words in str(caught.value)


def test_a_number_too_large_for_the_model_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.where(IMAGES == 30, 1e39, IMAGES), y=np.arange(20) % 2)
    with pytest.raises(DataError, match="must hold finite numbers, got NaN or infinity in row 4"):
        load_dataset(DataConfig(source="t.npz"), seed=0, folder=tmp_path)


def test_a_part_cannot_be_given_twice(tmp_path: Path) -> None:
    y = np.arange(20) % 2
    np.savez(tmp_path / "t.npz", x_train=IMAGES, y_train=y, x_test=IMAGES, y_test=y)
    with pytest.raises(DataError, match=r"already holds a test part, so data.test cannot be 'hold"):
        load_dataset(DataConfig(source="t.npz", test="hold.npz"), seed=0, folder=tmp_path)


def test_names_of_very_many_columns_stay_readable(tmp_path: Path) -> None:
    frame = pd.DataFrame({f"col{i}": range(20) for i in range(300)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"did you mean 'col250'\? Allowed: .*, \.\.\. \(300\)$") as caught:
        load_dataset(DataConfig(source="t.csv", target="col250x"), seed=0, folder=tmp_path)
    assert len(str(caught.value)) < 400
