"""Do folds, groups and time keep apart what has to be apart?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import load_dataset
from search.data.config import DataConfig
from search.data.dataset import Dataset
from search.data.folds import check_folds, fold_rows, resample
from search.data.validation import ValidationConfig
from search.errors import DataError

ROWS = 60


def table(**columns: Any) -> pd.DataFrame:
    """Sixty rows: a number, a category that is rare at the end, a class, and what a test adds."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(5, 2, ROWS), "kind": ["a", "b", "c"] * 19 + ["a", "b", "rare"]})
    frame["label"] = ["yes", "no", "no"] * 20
    return frame.assign(**columns)


def load(folder: Path, frame: pd.DataFrame, *, folds: bool = True, **keys: Any) -> Dataset:
    frame.to_csv(folder / "table.csv", index=False)
    config = DataConfig.model_validate({"source": "table.csv", "target": "label", **keys})
    return load_dataset(config, seed=3, folder=folder, pooled=folds)


def rounds(dataset: Dataset, **keys: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    validation = ValidationConfig.model_validate(keys)
    check_folds(dataset, validation, seed=3)
    return list(fold_rows(dataset, validation, seed=3))


def groups_of(dataset: Dataset, part: Any) -> set[int]:
    assert dataset.arrangement.groups is not None
    return set(dataset.arrangement.groups[dataset.indices[part]].tolist())


def test_every_row_but_the_test_part_judges_once_and_each_fold_has_the_classes_shares(tmp_path: Path) -> None:
    dataset = load(tmp_path, table())
    pool = len(dataset.train)
    assert (pool, len(dataset.validation), len(dataset.test or [])) == (48, 0, 12)
    cut = rounds(dataset, folds=4)
    assert sorted(np.concatenate([judge for _, judge in cut])) == list(range(pool))
    for train, judge in cut:
        assert not set(train) & set(judge)
        assert (len(judge), float(dataset.train.y[judge].sum())) == (12, 4.0)


def test_no_test_part_leaves_all_rows_to_the_folds(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(), test=0)
    assert (len(dataset.train), dataset.test) == (ROWS, None)


def test_repeats_cut_anew_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    dataset = load(tmp_path, table())
    cut = rounds(dataset, folds=4, repeats=2)
    assert len(cut) == 8
    assert any(set(one[1]) != set(two[1]) for one, two in zip(cut[:4], cut[4:], strict=True))
    again = rounds(dataset, folds=4, repeats=2)
    assert all((one[1] == two[1]).all() for one, two in zip(cut, again, strict=True))


def test_numbers_are_scaled_by_each_rounds_own_training_rows_and_widths_agree(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(), test=0)
    made = list(resample(dataset, ValidationConfig(folds=5), seed=3))
    for fold in made:
        x = np.asarray(fold.train.x)
        assert x[:, 0].mean() == pytest.approx(0, abs=1e-5)
        assert x[:, 0].std() == pytest.approx(1, abs=1e-5)
        # size, and a, b, c, rare: the round that does not train on the only "rare" has room for it too.
        assert x.shape[1] == np.asarray(fold.validation.x).shape[1] == 5
    means = {float(np.asarray(fold.validation.x)[:, 0].mean()) for fold in made}
    assert len(means) == 5


def test_a_regression_target_keeps_the_pools_unit(tmp_path: Path) -> None:
    frame = table().assign(label=np.arange(ROWS) * 1.5)
    dataset = load(tmp_path, frame, test=0)
    target = dataset.preprocessor.target
    for fold, (_, judge) in zip(
        resample(dataset, ValidationConfig(folds=3), seed=3), rounds(dataset, folds=3), strict=True
    ):
        raw = fold.validation.y[:, 0] * target.std + target.mean
        assert raw == pytest.approx(frame["label"].to_numpy()[judge], abs=1e-3)


@pytest.mark.parametrize("keys", [{"folds": 4}, {"folds": 4, "repeats": 2}])
def test_a_group_never_stands_on_both_sides_of_a_fold(tmp_path: Path, keys: dict[str, Any]) -> None:
    dataset = load(tmp_path, table(patient=np.repeat(np.arange(20), 3)), groups="patient")
    assert "patient" not in dataset.feature_names
    assert not groups_of(dataset, "train") & groups_of(dataset, "test")
    groups = dataset.arrangement.take(dataset.indices["train"]).groups
    assert groups is not None
    for train, judge in rounds(dataset, **keys):
        assert not set(groups[train]) & set(groups[judge])


@pytest.mark.parametrize("task", ["label", "number"])
def test_a_plain_split_keeps_groups_together_too(tmp_path: Path, task: str) -> None:
    frame = table(patient=np.repeat(np.arange(20), 3))
    if task == "number":
        frame = frame.assign(label=np.arange(ROWS) * 0.5)
    dataset = load(tmp_path, frame, folds=False, groups="patient")
    sides = [groups_of(dataset, part) for part in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 20
    assert len(dataset.test or []) == pytest.approx(12, abs=3)
    assert len(dataset.validation) == pytest.approx(12, abs=3)


@pytest.mark.parametrize("time", [np.arange(ROWS), pd.date_range("2024-01-01", periods=ROWS).astype(str)])
def test_a_plain_split_by_time_trains_before_it_validates_before_it_tests(tmp_path: Path, time: Any) -> None:
    order = np.random.default_rng(1).permutation(ROWS)
    dataset = load(tmp_path, table(when=np.asarray(time)[order]), folds=False, time="when")
    times = dataset.arrangement.times
    assert times is not None
    train, validation, test = (times[dataset.indices[part]] for part in ("train", "validation", "test"))
    assert train.max() < validation.min() <= validation.max() < test.min()
    assert (len(train), len(validation), len(test)) == (36, 12, 12)


def test_rows_of_one_time_stay_together(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(year=2000 + np.arange(ROWS) // 8), folds=False, time="year")
    times = dataset.arrangement.times
    assert times is not None
    sides = [set(times[dataset.indices[part]].tolist()) for part in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides))


def test_folds_in_time_train_on_ever_more_of_what_came_before(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(when=np.arange(ROWS)), time="when")
    cut = rounds(dataset, folds=5)
    # As scikit-learn's TimeSeriesSplit has it: 48 rows, six stretches of 8, the first is only trained on.
    assert [(len(train), len(judge)) for train, judge in cut] == [(8, 8), (16, 8), (24, 8), (32, 8), (40, 8)]
    assert all(train.max() < judge.min() for train, judge in cut)


def test_groups_that_follow_each_other_are_cut_whole(tmp_path: Path) -> None:
    frame = table(season=np.repeat(np.arange(12), 5), when=np.arange(ROWS))
    dataset = load(tmp_path, frame, groups="season", time="when")
    assert max(groups_of(dataset, "train")) < min(groups_of(dataset, "test"))


def test_what_arranges_rows_is_part_of_what_the_data_is(tmp_path: Path) -> None:
    plain = load(tmp_path, table(when=np.arange(ROWS)), drop=["when"], test=0).fingerprint
    ordered = load(tmp_path, table(when=np.arange(ROWS)), time="when", test=0).fingerprint
    turned = load(tmp_path, table(when=np.arange(ROWS)[::-1]), time="when", test=0).fingerprint
    assert len({plain, ordered, turned}) == 3


BAD: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ("more folds than the smallest class", {}, {}, {"folds": 17}, "rows of the smallest class, 'yes' .16., got 17"),
    ("more folds than rows", {}, {"test": 0}, {"folds": 61, "by": "random"}, "number of rows .* .60., got 61"),
    (
        "more folds than groups",
        {"g": ["a", "b", "c"] * 20},
        {"groups": "g", "test": 0},
        {"folds": 4},
        "groups .3., got 4",
    ),
    (
        "more folds than times",
        {"t": [1, 2, 3] * 20},
        {"time": "t", "test": 0},
        {"folds": 3},
        "points in time.* .2., got 3",
    ),
    ("stratified numbers", {"label": np.arange(ROWS) * 0.5}, {}, {"folds": 3, "by": "stratified"}, "by: random"),
    ("groups without a column", {}, {}, {"folds": 3, "by": "groups"}, "needs data.groups"),
    ("time without a column", {}, {}, {"folds": 3, "by": "time"}, "needs data.time"),
    ("torn groups", {"g": list("abcdef") * 10}, {"groups": "g"}, {"folds": 3, "by": "random"}, "tear apart"),
    ("no such column", {}, {"groups": "patiend"}, {"folds": 3}, "data.groups: no column 'patiend'"),
    ("one group", {"g": "only"}, {"groups": "g"}, {"folds": 3}, "must name several groups, got 'only'"),
    ("a group missing", {"g": ["a", None, "b"] * 20}, {"groups": "g"}, {"folds": 3}, "got none in row 2"),
    (
        "text for time",
        {"t": ["soon", "later", "now"] * 20},
        {"time": "t"},
        {"folds": 3},
        "must hold dates .* got 'soon'",
    ),
    ("one time", {"t": 7}, {"time": "t"}, {"folds": 3}, "must differ between rows"),
    (
        "groups that overlap in time",
        {"g": ["a", "b"] * 30, "t": range(ROWS)},
        {"groups": "g", "time": "t"},
        {"folds": 3},
        "groups overlap in time",
    ),
    (
        "a class that comes late",
        {"label": ["no"] * 40 + ["yes"] * 20, "t": range(ROWS)},
        {"time": "t", "test": 0},
        {"folds": 3},
        "round 1 would train on no row of class 'yes'; take fewer folds",
    ),
    (
        "a column that gives the validation part",
        {"part": ["train", "train", "validation"] * 20},
        {"split": "part"},
        {"folds": 3},
        "validation.folds: cannot be used where column 'part' gives the validation part",
    ),
]


@pytest.mark.parametrize(("columns", "data", "validation", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_what_cannot_be_cut_is_refused(
    tmp_path: Path, columns: dict[str, Any], data: dict[str, Any], validation: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        rounds(load(tmp_path, table(**columns), **data), **validation)


def test_a_split_column_may_give_the_test_part_alone(tmp_path: Path) -> None:
    dataset = load(tmp_path, table(part=["train", "train", "test"] * 20), split="part")
    assert (len(dataset.train), len(dataset.test or [])) == (40, 20)
    assert len(rounds(dataset, folds=4)) == 4


def test_a_file_cannot_give_the_validation_part_of_folds(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "held-out.csv", index=False)
    with pytest.raises(DataError, match="the source or a file gives the validation part"):
        load(tmp_path, table(), validation="held-out.csv")
