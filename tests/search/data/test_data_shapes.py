"""Do sequences, texts and several inputs come out the same from whatever they are handed over in?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, load_dataset
from search.data.pairs import from_pair
from search.data.raw import FREE, TEST, VALIDATION
from search.data.sources import read_source
from search.errors import DataError

SHARED = Path(__file__).parents[4] / "shared" / "data"
ROWS = 24
Y = np.arange(ROWS) % 2
RNG = np.random.default_rng(5)
LENGTHS = [3 + i % 4 for i in range(ROWS)]
SEQUENCES = [RNG.normal(size=(length, 2)).astype(np.float32) for length in LENGTHS]
IMAGES = RNG.integers(0, 256, (ROWS, 9, 9), np.uint8)


def read(tmp_path: Path, source: str, **config: Any) -> Any:
    return read_source(source, tmp_path, DataConfig.model_validate({"source": source} | config))


def fails(tmp_path: Path, source: str, **config: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(tmp_path, source, **config)
    return str(caught.value)


def padded(time_last: bool = False) -> np.ndarray[Any, Any]:
    values = np.full((ROWS, 6, 2), np.nan, np.float32)
    for row, sequence in enumerate(SEQUENCES):
        values[row, : len(sequence)] = sequence
    return values.swapaxes(1, 2) if time_last else values


# -- sequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["list", "objects", "lists of lists", "series"])
def test_sequences_of_different_lengths_are_padded_with_nan(given: str) -> None:
    objects = np.empty(ROWS, object)
    objects[:] = SEQUENCES
    x: Any = {
        "list": SEQUENCES,
        "objects": objects,
        "lists of lists": [sequence.tolist() for sequence in SEQUENCES],
        "series": pd.Series(SEQUENCES),
    }[given]
    raw = from_pair("load.py:f", x, Y)
    assert raw.layout == "sequence"
    assert raw.array is not None
    np.testing.assert_array_equal(raw.array, padded())
    assert raw.notices == ("read as sequences of up to 6 steps, as X has no common length",)


def test_sequences_of_single_numbers_have_one_feature() -> None:
    raw = from_pair("f", [[1, 2], [3], [4, 5, 6]], [0, 1, 0])
    assert raw.array is not None
    np.testing.assert_array_equal(raw.array[:, :, 0], [[1, 2, np.nan], [3, np.nan, np.nan], [4, 5, 6]])


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1.0], []], "each sequence must be an array (steps,) or (steps, features) with a step at least, got the sh"),
        ([np.ones((2, 2)), np.ones((3, 1))], "as many features a step, got 2 in row 1 and 1 in row 2; if time is the"),
        ([[1.0, np.nan], [1.0]], "must hold finite numbers, got NaN or infinity in row 1"),
        ([["a"], ["b", "c"]], "must hold sequences of numbers, got ['a'] in row 1"),
        ([np.ones((2, 2, 2)), np.ones((3, 2, 2))], "(steps,) or (steps, features)"),
    ],
    ids=["empty", "features", "nan", "words", "axes"],
)
def test_what_is_no_sequence_is_told(x: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        from_pair("load.py:f", x, [0, 1])
    assert words in str(caught.value)


def test_time_axis_2_turns_arrays_with_time_behind(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=padded(time_last=True), y=Y)
    raw = read(tmp_path, "t.npz", time_axis=2)
    np.testing.assert_array_equal(raw.array, padded())
    assert (raw.layout, raw.reading) == ("sequence", {"time_axis": 2})
    np.savez(tmp_path / "flat.npz", x=np.zeros((ROWS, 3)), y=Y)
    assert "data.time_axis: 2 is for arrays of (samples, features, time), got (24, 3)" in fails(
        tmp_path, "flat.npz", time_axis=2
    )


def test_parts_of_different_lengths_are_padded_to_the_longest(tmp_path: Path) -> None:
    values = padded(time_last=True)
    np.savez(tmp_path / "t.npz", x_train=values[:16, :, :5], y_train=Y[:16], x_test=values[16:], y_test=Y[16:])
    raw = read(tmp_path, "t.npz", time_axis=2)
    assert raw.array.shape == (ROWS, 6, 2)
    assert np.isnan(raw.array[:16, 5]).all()
    assert raw.parts.tolist() == [FREE] * 16 + [TEST] * 8
    assert "where the last axis is time, set data.time_axis: 2" in fails(tmp_path, "t.npz")
    data = load_dataset(DataConfig(source="t.npz", time_axis=2), seed=0, folder=tmp_path)
    assert (data.spec.input_shape, data.spec.inputs[0].masked) == ((6, 2), True)


def test_images_of_different_heights_are_not_padded(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x_train=IMAGES[:16], y_train=Y[:16], x_test=IMAGES[16:, :8], y_test=Y[16:])
    assert "got (8, 9) and (9, 9); where the first axis is time, set data.layout: sequence" in fails(tmp_path, "t.npz")
    assert read(tmp_path, "t.npz", layout="sequence").array.shape == (ROWS, 9, 9)


def test_a_2_d_array_is_a_sequence_of_one_feature_on_request(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.ones((ROWS, 5)), y=Y)
    assert read(tmp_path, "t.npz").table is not None
    assert read(tmp_path, "t.npz", layout="sequence").array.shape == (ROWS, 5, 1)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("image", "data.layout: image is for arrays of (samples, height, width), but this is a table of 2 columns"),
        ("sequence", "cut a table in order of time with data.windows"),
    ],
)
def test_a_table_is_neither_image_nor_sequence(tmp_path: Path, layout: str, words: str) -> None:
    pd.DataFrame({"a": range(ROWS), "y": Y}).to_csv(tmp_path / "t.csv", index=False)
    assert words in fails(tmp_path, "t.csv", layout=layout)


def test_an_image_has_two_sides(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.ones((ROWS, 2, 2, 2, 2)), y=Y)
    assert "an image must have the shape (samples, height, width) or" in fails(tmp_path, "t.npz", layout="image")


@pytest.mark.skipif(not (SHARED / "seq_JapaneseVowels.npz").is_file(), reason="the real data are not there")
def test_the_japanese_vowels_are_read(tmp_path: Path) -> None:
    data = load_dataset(DataConfig(source=str(SHARED / "seq_JapaneseVowels.npz"), time_axis=2), seed=0, folder=tmp_path)
    assert (data.spec.input_shape, data.spec.outputs, data.spec.inputs[0].masked) == ((29, 12), 9, True)
    assert (len(data.train) + len(data.validation), len(data.test or ())) == (270, 370)


# -- names of arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("X", "y"),
        ("images", "labels"),
        ("data", "target"),
        ("arr_0", "arr_1"),
        ("features", "labels"),
    ],
)
def test_the_usual_names_of_a_pair_are_found(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez(tmp_path / "t.npz", **{names[0]: IMAGES, names[1]: Y})
    raw = read(tmp_path, "t.npz")
    assert raw.array.shape == (ROWS, 9, 9)
    assert raw.labels.tolist() == Y.tolist()


@pytest.mark.parametrize("pattern", ["x_{}/y_{}", "{}_images/{}_labels", "X_{}/Y_{}"])
@pytest.mark.parametrize("validation", ["val", "valid", "validation"])
def test_the_usual_names_of_parts_are_found(tmp_path: Path, pattern: str, validation: str) -> None:
    x, y = pattern.split("/")
    arrays = {}
    for part, rows in (("train", slice(0, 12)), (validation, slice(12, 18)), ("test", slice(18, 24))):
        arrays |= {x.format(part): IMAGES[rows], y.format(part): Y[rows]}
    np.savez(tmp_path / "t.npz", **arrays)
    raw = read(tmp_path, "t.npz")
    np.testing.assert_array_equal(raw.array, IMAGES)
    assert raw.parts.tolist() == [FREE] * 12 + [VALIDATION] * 6 + [TEST] * 6


def test_the_target_may_name_its_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=IMAGES, age=Y + 20, y=Y)
    raw = read(tmp_path, "t.npz", target="age")
    assert (raw.target, raw.labels.iloc[0]) == ("age", 20)
    assert read(tmp_path, "t.npz").target == "y"


def test_arrays_without_a_pair_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", left=IMAGES, right=IMAGES, y=Y)
    words = "must hold X and y, or x_train and y_train; got left, right, y; if it has several inputs, name them in"
    assert words in fails(tmp_path, "t.npz")


# -- several inputs, texts -------------------------------------------------------------------------------------------


def test_several_arrays_become_inputs_by_name(tmp_path: Path) -> None:
    arrays = {"pixels": IMAGES, "size": np.arange(ROWS) * 1.0, "beats": padded(time_last=True)}
    np.savez(tmp_path / "t.npz", **arrays, y=Y)
    inputs = {"image": "pixels", "size": "size", "pulse": {"array": "beats", "time_axis": 2, "layout": "sequence"}}
    raw = read(tmp_path, "t.npz", inputs=inputs)
    assert {name: value.shape for name, value in raw.named.items()} == {
        "image": (ROWS, 9, 9),
        "size": (ROWS, 1),
        "pulse": (ROWS, 6, 2),
    }
    assert len(raw) == ROWS
    data = load_dataset(DataConfig.model_validate({"source": "t.npz", "inputs": inputs}), seed=0, folder=tmp_path)
    assert [(one.name, one.kind) for one in data.spec.inputs] == [
        ("image", "image"),
        ("size", "numbers"),
        ("pulse", "sequence"),
    ]
    assert "data.inputs: there is no array 'pixel'; did you mean 'pixels'?" in fails(
        tmp_path, "t.npz", inputs={"image": "pixel", "size": "size"}
    )
    assert "data.inputs.image names columns, but the source holds arrays" in fails(
        tmp_path, "t.npz", inputs={"image": ["pixels"]}
    )


def test_several_inputs_come_in_parts(tmp_path: Path) -> None:
    arrays = {"a_train": IMAGES[:16], "a_test": IMAGES[16:], "b_train": np.ones((16, 2)), "b_test": np.zeros((8, 2))}
    np.savez(tmp_path / "t.npz", **arrays, y_train=Y[:16], y_test=Y[16:])
    raw = read(tmp_path, "t.npz", inputs={"a": "a", "b": "b"})
    assert raw.named["b"].shape == (ROWS, 2)
    assert raw.parts.tolist() == [FREE] * 16 + [TEST] * 8


SOURCES = """
import numpy as np, pandas as pd
ROWS = 24
Y = np.arange(ROWS) % 2
IMAGES = np.arange(ROWS * 81, dtype=np.uint8).reshape(ROWS, 9, 9)
def several(): return {"image": IMAGES, "meta": pd.DataFrame({"a": np.arange(ROWS)})}, Y
def four(): return {"image": IMAGES[:16], "t": ["x"] * 16}, Y[:16], {"image": IMAGES[16:], "t": ["y"] * 8}, Y[16:]
def columns(): return {"a": np.arange(ROWS), "b": ["x", "y"] * 12}, Y
def texts(): return ["some words", "other words"] * 12, Y
def series(): return pd.Series(["some words", None] * 12, name="note"), Y
def three_pairs(): return (IMAGES[:8], Y[:8]), (IMAGES[8:16], Y[8:16]), (IMAGES[16:], Y[16:])
def short(): return {"image": IMAGES, "meta": np.ones((7, 2))}, Y
def empty(): return {}, Y
def needs(rows): return rows
def doubled(table): return pd.concat([table, table])
def shrunk(arrays): return arrays["x"][:, ::3, ::3], arrays["y"]
def kept(held): return held
def doubly(): return {"image": IMAGES, "meta": Y}
def by_name(): return {"X": IMAGES, "y": Y, "font": np.arange(ROWS) // 4}
def flat(): return {"X_train": IMAGES[:16, 0], "y_train": Y[:16], "X_test": IMAGES[16:, 0], "y_test": Y[16:]}
def flat_groups(): return {"X": IMAGES[:, 0], "y": Y, "font": np.arange(ROWS) // 4}
WHO = np.arange(ROWS) // 4
RAGGED = [np.ones((2 + row % 3, 2)) for row in range(ROWS)]
TABLE = pd.DataFrame({"a": np.arange(ROWS), "note": ["some words", "other words"] * 12, "who": WHO})
def apart(): return {"scan": IMAGES, "pulse": RAGGED, "age": list(range(ROWS)), "y": Y, "who": [str(n) for n in WHO]}
def inside(): return {"x": {"scan": IMAGES, "age": np.arange(ROWS), "who": WHO}, "y": Y}
def inside_pair(): return {"scan": IMAGES, "age": np.arange(ROWS), "who": WHO}, Y
def inside_table(): return {"x": TABLE, "y": Y}
def in_parts():
    held = {"x": IMAGES, "y": Y, "who": WHO}
    cuts = {"train": slice(0, 12), "validation": slice(12, 20), "test": slice(20, None)}
    return {f"{name}_{part}": held[name][cut] for name in held for part, cut in cuts.items()}
def torn(): return {"x_train": IMAGES, "y_train": Y, "x_test": IMAGES, "y_test": Y, "who": WHO}
def few(): return {"x": IMAGES, "y": Y, "who": WHO[:5], "pairs": [[1, 2]] * ROWS, "uneven": [[1], [1, 2]] * 12}
def twice(): return {"x": TABLE, "y": Y, "who": WHO}
def numbered(): return {"x": IMAGES[:, 0], "y": Y}
def keyed(): return {1: IMAGES, 2: Y}
def nothing(table): table.sum()
def broken(table): return table["no such column"]
def no_argument(): return IMAGES, Y
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(SOURCES)
    pd.DataFrame({"a": np.arange(ROWS) * 1.5, "y": Y}).to_csv(tmp_path / "t.csv", index=False)
    np.savez(tmp_path / "t.npz", x=IMAGES, y=Y)
    return tmp_path


def test_a_function_may_return_inputs_by_name(folder: Path) -> None:
    raw = read(folder, "own.py:several")
    assert list(raw.named) == ["image", "meta"]
    renamed = read(folder, "own.py:several", inputs={"pixels": {"array": "image", "layout": "image"}})
    assert list(renamed.named) == ["pixels"]
    parts = read(folder, "own.py:four")
    assert parts.named["t"].tolist() == ["x"] * 16 + ["y"] * 8
    assert parts.parts.tolist() == [FREE] * 16 + [TEST] * 8
    assert "there is no input 'imgae'; did you mean 'image'?" in fails(
        folder, "own.py:several", inputs={"pixels": "imgae"}
    )
    assert "own.py:short input 'meta': X and y must have the same number of rows, got 7 and 24" in fails(
        folder, "own.py:short"
    )
    assert "X must hold an input at least" in fails(folder, "own.py:empty")


def test_a_function_may_return_arrays_by_name_as_a_file_holds_them(folder: Path) -> None:
    assert read(folder, "own.py:flat").parts.tolist() == [FREE] * 16 + [TEST] * 8
    assert "must hold X and y, or x_train and y_train; got image, meta" in fails(folder, "own.py:doubly")


@pytest.mark.parametrize("function", ["by_name", "flat_groups"])
def test_groups_may_be_an_array_beside_the_inputs(folder: Path, function: str) -> None:
    config = DataConfig(source=f"own.py:{function}", groups="font")
    data = load_dataset(config, seed=0, folder=folder)
    font = np.arange(ROWS) // 4
    held = [set(font[rows].tolist()) for rows in data.indices.values()]
    assert sum(map(len, held)) == 6  # no font stands in two parts
    assert data.spec.input_shape == ((9, 9) if function == "by_name" else (9,))
    assert "data.groups: there is no array 'fnot'; did you mean 'font'?" in fails(
        folder, f"own.py:{function}", groups="fnot"
    )


@pytest.mark.parametrize(
    ("function", "inputs", "names"),
    [
        ("apart", {"scan": "scan", "wave": "pulse", "age": "age"}, ("scan", "wave", "age")),
        ("inside", None, ("scan", "age")),
        ("inside", {"pixels": "scan", "years": "age"}, ("pixels", "years")),
        ("inside_pair", None, ("scan", "age")),
        ("inside_table", None, ("text", "numbers")),
        ("inside_table", {"told": {"text": "note"}, "a": ["a"]}, ("told", "a")),
    ],
)
def test_groups_stand_beside_several_inputs_or_among_them(
    folder: Path, function: str, inputs: Any, names: tuple[str, ...]
) -> None:
    text = "note" if inputs is None and function == "inside_table" else None
    config = DataConfig(source=f"own.py:{function}", inputs=inputs, text=text, groups="who")
    data = load_dataset(config, seed=0, folder=folder)
    assert {one.name for one in data.spec.inputs} == set(names)
    held = [set((rows // 4).tolist()) for rows in data.indices.values()]
    assert sum(map(len, held)) == 6


def test_a_function_may_give_groups_with_each_part(folder: Path) -> None:
    data = load_dataset(DataConfig(source="own.py:in_parts", groups="who"), seed=0, folder=folder)
    assert [len(rows) for rows in data.indices.values()] == [12, 8, 4]
    assert data.arrangement.groups is not None
    assert data.arrangement.groups.tolist() == [row // 4 for row in range(ROWS)]


@pytest.mark.parametrize(
    ("function", "groups", "words"),
    [
        ("torn", "who", "no array 'who_train', and each part needs its own"),
        ("few", "who", "array 'who' must have one value per row, (24,), got (5,)"),
        ("few", "pairs", "array 'pairs' must have one value per row, (24,), got (24, 2)"),
        ("few", "uneven", "array 'uneven' must have one value per row, (24,), got lists of different lengths"),
        ("twice", "who", "'who' is both an array and a column of the table; give the array another name"),
        ("numbered", "x1", "there is no array 'x1'"),
        ("keyed", None, "must hold X and y, or x_train and y_train; got 1, 2"),
        ("three_pairs", "who", "there is no 'who' beside the arrays X and y, as data.groups or data.time ask; give it"),
    ],
)
def test_groups_that_do_not_fit_are_told(folder: Path, function: str, groups: str | None, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        load_dataset(DataConfig(source=f"own.py:{function}", groups=groups), seed=0, folder=folder)
    assert str(caught.value).startswith(f"own.py:{function}")
    assert "\n" not in str(caught.value)


def test_a_mapping_of_columns_is_a_table(folder: Path) -> None:
    raw = read(folder, "own.py:columns")
    assert list(raw.table.columns) == ["a", "b", "target"]


@pytest.mark.parametrize(("function", "name"), [("texts", "text"), ("series", "note")])
def test_texts_are_a_table_of_one_column(folder: Path, function: str, name: str) -> None:
    raw = read(folder, f"own.py:{function}")
    assert (raw.text, list(raw.table.columns)) == (name, [name, "target"])


def test_three_pairs_are_train_validation_and_test(folder: Path) -> None:
    raw = read(folder, "own.py:three_pairs")
    assert raw.parts.tolist() == [FREE] * 8 + [VALIDATION] * 8 + [TEST] * 8


# -- prepare ---------------------------------------------------------------------------------------------------------


def test_prepare_gets_what_the_source_holds(folder: Path) -> None:
    assert len(read(folder, "t.csv", prepare="own.py:doubled")) == 2 * ROWS
    assert read(folder, "t.npz", prepare="own.py:shrunk").array.shape == (ROWS, 3, 3)
    assert len(read(folder, "sklearn:iris", prepare="own.py:kept")) == 150
    # A function that is the source, and one that prepares.
    assert read(folder, "own.py:several", prepare="own.py:kept").named is not None


def test_prepare_is_for_every_file_of_the_split(folder: Path) -> None:
    config = DataConfig(source="t.csv", target="y", test="t.csv", prepare="own.py:doubled")
    data = load_dataset(config, seed=0, folder=folder)
    assert len(data.test or ()) == 2 * ROWS


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "nothing",
            "own.py:nothing: must return a DataFrame, a dict of arrays, (X, y) or (x_train, y_train, x_test, y_t",
        ),
        ("prepared", "own.py has no function 'prepared'"),
        ("no_argument", "a function for data.prepare must take one argument, what the source holds; it is defined"),
    ],
)
def test_a_function_that_prepares_nothing_is_told(folder: Path, function: str, words: str) -> None:
    assert words in fails(folder, "t.csv", prepare=f"own.py:{function}")
    assert "no such file" in fails(folder, "t.csv", prepare="other.py:f")


def test_a_source_that_needs_an_argument_is_told(folder: Path) -> None:
    assert "must need no arguments, it is defined with (rows); to change what another source holds, use data.prepa" in (
        fails(folder, "own.py:needs")
    )


def test_a_mistake_in_ones_own_function_keeps_its_traceback(folder: Path) -> None:
    with pytest.raises(KeyError, match="no such column"):
        read(folder, "t.csv", prepare="own.py:broken")
