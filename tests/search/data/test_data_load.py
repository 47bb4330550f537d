"""Does a configuration become prepared parts that are right, reproducible and free of leaks?"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, Dataset, load_dataset


def people(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 70, rows),
            "income": rng.normal(3e4, 1e4, rows).round(2),
            "job": rng.choice(["cook", "pilot", "nurse"], rows),
            "member": rng.choice([True, False], rows),
            "bought": np.arange(rows) % 3 == 0,
        }
    )


def load(folder: Path, frame: pd.DataFrame | None = None, *, seed: int = 0, **config: Any) -> Dataset:
    if frame is not None:
        frame.to_csv(folder / "t.csv", index=False)
    return load_dataset(DataConfig(**({"source": "t.csv"} | config)), seed=seed, folder=folder)


def test_a_table_is_prepared_for_a_binary_target(tmp_path: Path) -> None:
    data = load(tmp_path, people(), target="bought")
    # 2 numeric columns, 3 jobs, 2 values of member
    assert data.spec.input_shape == (7,)
    assert (data.spec.outputs, data.spec.task) == (1, "binary")
    assert data.task_reason == "binary: 'bought' holds the two values False and True"
    assert data.test is not None
    for part, rows in ((data.train, 36), (data.validation, 12), (data.test, 12)):
        assert part.x.shape == (rows, 7)
        assert part.y.shape == (rows, 1)
        assert part.x.dtype == part.y.dtype == np.float32
        assert part.x.flags.c_contiguous
        assert part.y.sum() == rows / 3
    assert (data.rows, data.columns) == (60, 4)
    assert data.feature_names == ("age", "income", "job", "member")
    assert data.notices == ()


def test_preparation_is_fitted_on_the_training_part_only(tmp_path: Path) -> None:
    data = load(tmp_path, people(), target="bought")
    np.testing.assert_allclose(data.train.x[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x[:, :2].std(axis=0), 1, atol=1e-6)
    frame = people()
    held_out = np.concatenate([data.indices["test"], data.indices["validation"]])
    frame.loc[held_out, "age"] += 1000
    frame.loc[held_out, "job"] = "astronaut"
    other = load(tmp_path, frame, target="bought")
    np.testing.assert_array_equal(other.train.x, data.train.x)
    assert (other.validation.x[:, 2:5] == 0).all()  # a job that training did not have


def test_the_preprocessor_repeats_the_parts_from_raw_rows(tmp_path: Path) -> None:
    data = load(tmp_path, people(), target="bought")
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        raw = data.raw_part(name)
        assert part is not None
        np.testing.assert_array_equal(data.preprocessor.transform(raw), part.x)
        y = data.raw_target.iloc[data.indices[name]]
        np.testing.assert_array_equal(data.preprocessor.encode_target(y), part.y)
    assert isinstance(data.sample, pd.DataFrame)
    assert data.sample.columns.tolist() == list(data.feature_names)
    assert len(data.sample) == 5
    assert data.raw_test is not None


def test_missing_values_become_the_median_or_a_category(tmp_path: Path) -> None:
    frame = people()
    frame.loc[0:20, "income"] = np.nan
    frame.loc[0:20, "job"] = "?"
    data = load(tmp_path, frame, target="bought")
    assert data.spec.input_shape == (8,)  # a fourth job: missing
    assert "filled in missing values in: income, job" in data.notices
    train = data.raw_part("train")
    assert isinstance(train, pd.DataFrame)
    filled = train["income"].fillna(train["income"].median())
    z = (filled - filled.mean()) / filled.std(ddof=0)
    np.testing.assert_allclose(data.train.x[:, 1], z, rtol=1e-5, atol=1e-6)


def test_a_large_table_is_prepared_by_pieces_as_scikit_learn_does_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = people(200)
    frame.loc[3:90, "income"] = np.nan
    frame.loc[5:60:3, "job"] = np.nan
    frame.loc[100:108, ["age", "income", "job", "member", "bought"]] = frame.loc[0:8].to_numpy()
    whole = load(tmp_path, frame, target="bought")
    for place in ("prepare.PIECE_ROWS", "dataset.PIECE_ROWS", "inputs.HASH_ROWS"):
        monkeypatch.setattr(f"search.data.{place}", 7)
    data = load(tmp_path, frame, target="bought")
    assert data.notices == whole.notices
    assert any(notice.startswith(f"{frame.duplicated().sum()} of 200 rows are copies") for notice in data.notices)
    assert data.fingerprint == whole.fingerprint

    train = data.raw_part("train")
    assert isinstance(train, pd.DataFrame)
    fill = SimpleImputer(strategy="median").fit(train[["age", "income"]])
    scale = StandardScaler().fit(fill.transform(train[["age", "income"]]))
    encode = OneHotEncoder(sparse_output=False).fit(train[["job", "member"]].fillna("missing").astype(str))
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        raw = data.raw_part(name)
        assert isinstance(raw, pd.DataFrame)
        numbers = scale.transform(fill.transform(raw[["age", "income"]]))
        words = encode.transform(raw[["job", "member"]].fillna("missing").astype(str))
        assert part is not None
        np.testing.assert_allclose(part.x, np.hstack([numbers, words]), rtol=1e-6, atol=1e-6)
        assert part.x.flags.c_contiguous


def test_a_regression_target_is_standardised_by_the_training_part(tmp_path: Path) -> None:
    data = load(tmp_path, people(), target="income")
    target = data.preprocessor.target
    assert abs(data.train.y.mean()) < 1e-6
    assert abs(data.train.y.std() - 1) < 1e-6
    train = data.raw_target.iloc[data.indices["train"]]
    assert (target.mean, target.std) == (train.mean(), pytest.approx(train.std(ddof=0)))
    back = data.preprocessor.decode(data.validation.y)["prediction"]
    np.testing.assert_allclose(back, data.raw_target.iloc[data.indices["validation"]], rtol=1e-6)


def test_decimals_of_a_parquet_file_are_numbers(tmp_path: Path) -> None:
    frame = people()
    frame["bought"] = [Decimal(int(value)) for value in frame["bought"]]
    frame["age"] = [Decimal(int(value)) / 4 for value in frame["age"]]
    frame.to_parquet(tmp_path / "t.parquet")
    data = load(tmp_path, source="t.parquet", target="bought")
    data.preprocessor.save(tmp_path / "bundle")
    assert data.spec.input_shape == (7,)
    assert json.loads((tmp_path / "bundle" / "spec.json").read_text())["target"]["classes"] == [0, 1]


def test_a_multiclass_target_becomes_class_indices(tmp_path: Path) -> None:
    data = load(tmp_path, people(), target="job")
    assert data.spec.outputs == 3
    assert data.preprocessor.target.classes == ("cook", "nurse", "pilot")
    assert data.train.y.dtype == np.int32
    assert data.train.y.ndim == 1


def test_rows_without_a_target_are_left_out_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    frame = people()
    frame["bought"] = frame["bought"].astype(int).astype(object)
    frame.loc[[3, 4], "bought"] = None
    data = load(tmp_path, frame, target="bought")
    assert data.rows == 58
    assert data.notices == ("left out 2 rows whose target 'bought' is missing",)
    assert data.preprocessor.target.classes == (0, 1)
    assert [type(label) for label in data.preprocessor.target.classes] == [int, int]


def test_what_is_left_out_or_odd_is_said(tmp_path: Path) -> None:
    frame = people(100).assign(always=1, patient_id=np.arange(100) * 3 % 301, bought=lambda t: t.index < 5)
    frame = pd.concat([frame, frame.iloc[[50, 51]]])
    data = load(tmp_path, frame.assign(patient_id=np.arange(102)), target="bought")
    assert data.notices == (
        "left out columns with one value only: always",
        "columns that look like row numbers or ids: patient_id; "
        "leave out what is only a number with data.drop: [patient_id]",
        "class True is rare (4.9% of the rows): accuracy says little about it",
    )
    data = load(tmp_path, frame, target="bought", drop="patient_id")
    assert "2 of 102 rows are copies of earlier ones, and may lie on both sides of the split" in data.notices
    assert "patient_id" not in data.feature_names


def test_a_split_column_gives_the_parts_and_is_no_input(tmp_path: Path) -> None:
    frame = people().assign(part=["test"] * 10 + ["train"] * 50)
    data = load(tmp_path, frame, target="bought", split="part")
    assert data.indices["test"].tolist() == list(range(10))
    assert len(data.validation) == 10  # a fifth of the 50 rows that are left
    assert "part" not in data.feature_names
    frame = people().assign(part=["val"] * 10 + ["train"] * 50)
    data = load(tmp_path, frame, target="bought", split="part")
    assert data.test is None
    assert data.notices == ("no test part: split column 'part' names none",)
    assert data.indices["validation"].tolist() == list(range(10))


def test_second_files_hold_the_other_parts(tmp_path: Path) -> None:
    people(20).to_csv(tmp_path / "hold.csv", index=False)
    people(15).iloc[:, ::-1].assign(extra=1).to_csv(tmp_path / "val.tsv", index=False, sep="\t")
    data = load(tmp_path, people(), target="bought", test="hold.csv", validation="val.tsv")
    assert data.test is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (60, 15, 20)
    data = load(tmp_path, target="bought", test="hold.csv")
    assert (len(data.train), len(data.validation)) == (48, 12)


@pytest.mark.parametrize("test", [0, 0.5])
def test_a_test_part_of_the_source_is_kept_apart_or_left_out(tmp_path: Path, test: float) -> None:
    x = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
    y = np.arange(30) % 3
    np.savez(tmp_path / "t.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    data = load(tmp_path, source="t.npz", test=test)
    assert (len(data.train), len(data.validation)) == (16, 4)
    assert data.spec.input_shape == (4, 4)
    np.testing.assert_array_equal(data.train.x, x[data.indices["train"]].astype(np.float32) * np.float32(1 / 255))
    if test:
        assert data.test is not None
        assert len(data.test) == 10
        assert data.rows == 30
    else:
        assert data.test is None
        assert data.rows == 20
        assert data.notices == ("the source's test rows are not used (data.test is 0)",)


@pytest.mark.parametrize(
    ("x", "scaled"),
    [
        (np.array([0, 255], np.uint8), (0.0, 1.0)),
        (np.array([0, 255], np.int64), (0.0, 1.0)),
        (np.array([0, 1], np.uint8), (-1.0, 1.0)),
        (np.array([0, 256], np.int64), (-1.0, 1.0)),
        (np.array([10.0, 30.0]), (-1.0, 1.0)),
        (np.array([False, True]), (-1.0, 1.0)),
    ],
)
def test_images_are_scaled_by_their_type(tmp_path: Path, x: np.ndarray, scaled: tuple[float, float]) -> None:
    # Every sample holds both values, so that every part has mean and std of the whole.
    images = np.tile(x, (20, 3, 1))
    np.savez(tmp_path / "t.npz", x=images, y=np.arange(20) % 2)
    data = load(tmp_path, source="t.npz")
    np.testing.assert_allclose(np.unique(data.train.x), scaled, rtol=1e-6)
    assert data.train.x.dtype == np.float32
    assert data.feature_names == ()


def test_an_array_of_two_dimensions_is_a_table_of_its_width(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[:, 1] = 7.0
    np.savez(tmp_path / "t.npz", X=x, y=np.arange(40) % 2)
    data = load(tmp_path, source="t.npz")
    assert data.spec.input_shape == (3,)
    assert (data.train.x[:, 1] == 0).all()
    rows = data.indices["train"]
    np.testing.assert_array_equal(data.preprocessor.transform(x[rows]), data.train.x)


def test_the_seed_decides_the_split_and_nothing_else(tmp_path: Path) -> None:
    first, again, other = (load(tmp_path, people(), target="bought", seed=seed) for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert first.indices["test"].tolist() != other.indices["test"].tolist()


def test_the_fingerprint_follows_the_content_not_the_file(tmp_path: Path) -> None:
    frame = people()
    frame.loc[3, ["income", "job"]] = [np.nan, None]
    frame.to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes(), mtime=5))
    frame.to_csv(tmp_path / "c.tsv", index=False, sep="\t")
    frame.astype({"age": "int16"}).to_parquet(tmp_path / "d.parquet")
    found = {load(tmp_path, source=n, target="bought").fingerprint for n in ("a.csv", "b.csv.gz", "c.tsv", "d.parquet")}
    assert len(found) == 1
    assert len(found.pop()) == 16


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.iloc[::-1],
        lambda t: t.rename(columns={"age": "years"}),
        lambda t: t.assign(age=t["age"].where(t.index > 0, 99)),
        lambda t: t.assign(job=t["job"].where(t.index > 0, "priest")),
        lambda t: t.assign(bought=t["bought"].where(t.index > 1, ~t["bought"])),
        lambda t: t[["income", "age", "job", "member", "bought"]],
    ],
    ids=["order of rows", "name", "number", "word", "target", "order of columns"],
)
def test_the_fingerprint_changes_with_the_content(tmp_path: Path, change: Any) -> None:
    before = load(tmp_path, people(), target="bought").fingerprint
    assert load(tmp_path, change(people()), target="bought").fingerprint != before


def test_another_process_loads_the_same_without_tensorflow(tmp_path: Path) -> None:
    here = load(tmp_path, people(), target="bought", seed=4)
    code = (
        "import sys, json, pathlib; import search.data as d; light = 'pandas' not in sys.modules; "
        "config = d.DataConfig(source='t.csv', target='bought');"
        "data = d.load_dataset(config, seed=4, folder=pathlib.Path(sys.argv[1]));"
        "heavy = [m for m in ('tensorflow', 'keras', 'optuna', 'mlflow') if m in sys.modules];"
        "print(json.dumps([light, heavy, data.fingerprint, float(data.train.x.sum())]))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [True, [], here.fingerprint, float(here.train.x.sum())]
