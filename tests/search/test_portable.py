"""Do a bundle's predictions depend on nothing but the bundle, and are unfit rows refused in a line?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import search.portable as portable
from search.data.prepare import fit_table
from search.portable import (
    ArrayInput,
    Column,
    PortableError,
    PortableModel,
    Preprocessor,
    SequenceInput,
    SeveralInputs,
    Target,
    TokenInput,
    score_units,
)
from search.portable.user_code import load_code
from spaces.data_spec import MASK_VALUE

TRAIN = pd.DataFrame(
    {
        "age": [20.0, 30.0, np.nan, 40.0],
        "job": ["cook", "nurse", "cook", None],
        "member": [True, False, True, True],
    }
)
COLUMNS = (Column("age", "numeric"), Column("job", "categorical"), Column("member", "boolean"))


def table(task: Any = "binary", target: Target | None = None) -> Preprocessor:
    return Preprocessor(task, target or Target("t", ("no", "yes")), fit_table(TRAIN, COLUMNS))


SEQUENCES = SequenceInput((4, 2), means=(0.5, 1 / 3), stds=(1.0, 2.0), masked=True)
TEXTS = TokenInput("note", "characters", ("a", "é", '"'), length=5, size=7)


def array(task: Any = "binary", target: Target | None = None) -> Preprocessor:
    return Preprocessor(task, target or Target("t", (0, 1)), ArrayInput((2, 3), offset=1.0, scale=0.5))


# Median and mean of the ages are 30; the deviations are -10, 0, 0, 10: std = sqrt(200 / 4) = 7.0711.
STEP = 10 / 50**0.5
# age, job cook, missing, nurse, member False, True
EXPECTED = [
    [-STEP, 1, 0, 0, 0, 1],
    [0, 0, 0, 1, 1, 0],
    [0, 1, 0, 0, 0, 1],
    [STEP, 0, 1, 0, 0, 1],
]


def test_a_table_becomes_scaled_numbers_and_one_column_per_category() -> None:
    x = table().transform(TRAIN)
    np.testing.assert_allclose(x, EXPECTED, rtol=1e-6)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame({"extra": [0], "member": [True], "job": ["cook"], "age": [20]}),
        pd.DataFrame({"member": ["True"], "job": [" cook "], "age": ["20"]}),
        pd.DataFrame({"member": [True], "job": ["cook"], "age": [20]}, dtype="category"),
        pd.DataFrame({"member": [True], "job": ["cook"], "age": [20]}).convert_dtypes(),
        {"member": True, "job": "cook", "age": 20},
        {"member": [True], "job": ["cook"], "age": [20]},
        [{"member": True, "job": "cook", "age": 20.0}],
        pd.Series({"member": True, "job": "cook", "age": 20}),
        np.array([[20, "cook", True]], dtype=object),
        [[20, "cook", True]],
    ],
    ids=["frame", "words", "categories", "nullable", "dict", "dict of lists", "list", "series", "array", "lists"],
)
def test_rows_may_come_in_any_usual_form(rows: Any) -> None:
    np.testing.assert_allclose(table().transform(rows), EXPECTED[:1], rtol=1e-6)


def test_unknown_categories_are_zeros_and_gaps_are_filled() -> None:
    rows = pd.DataFrame({"age": [None, "?"], "job": ["pilot", ""], "member": [None, False]})
    # age: the median, 30, is the mean; pilot is unknown, the empty word is "missing"; member was never missing
    np.testing.assert_array_equal(table().transform(rows), [[0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 1, 0]])


def test_categories_that_are_numbers_match_whatever_type_holds_them() -> None:
    columns = (Column("zone", "categorical"),)
    train = pd.DataFrame({"zone": pd.Categorical(["1", "2", "1"])})
    fitted = fit_table(train, columns)
    for rows in ([1, 2], [1.0, 2.0], ["1", "2"], ["1", " 2"]):
        np.testing.assert_array_equal(fitted.transform(pd.DataFrame({"zone": rows})), [[1, 0], [0, 1]])


def test_no_rows_give_no_rows() -> None:
    assert table().transform(TRAIN.head(0)).shape == (0, 6)
    assert array().transform(np.zeros((0, 2, 3))).shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (TRAIN[["age", "member"]], "the rows lack the column 'job'"),
        (TRAIN[["member"]], "the rows lack the columns 'age', 'job'"),
        (TRAIN.rename(columns={"job": "Job"}), "the rows lack the column 'job' (is 'Job' meant?)"),
        (TRAIN.assign(age=["1", "2", "tall", "4"]), "column 'age' must hold numbers, got 'tall' in row 3"),
        (TRAIN.assign(age=np.inf), "column 'age' must hold finite numbers, got inf in row 1"),
        (TRAIN.assign(age=pd.date_range("2020", periods=4)), "column 'age' must hold numbers, got dates"),
        (pd.concat([TRAIN, TRAIN["age"]], axis=1), "the rows hold the column 'age' more than once"),
        (np.zeros((2, 4)), "the array must have the shape (rows, 3), got (2, 4)"),
        (np.zeros(3), "the array must have the shape (rows, 3), got (3,)"),
    ],
)
def test_unfit_tables_are_refused(rows: Any, words: str) -> None:
    with pytest.raises(PortableError) as caught:
        table().transform(rows)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_array_is_shifted_and_scaled() -> None:
    rows = np.arange(12).reshape(2, 2, 3)
    x = array().transform(rows)
    np.testing.assert_array_equal(x, (rows - 1) / 2)
    assert x.dtype == np.float32
    assert rows[0, 0, 1] == 1  # the caller's array is not touched


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((4, 3, 2)), "the array must have the shape (rows, 2, 3), got (4, 3, 2)"),
        (np.zeros((2, 3)), "got (2, 3)"),
        (5, "got ()"),
        (np.full((1, 2, 3), np.nan), "must hold finite numbers only"),
        (np.full((1, 2, 3), 1e39), "must hold finite numbers only"),
        ([[["a"]]], "must hold real numbers, got dtype <U1"),
    ],
)
def test_unfit_arrays_are_refused(rows: Any, words: str) -> None:
    with pytest.raises(PortableError) as caught:
        array().transform(rows)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("task", "classes", "y", "encoded"),
    [
        ("binary", ("no", "yes"), ["yes", "no"], [[1.0], [0.0]]),
        ("binary", (False, True), np.array([True, False]), [[1.0], [0.0]]),
        ("binary", (0, 1), pd.Series([1.0, 0.0]), [[1.0], [0.0]]),
        ("multiclass", ("a", "b", "c"), pd.Categorical(["c", "a"]), [2, 0]),
        ("multiclass", (3, 5, 9), np.array([[9], [3]]), [2, 0]),
    ],
)
def test_classes_are_encoded_in_their_order(task: Any, classes: Any, y: Any, encoded: Any) -> None:
    codes = table(task, Target("t", classes)).encode_target(y)
    assert codes.tolist() == encoded
    assert codes.dtype == (np.float32 if task == "binary" else np.int32)


@pytest.mark.parametrize(
    ("target", "y", "words"),
    [
        (
            Target("t", ("no", "yes")),
            ["no", "maybe"],
            "has unknown class 'maybe' in row 2; the classes are 'no', 'yes'",
        ),
        (Target("t", (0, 1)), ["0", "1"], "unknown class '0' in row 1; the classes are 0, 1"),
        (Target("t", ("no", "yes")), ["no", None], "target 't' has no class in row 2"),
        (Target("t", None, 5.0, 2.0), [1.0, None], "target 't' must be a number in every row, row 2 is empty"),
        (Target("t", None, 5.0, 2.0), ["high"], "column 't' must hold numbers, got 'high' in row 1"),
    ],
)
def test_unknown_targets_are_named(target: Target, y: Any, words: str) -> None:
    with pytest.raises(PortableError) as caught:
        table("binary" if target.classes else "regression", target).encode_target(y)
    assert words in str(caught.value)


def test_binary_outputs_become_a_class_and_both_probabilities() -> None:
    predicted = table().decode(np.array([[0.9], [0.5], [0.2]], np.float32))
    assert predicted.columns.tolist() == ["prediction", "probability_no", "probability_yes"]
    assert predicted["prediction"].tolist() == ["yes", "no", "no"]  # 0.5 is not above one half
    np.testing.assert_allclose(predicted["probability_yes"], [0.9, 0.5, 0.2], rtol=1e-6)
    np.testing.assert_allclose(predicted["probability_no"], [0.1, 0.5, 0.8], rtol=1e-6)


@pytest.mark.parametrize("classes", [(3, 5, 9), ("a", "b", "c"), (0.5, 1.5, 2.5)])
def test_multiclass_outputs_keep_the_type_of_the_classes(classes: tuple[Any, ...]) -> None:
    predicted = table("multiclass", Target("t", classes)).decode([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    assert predicted["prediction"].tolist() == [classes[2], classes[0]]
    assert type(predicted["prediction"].tolist()[0]) is type(classes[0])
    assert predicted.columns.tolist() == ["prediction", *(f"probability_{label}" for label in classes)]


def test_boolean_classes_are_predicted_as_booleans() -> None:
    predicted = table(target=Target("t", (False, True))).decode([[0.9]])
    assert predicted["prediction"].dtype == bool
    assert predicted["probability_True"].tolist() == [0.9]


def test_regression_outputs_return_to_the_targets_unit() -> None:
    fitted = table("regression", Target("t", None, mean=50.0, std=10.0))
    assert fitted.decode([[-1.0], [0.5]])["prediction"].tolist() == [40.0, 55.0]
    assert fitted.encode_target([40.0, 55.0]).tolist() == [[-1.0], [0.5]]


@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("mae", 1),
        ("val_mae", 1),
        ("mean_absolute_error", 1),
        ("test_rmse", 1),
        ("val_root_mean_squared_error", 1),
        ("mse", 2),
        ("val_mean_squared_error", 2),
        ("MSE", 2),
        ("loss", 0),
        ("val_loss", 0),
        ("r2", 0),
        ("val_r2_score", 0),
        ("accuracy", 0),
    ],
)
def test_errors_are_given_in_the_targets_unit(name: str, power: int) -> None:
    assert score_units(name, 0.5, target_std=10.0) == 0.5 * 10.0**power


def described(fitted: Preprocessor) -> dict[str, Any]:
    return {key: value for key, value in vars(fitted.inputs).items() if key != "pipeline"}


@pytest.mark.parametrize(
    "fitted",
    [
        table(),
        table("multiclass", Target("t", (True, 1.5, "ä"))),
        table("regression", Target("t", None, mean=0.1, std=1 / 3)),
        array(),
        Preprocessor("binary", Target("t", ("no", "yes"), threshold=0.3), SEQUENCES, {"time_axis": 2}),
        Preprocessor("binary", Target("t", (0, 1)), TEXTS),
    ],
    ids=["table", "multiclass", "regression", "array", "sequence", "tokens"],
)
def test_a_saved_preprocessor_is_the_same_when_loaded(tmp_path: Path, fitted: Preprocessor) -> None:
    fitted.save(tmp_path / "new" / "bundle")
    loaded = Preprocessor.load(tmp_path / "new" / "bundle")
    assert (loaded.task, loaded.target, loaded.reading) == (fitted.task, fitted.target, fitted.reading)
    assert described(loaded) == described(fitted)
    rows = {"table": TRAIN, "array": np.ones((2, 2, 3)), "sequence": np.ones((2, 3, 2)), "tokens": ["ab"]}[fitted.kind]
    np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))


def test_several_inputs_are_the_same_when_loaded(tmp_path: Path) -> None:
    columns = COLUMNS[:2]
    parts = {"one": fit_table(TRAIN, columns), "two": fit_table(TRAIN, COLUMNS[2:]), "text": TEXTS}
    fitted = Preprocessor("binary", Target("t", (0, 1)), SeveralInputs(parts))
    fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "spec.json",
        "preprocessor.one.skops",
        "preprocessor.two.skops",
    }
    loaded, rows = Preprocessor.load(tmp_path), TRAIN.assign(note="aé")
    assert loaded.kind == "inputs"
    expected = fitted.transform(rows)
    for name, x in loaded.transform(rows).items():
        np.testing.assert_array_equal(x, expected[name])


# What the version before wrote: one input, its facts beside the task.
FORMAT_1 = """
{"format": 1, "kind": "array", "task": "multiclass", "input_shape": [2, 3],
 "target": {"name": "t", "classes": ["a", "b", "c"], "mean": 0.0, "std": 1.0},
 "columns": [], "offset": 1.0, "scale": 0.5}
