"""Are windows cut in order of time, and does nothing of one part of the split show in another?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, Dataset, load_dataset
from search.data.raw import FREE, TEST, TRAIN, VALIDATION
from search.data.series import cut_table, starts_of
from search.data.windows import parts_in_order
from search.errors import DataError

ROWS = 100


def days(rows: int = ROWS) -> pd.DataFrame:
    """Day i holds i in ``a`` and 1000 + i in ``target``: every window tells which rows it was cut from."""
    number = np.arange(rows)
    dates = pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d")
    return pd.DataFrame({"day": dates, "a": number * 1.0, "b": number % 7, "target": 1000.0 + number})


def cut(frame: pd.DataFrame, tmp_path: Path, windows: dict[str, Any] | None = None, **config: Any) -> Dataset:
    frame.to_csv(tmp_path / "t.csv", index=False)
    asked = {"source": "t.csv", "target": "target", "time": "day", "windows": windows or {"length": 4}}
    return load_dataset(DataConfig.model_validate(asked | config), seed=0, folder=tmp_path)


def refused(frame: pd.DataFrame, tmp_path: Path, windows: dict[str, Any] | None = None, **config: Any) -> str:
    with pytest.raises(DataError) as caught:
        cut(frame, tmp_path, windows, **config)
    return str(caught.value)


def rows_of(data: Dataset, part: Any, column: int = 0) -> np.ndarray[Any, Any]:
    """The days that the windows of a part show: (windows, length)."""
    return np.asarray(data.raw)[data.indices[part]][:, :, column].astype(int)


def targets_of(data: Dataset, part: Any) -> list[int]:
    return (data.raw_target.to_numpy()[data.indices[part]] - 1000).astype(int).tolist()


def test_a_window_shows_length_rows_and_its_target_stands_horizon_rows_behind(tmp_path: Path) -> None:
    data = cut(days(), tmp_path, {"length": 4, "horizon": 2})
    assert data.spec.inputs[0].kind == "sequence"
    assert data.spec.input_shape == (4, 3)  # a, b and the target's own past
    shown = rows_of(data, "train")
    assert shown[0].tolist() == [0, 1, 2, 3]
    assert targets_of(data, "train")[0] == 5
    assert (shown[:, -1] + 2).tolist() == targets_of(data, "train")


@pytest.mark.parametrize("horizon", [0, 1, 5])
@pytest.mark.parametrize("step", [1, 3])
def test_no_window_reaches_into_another_part(tmp_path: Path, horizon: int, step: int) -> None:
    data = cut(days(), tmp_path, {"length": 6, "horizon": horizon, "step": step})
    held = []
    for part in ("train", "validation", "test"):
        shown = rows_of(data, part)
        held.append({*shown.ravel().tolist(), *targets_of(data, part)})
        assert (np.diff(shown, axis=1) == 1).all()
        assert (np.diff(shown[:, 0]) == step).all()
    train, validation, test = held
    # 100 rows: 60 train, 20 validate, 20 test, in this order.
    assert max(train) <= 59 < 60 <= min(validation) <= max(validation) <= 79 < 80 <= min(test)


def test_windows_over_the_borders_are_left_out_and_counted(tmp_path: Path) -> None:
    data = cut(days(), tmp_path, {"length": 4, "horizon": 1})
    # 96 windows of 4 + 1 rows; at each of two borders, 4 of them have rows on both sides.
    assert len(data.train) + len(data.validation) + len(data.test or ()) == 96 - 8
    assert "left out 8 windows that reach from one part of the split into the next" in data.notices


def test_with_horizon_0_the_target_is_the_last_rows_and_not_shown(tmp_path: Path) -> None:
    data = cut(days(), tmp_path, {"length": 4})
    assert data.spec.input_shape == (4, 2)
    assert rows_of(data, "train")[:, -1].tolist() == targets_of(data, "train")
    past = cut(days(), tmp_path, {"length": 4, "horizon": 1, "include_target": False})
    assert past.spec.input_shape == (4, 2)
    only = cut(days(), tmp_path, {"length": 4, "horizon": 1, "columns": ["b"], "include_target": True})
    assert only.spec.input_shape == (4, 2)


def test_rows_are_sorted_by_time(tmp_path: Path) -> None:
    mixed = days().sample(frac=1, random_state=3)
    one, two = cut(days(), tmp_path), cut(mixed, tmp_path)
    np.testing.assert_array_equal(one.train.x, two.train.x)
    assert one.fingerprint == two.fingerprint
    numbered = cut(days().assign(day=np.arange(ROWS) * 0.5), tmp_path)
    np.testing.assert_array_equal(one.train.x, numbered.train.x)


def test_without_time_the_rows_are_taken_as_they_stand(tmp_path: Path) -> None:
    plain = cut(days().drop(columns="day"), tmp_path, time=None)
    np.testing.assert_array_equal(plain.train.x, cut(days(), tmp_path).train.x)


def test_windows_never_cross_groups(tmp_path: Path) -> None:
    stations = pd.concat([days().assign(station="n"), days().assign(station="s", a=np.arange(ROWS) + 5000.0)])
    data = cut(stations.sample(frac=1, random_state=1), tmp_path, groups="station")
    assert data.spec.input_shape == (4, 2)
    for part in ("train", "validation", "test"):
        shown = rows_of(data, part)
        assert {row >= 5000 for row in shown[:, 0].tolist()} == {True, False}
        assert (np.diff(shown, axis=1) == 1).all()


def test_groups_that_are_too_short_are_left_out(tmp_path: Path) -> None:
    frame = pd.concat([days().assign(station="n"), days(3).assign(station="s")])
    data = cut(frame, tmp_path, groups="station")
    assert "left out 1 of 2 series with fewer rows than a window takes (4)" in data.notices


def test_missing_numbers_become_the_median_of_the_training_rows(tmp_path: Path) -> None:
    frame = days()
    frame.loc[[10, 95], "a"] = np.nan
    data = cut(frame, tmp_path)
    known = [i for i in range(60) if i != 10]
    assert rows_of(data, "train")[7].tolist() == [7, 8, 9, int(np.median(known))]
    assert int(np.median(known)) in rows_of(data, "test")
    assert any("filled in missing values in: a" in notice for notice in data.notices)
    frame.loc[20, "target"] = np.nan
    assert "left out 1 row whose target 'target' is missing" in cut(frame, tmp_path).notices


def test_words_become_a_number_for_each_category_of_the_training_rows(tmp_path: Path) -> None:
    frame = days().assign(sky=["dry", "wet"] * (ROWS // 2))
    frame.loc[90:, "sky"] = "snow"
    data = cut(frame, tmp_path)
    assert data.spec.input_shape == (4, 4)  # a, b, dry, wet
    np.testing.assert_array_equal(np.asarray(data.raw)[0, :, 2:], [[1, 0], [0, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(np.asarray(data.raw)[-1, :, 2:], np.zeros((4, 2)))


def test_a_split_column_and_a_test_file_give_the_parts(tmp_path: Path) -> None:
    frame = days().assign(part=["train"] * 50 + ["test"] * 20 + ["train"] * 30)
    data = cut(frame, tmp_path, {"length": 4}, split="part")
    assert targets_of(data, "test")[0] == 53
    assert max(targets_of(data, "test")) == 69
    assert all(not 50 <= row < 70 for row in rows_of(data, "train").ravel())
    assert (np.diff(rows_of(data, "train"), axis=1) == 1).all()  # none leaps over the test rows
    days(120).iloc[ROWS:].to_csv(tmp_path / "later.csv", index=False)
    later = cut(days(), tmp_path, test="later.csv")
    assert targets_of(later, "test") == list(range(103, 120))


def test_a_class_may_be_what_is_predicted(tmp_path: Path) -> None:
    frame = days().assign(target=np.where(np.arange(ROWS) % 3, "dry", "wet"))
    data = cut(frame, tmp_path, {"length": 3, "horizon": 1})
    assert data.spec.task == "binary"
    assert data.spec.input_shape == (3, 4)


def test_missing_days_are_told(tmp_path: Path) -> None:
    data = cut(days().drop(index=range(30, 40)), tmp_path)
    assert any("not follow each other evenly in 'day': before 2020-02-10" in notice for notice in data.notices)
    assert not any("evenly" in notice for notice in cut(days(), tmp_path).notices)


@pytest.mark.parametrize(
    ("change", "config", "words"),
    [
        ({}, {"windows": {"length": 101}}, "windows.length 101 must be at most the rows of a series, got 100"),
        ({}, {"windows": {"length": 100, "horizon": 1}}, "windows.length 100 + horizon 1 must be at most"),
        ({}, {"windows": {"length": 21}}, "validation part has no window: it has 20 rows in a series at most, a win"),
        ({}, {"time": "dya"}, "data.time: no column 'dya'; did you mean 'day'?"),
        ({}, {"windows": {"length": 4, "columns": ["c"]}}, "data.windows.columns: no column 'c'"),
        ({"day": "2020-01-01"}, {}, "must hold each time once, got 2020-01-01 in row 1 and row 2; if there are"),
        ({"day": ["2020-01-01", None] * 50}, {}, "must have a value in every row, got none in row 2"),
        ({"day": ["2020-01-01", "soon"] * 50}, {}, "must hold dates (such as 2024-03-31) or numbers, got 'soon'"),
        ({"s": "x"}, {"groups": "s", "time": None}, "data.time: must name the column that puts the rows of all groups"),
        ({"note": [f"note {i}" for i in range(ROWS)]}, {}, "column 'note' is text"),
    ],
    ids=[
        "longer than the series", "with its horizon", "longer than a part", "no such time", "no such column",
        "twice", "missing time", "no time", "groups without time", "text",
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_one_line(tmp_path: Path, change: Any, config: dict[str, Any], words: str) -> None:
    assert words in refused(days().assign(**change), tmp_path, **config)


def test_arrays_have_no_windows(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.zeros((20, 3, 3)), y=np.arange(20) % 2)
    config = DataConfig.model_validate({"source": "t.npz", "windows": {"length": 2}})
    with pytest.raises(DataError, match="are cut from a table, but the source holds arrays"):
        load_dataset(config, seed=0, folder=tmp_path)


def test_new_rows_are_cut_as_the_training_rows_were(tmp_path: Path) -> None:
    frame = days().assign(sky=["dry", "wet"] * (ROWS // 2))
    data = cut(frame, tmp_path, {"length": 4, "horizon": 1})
    assert data.preprocessor.reading is not None
    new = frame.iloc[:10].sample(frac=1, random_state=0).reset_index(drop=True)
    windows, told = cut_table(new, data.preprocessor.reading["windows"], "new.csv")
    np.testing.assert_array_equal(windows, np.asarray(data.raw)[:7])
    assert told["day"].tolist() == frame["day"].iloc[3:10].tolist()
    assert data.preprocessor.transform(windows).shape == (7, 4, 5)
    with pytest.raises(DataError, match="must hold 4 rows in a series for one window, got 3"):
        cut_table(new.iloc[:3], data.preprocessor.reading["windows"], "new.csv")
    with pytest.raises(DataError, match="the rows lack the column 'a'"):
        cut_table(new.drop(columns="a"), data.preprocessor.reading["windows"], "new.csv")


@pytest.mark.parametrize(
    ("rows", "wanted", "starts"),
    [
        (10, {"length": 4, "step": 3, "horizon": 1}, [2, 5]),  # the last one ends in row 9, its target is row 10
        (5, {"length": 5, "step": 1}, [0]),
        (5, {"length": 5, "step": 1, "horizon": 1}, []),
        (4, {"length": 1, "step": 2}, [1, 3]),
    ],
)
def test_windows_end_with_the_series(rows: int, wanted: dict[str, int], starts: list[int]) -> None:
    assert starts_of(rows, **wanted).tolist() == starts


def test_rows_of_one_time_are_never_parted() -> None:
    order = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    parts = parts_in_order(np.full(10, FREE, np.int8), order, test=0.1, validation=0.2)
    # The last row tests, and so does the other one of its time; the two before validate.
    assert parts.tolist() == [TRAIN] * 6 + [VALIDATION] * 2 + [TEST] * 2
