"""Is every kind of input prepared by its training rows alone, in shapes that all folds share?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, load_dataset
from search.data.dataset import Dataset
from search.data.layouts import layout_of
from search.data.refit import prepared, refit
from search.draft import draft
from search.portable import SequenceInput, SeveralInputs, TokenInput
from spaces.data_spec import MASK_VALUE, InputSpec

ROWS = 24
Y = np.arange(ROWS) % 2
RNG = np.random.default_rng(1)
STEPS = RNG.normal(loc=5.0, scale=3.0, size=(ROWS, 6, 2))
RAGGED = STEPS.copy()
RAGGED[::4, 3:] = np.nan
TABLE = pd.DataFrame(
    {
        "size": RNG.normal(size=ROWS),
        "colour": ["red", "blue"] * (ROWS // 2),
        "note": [f"no. {i}" + "!" * (i % 5) for i in range(ROWS)],
        "t": np.where(Y, "yes", "no"),
    }
)


def arrays(folder: Path, family: str | None = None, *, config: dict[str, Any] | None = None, **held: Any) -> Dataset:
    np.savez(folder / "d.npz", y=Y, **held)
    return load_dataset(DataConfig(source="d.npz", **(config or {})), seed=0, folder=folder, family=family)


def table(folder: Path, frame: pd.DataFrame = TABLE, **config: Any) -> Dataset:
    frame.to_csv(folder / "t.csv", index=False)
    return load_dataset(DataConfig(source="t.csv", target="t", **config), seed=0, folder=folder)


def test_several_inputs_are_prepared_by_pieces_as_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table(tmp_path, text="note")
    at_once = data.train.x, data.validation.x
    monkeypatch.setattr("search.data.dataset.PIECE_ROWS", 5)
    pieces = table(tmp_path, text="note")
    assert len(list(pieces.train.pieces())) == -(-len(pieces.train) // 5) > 1
    for ours, theirs in zip((pieces.train.x, pieces.validation.x), at_once, strict=True):
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        assert ours.keys() == theirs.keys() == {"numbers", "text"}
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name])
            assert array.dtype == theirs[name].dtype


# -- what an array is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "stated", "hint", "family", "layout"),
    [
        (np.zeros((4, 8, 8)), "auto", None, None, "image"),
        (np.zeros((4, 3, 3), np.uint8), "auto", None, "mlp", "image"),
        (np.zeros((4, 3, 3)), "auto", None, None, "numbers"),
        (np.zeros((4, 3, 3)), "auto", None, "cnn", "image"),
        (np.zeros((4, 8, 8)), "auto", None, "rnn", "sequence"),
        (np.zeros((4, 8, 8)), "sequence", None, "cnn", "sequence"),
        (np.zeros((4, 8, 8)), "auto", "sequence", "mlp", "sequence"),
        (np.zeros((4, 8, 8)), "image", "sequence", "rnn", "image"),
        (RAGGED, "auto", None, None, "sequence"),
        (np.full((4, 3, 3), np.nan), "auto", None, None, "numbers"),
        (np.zeros((4, 8, 8, 3)), "auto", None, "rnn", "image"),
        (np.zeros((4, 2, 2, 2, 2)), "auto", None, None, "numbers"),
    ],
)
def test_axes_mean_what_is_stated_else_what_the_array_looks_like(
    array: Any, stated: str, hint: Any, family: str | None, layout: str
) -> None:
    assert layout_of(array, stated=stated, hint=hint, family=family) == layout


def test_images_keep_their_shape_and_scale(tmp_path: Path) -> None:
    data = arrays(tmp_path, x=np.arange(ROWS * 64, dtype=np.uint8).reshape(ROWS, 8, 8))
    assert data.spec.inputs == (InputSpec((8, 8), "image"),)
    assert data.train.x.max() <= 1


# -- sequences -------------------------------------------------------------------------------------------------------


def test_sequences_are_standardised_over_the_real_steps_of_the_training_rows(tmp_path: Path) -> None:
    data = arrays(tmp_path, x=RAGGED)
    assert data.spec.inputs == (InputSpec((6, 2), "sequence", masked=True),)
    x, raw = np.asarray(data.train.x), RAGGED[data.indices["train"]]
    real = ~np.isnan(raw)
    assert (x[~real] == MASK_VALUE).all()
    np.testing.assert_allclose(x[real].reshape(-1, 2).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x[real].reshape(-1, 2).std(axis=0), 1, atol=1e-6)
    assert data.preprocessor.kind == "sequence"


def test_sequences_of_one_length_need_no_mask_and_have_no_other(tmp_path: Path) -> None:
    data = arrays(tmp_path, "rnn", x=STEPS)
    assert data.spec.inputs == (InputSpec((6, 2), "sequence", masked=False),)
    with pytest.raises(ValueError, match="every sequence must have 6 steps, as all had in training; got 5"):
        data.preprocessor.transform(STEPS[:, :5])
    with pytest.raises(ValueError, match="got 3 in row 1"):
        data.preprocessor.transform(RAGGED)


def test_new_sequences_may_be_shorter_or_longer_where_lengths_differed() -> None:
    known = SequenceInput((4, 1), means=(1.0,), stds=(2.0,), masked=True)
    expected = [[[0.0], [1.0], [MASK_VALUE], [MASK_VALUE]]]
    for rows in (np.array([[[1.0], [3.0]]]), [[[1.0], [3.0]]], np.array([[1.0, 3.0]]), [np.array([1.0, 3.0])]):
        np.testing.assert_array_equal(known.transform(rows), expected)
    longer = np.arange(1.0, 8.0).reshape(1, 7, 1)
    np.testing.assert_array_equal(known.transform(longer)[0, :, 0], [0.0, 0.5, 1.0, 1.5])  # the first steps
    ragged = known.transform([np.ones((1, 1)), np.ones((6, 1))])
    assert (ragged[0, :, 0] == MASK_VALUE).tolist() == [False, True, True, True]
    assert known.transform(np.empty((0, 3, 1))).shape == (0, 4, 1)


def test_longest_cuts_sequences(tmp_path: Path) -> None:
    data = arrays(tmp_path, "rnn", x=STEPS, config={"longest": 4})
    assert data.spec.inputs == (InputSpec((4, 2), "sequence", masked=True),)
    assert "24 of 24 sequences are longer than 4 steps; their first 4 count" in data.notices


def test_labels_that_count_are_classes_of_images_but_numbers_for_sequences(tmp_path: Path) -> None:
    y = np.arange(2 * ROWS)
    np.savez(tmp_path / "d.npz", x=np.repeat(STEPS, 2, axis=0), y=y)
    assert load_dataset(DataConfig(source="d.npz"), seed=0, folder=tmp_path, family="rnn").spec.task == "regression"


# -- texts -----------------------------------------------------------------------------------------------------------


def test_a_text_is_tokens_of_the_training_rows(tmp_path: Path) -> None:
    frame = TABLE[["note", "t"]].assign(s=["train"] * 14 + ["validation"] * 4 + ["test"] * 6)
    frame.loc[19, "note"] = "§§"  # characters that training does not have
    data = table(tmp_path, frame, split="s", text="note")
    fitted = data.preprocessor.inputs
    assert isinstance(fitted, TokenInput)
    characters = set("".join(frame["note"][:14]))
    assert set(fitted.tokens) == characters
    assert fitted.tokens[:1] == ("!",)  # the most frequent
    assert data.spec.inputs == (InputSpec((10,), "tokens", vocabulary=len(characters) + 2, masked=True),)
    assert data.train.x.dtype == np.int32
    assert data.test is not None
    assert np.asarray(data.test.x)[1].tolist() == [1, 1, *[0] * 8]  # unknown, unknown, padding


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["ab", "b!x", ""], [[2, 3, 0], [3, 1, 1], [1, 0, 0]]),
        (pd.Series(["ab"]), [[2, 3, 0]]),
        (pd.Series({"word": "ab", "other": 1}), [[2, 3, 0]]),
        (pd.DataFrame({"other": [1, 2], "word": ["ab", None]}), [[2, 3, 0], [1, 0, 0]]),
        (np.array([["ab"]]), [[2, 3, 0]]),
        ({"word": "ab"}, [[2, 3, 0]]),
        ([{"word": "abab"}], [[2, 3, 2]]),
        ("ab", [[2, 3, 0]]),
        ([], np.zeros((0, 3))),
    ],
    ids=["list", "series", "row", "frame", "array", "dict", "dicts", "one", "none"],
)
def test_texts_may_come_in_any_usual_form(rows: Any, expected: Any) -> None:
    x = TokenInput("word", "characters", ("a", "b"), length=3, size=4).transform(rows)
    np.testing.assert_array_equal(x, expected)


def test_words_keep_their_case_and_marks_are_words() -> None:
    fitted = TokenInput("t", "words", ("The", "the", "'", "é"), length=6, size=6)
    assert fitted.transform(["The the's e\u0301."]).tolist() == [[2, 3, 4, 1, 5, 1]]


def test_long_texts_are_cut_into_words(tmp_path: Path) -> None:
    notes = [f"it was a long day in the year {1900 + i} of our town" for i in range(ROWS)]
    data = table(tmp_path, TABLE.assign(note=notes), text="note", longest=5)
    assert isinstance(data.preprocessor.inputs, SeveralInputs)
    text = data.preprocessor.inputs.parts["text"]
    assert isinstance(text, TokenInput)
    assert (text.unit, text.length) == ("words", 5)
    assert any("24 of 24 texts in 'note' are longer than 5 words; their first 5 count" in n for n in data.notices)


# -- several ---------------------------------------------------------------------------------------------------------


def test_a_text_beside_other_columns_makes_two_inputs(tmp_path: Path) -> None:
    data = table(tmp_path, text="note")
    assert [(one.name, one.kind, one.shape) for one in data.spec.inputs] == [
        ("numbers", "numbers", (3,)),
        ("text", "tokens", (10,)),
    ]
    assert isinstance(data.train.x, dict)
    assert {name: len(x) for name, x in data.train.x.items()} == {"numbers": len(data.train), "text": len(data.train)}
    assert data.feature_names == ("size", "colour", "note")
    by_column = data.preprocessor.transform(TABLE.head(3))
    by_name = data.preprocessor.transform(
        {"numbers": TABLE.head(3)[["size", "colour"]], "text": list(TABLE["note"][:3])}
    )
    for name, x in by_column.items():
        np.testing.assert_array_equal(by_name[name], x)


def test_inputs_take_the_columns_that_they_name(tmp_path: Path) -> None:
    inputs = {"one": ["size"], "words": {"text": "note", "tokens": "words"}, "two": ["colour"]}
    data = table(tmp_path, TABLE.assign(unused=range(ROWS)), inputs=inputs)
    assert [(one.name, one.kind) for one in data.spec.inputs] == [
        ("one", "numbers"),
        ("words", "tokens"),
        ("two", "numbers"),
    ]
    assert "left out columns that no input names: unused" in data.notices


def test_arrays_by_name_are_inputs_each_of_its_kind(tmp_path: Path) -> None:
    held = {"p": np.zeros((ROWS, 8, 8), np.uint8) + np.arange(8, dtype=np.uint8), "s": RAGGED, "n": STEPS[:, 0]}
    held["w"] = np.array(TABLE["note"], str)
    inputs = {"picture": "p", "series": "s", "numbers": "n", "words": "w"}
    data = arrays(tmp_path, config={"inputs": inputs}, **held)
    assert {one.name: one.kind for one in data.spec.inputs} == {
        "picture": "image",
        "series": "sequence",
        "numbers": "numbers",
        "words": "tokens",
    }
    assert data.preprocessor.kind == "inputs"
    with pytest.raises(ValueError, match="must be a mapping of the inputs 'picture', 'series', 'numbers', 'words'"):
        data.preprocessor.transform(held["p"])
    rows = {name: held[array] for name, array in inputs.items()}
    uneven = {name: array[: 2 + (name != "picture")] for name, array in rows.items()}
    with pytest.raises(ValueError, match="same number of rows, got 2 of 'picture', 3 of 'series'"):
        data.preprocessor.transform(uneven)
    with pytest.raises(ValueError, match=r"input 'picture': the array must have the shape \(rows, 8, 8\)"):
        data.preprocessor.transform(rows | {"picture": STEPS})


# -- folds and fingerprints ------------------------------------------------------------------------------------------


def everything(folder: Path, kind: str) -> Dataset:
    if kind == "sequence":
        return arrays(folder, x=RAGGED)
    if kind == "image":
        return arrays(folder, x=RNG.normal(size=(ROWS, 8, 8)))
    if kind == "named":
        held = {"s": RAGGED, "n": STEPS[:, 0]}
        return arrays(folder, config={"inputs": {"a": "s", "b": "n"}}, **held)
    return table(folder, **({"text": "note"} if kind == "text" else {"drop": ["note"]}))


@pytest.mark.parametrize("kind", ["table", "text", "sequence", "image", "named"])
def test_other_training_rows_give_the_same_shapes(tmp_path: Path, kind: str) -> None:
    data = everything(tmp_path, kind)
    same = prepared(data, data.preprocessor, data.indices["train"])
    assert_alike(same.x, data.train.x)
    np.testing.assert_array_equal(same.y, data.train.y)
    other = prepared(data, refit(data, data.indices["validation"]), data.indices["train"])
    by_name = other.x if isinstance(other.x, dict) else {"input": other.x}
    for one in data.spec.inputs:
        assert by_name[one.name].shape[1:] == one.shape
        if one.kind == "tokens":
            assert by_name[one.name].max() < one.vocabulary
    if kind in ("table", "sequence", "image"):
        assert not np.array_equal(np.asarray(other.x), np.asarray(data.train.x))  # scaled by other rows


def assert_alike(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    else:
        np.testing.assert_array_equal(one, other)


def test_a_fold_of_a_regression_has_its_own_scale(tmp_path: Path) -> None:
    frame = TABLE.drop(columns="note").assign(t=np.linspace(0, 100, ROWS))
    data = table(tmp_path, frame)
    rows = data.indices["validation"]
    fitted = refit(data, rows)
    assert fitted.target.mean == pytest.approx(data.raw_target.iloc[rows].mean())
    assert prepared(data, fitted, rows).y.mean() == pytest.approx(0, abs=1e-6)


def test_the_fingerprint_knows_how_values_are_read(tmp_path: Path) -> None:
    prints = [
        arrays(tmp_path, x=RAGGED).fingerprint,
        arrays(tmp_path, x=RAGGED).fingerprint,
        arrays(tmp_path, x=RAGGED, config={"longest": 3}).fingerprint,
        arrays(tmp_path, x=STEPS).fingerprint,
        table(tmp_path, text="note").fingerprint,
        table(tmp_path, text="note", tokens="words").fingerprint,
        table(tmp_path, inputs={"a": ["size"], "b": ["colour"]}).fingerprint,
        table(tmp_path, inputs={"b": ["size"], "a": ["colour"]}).fingerprint,
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == len(prints) - 1


# -- drafts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "lines"),
    [
        ({"x": np.zeros((ROWS, 8, 8), np.uint8) + np.arange(8, dtype=np.uint8)}, ["model: cnn", "images of the shape"]),
        ({"x": RAGGED}, ["model: rnn", "sequences of the shape (6, 2)"]),
        ({"x": RAGGED.swapaxes(1, 2)}, ["model: rnn", "time_axis: 2   # samples are (features, time)"]),
        ({"x": STEPS[:, 0]}, ["model: mlp"]),
    ],
    ids=["images", "sequences", "time last", "table"],
)
def test_a_draft_names_the_family_that_suits_arrays(tmp_path: Path, held: dict[str, Any], lines: list[str]) -> None:
    np.savez(tmp_path / "d.npz", y=Y, **held)
    _, text = draft("d.npz", study="s", target=None, folder=tmp_path, beside=tmp_path)
    assert [line for line in lines if line not in text] == []


def test_a_draft_offers_to_read_a_text_beside_other_columns(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    _, text = draft("t.csv", study="s", target="t", folder=tmp_path, beside=tmp_path)
    assert "  drop: [note]" in text
    assert "  # text: note" in text
    assert "model: mlp" in text


def test_a_draft_lists_several_inputs(tmp_path: Path) -> None:
    code = "import numpy as np\ndef load():\n    x = {'p': np.zeros((24, 8, 8)), 'n': np.eye(24)}\n"
    (tmp_path / "two.py").write_text(code + "    return x, np.arange(24) % 2\n")
    _, text = draft("two.py:load", study="s", target=None, folder=tmp_path, beside=tmp_path)
    assert "several inputs: p (arrays of the shape (8, 8)), n (arrays of the shape (24,))" in text
    assert "model: mlp   # joins several inputs" in text


def test_a_draft_reads_a_text_that_is_all_there_is(tmp_path: Path) -> None:
    TABLE[["note", "t"]].to_csv(tmp_path / "t.csv", index=False)
    _, text = draft("t.csv", study="s", target="t", folder=tmp_path, beside=tmp_path)
    assert "  text: note" in text
    assert "model: rnn" in text
    assert "drop:" not in text