"""


def test_bundles_of_the_first_format_still_load(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(FORMAT_1)
    loaded = Preprocessor.load(tmp_path)
    assert loaded == Preprocessor("multiclass", Target("t", ("a", "b", "c")), ArrayInput((2, 3), 1.0, 0.5))
    table().save(tmp_path)
    old = {
        "format": 1,
        "kind": "table",
        "task": "binary",
        "input_shape": [6],
        "target": {"name": "t", "classes": ["no", "yes"], "mean": 0.0, "std": 1.0},
        "columns": [{"name": column.name, "kind": column.kind} for column in COLUMNS],
        "offset": 0.0,
        "scale": 1.0,
    }
    (tmp_path / "spec.json").write_text(json.dumps(old))
    np.testing.assert_allclose(Preprocessor.load(tmp_path).transform(TRAIN), EXPECTED, rtol=1e-6)


def test_own_code_is_run_once_and_a_missing_file_is_told(tmp_path: Path) -> None:
    place = tmp_path / "user_code"
    place.mkdir()
    (place / "helper.py").write_text("FACTOR = 3\n")
    (place / "mine.py").write_text("from helper import FACTOR\nclass Mine:\n    factor = FACTOR\n")
    objects = load_code(tmp_path, ["mine.py"])
    assert list(objects) == ["Mine"]
    assert objects["Mine"].factor == 3
    assert load_code(tmp_path, ["mine.py"])["Mine"] is objects["Mine"]
    sys.modules.pop("helper")
    for name in ("gone.py", "../mine.py"):
        with pytest.raises(PortableError, match="the model's own code is missing"):
            load_code(tmp_path, [name])


def test_a_masked_step_is_marked_as_the_models_expect_it() -> None:
    assert portable.MASK_VALUE == MASK_VALUE


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((2, 3, 5)), "the array must have the shape (rows, steps, 2), got (2, 3, 5)"),
        (np.zeros((2, 3)), "got (2, 3)"),
        ([np.zeros((2, 2)), np.zeros((3, 4))], "of equally many features, got (2, 2), (3, 4)"),
        ([["a"], ["b"]], "each sequence must be an array (steps, features) of numbers"),
        (np.array([[[1.0, 2.0], [np.nan, 2.0], [1.0, 1.0]]]), "got NaN in row 1, step 2 of 3, feature 1"),
        (np.full((1, 3, 2), np.nan), "every sequence must have at least one step, got none in row 1"),
        (np.full((1, 3, 2), 1e39), "must hold finite numbers, got 1e+39 in row 1, step 1, feature 1"),
    ],
    ids=["features", "axes", "ragged", "words", "gap", "empty", "too large"],
)
def test_unfit_sequences_are_refused(rows: Any, words: str) -> None:
    with pytest.raises(PortableError) as caught:
        SEQUENCES.transform(rows)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_texts_need_their_column() -> None:
    with pytest.raises(PortableError, match=r"the rows lack the column 'note' \(is 'notes' meant"):
        TEXTS.transform(pd.DataFrame({"notes": ["a"]}))
    with pytest.raises(
        PortableError, match=r"the texts of 'note' must be one a row, got an array of the shape \(2, 2\)"
    ):
        TEXTS.transform(np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("spec.json", b"{", "damaged, cannot be read"),
        ("spec.json", b"[]", "damaged, cannot be read"),
        ("spec.json", b"\xff", "damaged, cannot be read"),
        ("spec.json", b'{"format": 1}', "damaged, cannot be read ('input_shape')"),
        ("spec.json", b'{"format": 2}', "damaged, cannot be read ('target')"),
        ("spec.json", b'{"format": 3}', "bundle format 3 is not 2 or 1"),
        ("preprocessor.skops", b"no", "preprocessor.skops: damaged or missing"),
    ],
)
def test_a_damaged_bundle_is_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    table().save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PortableError) as caught:
        Preprocessor.load(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_its_files_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(PortableError, match=r"not a model bundle \(it has no spec.json\)"):
        Preprocessor.load(tmp_path)
    table().save(tmp_path)
    with pytest.raises(PortableError, match=r"not a model bundle \(it has no model.keras\)"):
        PortableModel.load(tmp_path)
    (tmp_path / "preprocessor.skops").unlink()
    with pytest.raises(PortableError, match="damaged or missing"):
        Preprocessor.load(tmp_path)


def test_a_pipeline_of_foreign_types_is_not_loaded(tmp_path: Path) -> None:
    table().save(tmp_path)
    path = tmp_path / "preprocessor.skops"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    schema["__class__"], schema["__module__"] = "Popen", "subprocess"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(schema) if name == "schema.json" else content)
    with pytest.raises(PortableError, match=r"holds types that are not trusted \(subprocess.Popen\)"):
        Preprocessor.load(tmp_path)


# Run where kerasweep cannot be imported, beside a copy of the module: as an exported model is used.
ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import kerasweep_model as portable
light = not {"pandas", "sklearn", "skops", "keras", "tensorflow"} & set(sys.modules)
import numpy as np, pandas as pd
columns = {"age": [20, 40, 30], "job": ["cook", "pilot", None], "member": [True, False, True]}
frame = pd.DataFrame(columns, index=[7, 8, 9])
import keras
folder = sys.argv[2]
inputs = keras.Input((6,))
keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(inputs)).save(folder + "/model.keras")
model = portable.PortableModel.load(folder)
first = model.predict(frame)
weights = [layer.get_weights() for layer in model.model.layers if layer.get_weights()][0]
logits = model.preprocessor.transform(frame) @ weights[0] + weights[1]
by_hand = (1 / (1 + np.exp(-logits)))[:, 0]
served = portable._load_pyfunc(folder)
print(json.dumps({
    "light": light,
    "index": first.index.tolist(),
    "columns": first.columns.tolist(),
    "close": bool(np.allclose(first["probability_yes"], by_hand, atol=1e-6)),
    "served": served.predict(frame, params={}).equals(first),
    "empty": [list(model.predict(frame.head(0)).columns), len(model.predict(frame.head(0)))],
    "kerasweep": [name for name in sys.modules if name.split(".")[0] in ("search", "spaces", "tracking")],
}))
"""


def test_a_bundle_predicts_without_kerasweep(tmp_path: Path) -> None:
    table().save(tmp_path / "bundle")
    shutil.copytree(Path(portable.__file__).parent, tmp_path / "copy" / "kerasweep_model")
    command = [sys.executable, "-I", "-c", ALONE, str(tmp_path / "copy"), str(tmp_path / "bundle")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    columns = ["prediction", "probability_no", "probability_yes"]
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "light": True,
        "index": [7, 8, 9],
        "columns": columns,
        "close": True,
        "served": True,
        "empty": [columns, 0],
        "kerasweep": [],
    }
