"""Is every mistake in sequences, texts and several inputs one line that names the place, the value and the remedy?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from search.data import DataConfig, load_dataset
from search.errors import DataError

ROWS = 24
Y = np.arange(ROWS) % 2
STEPS = np.random.default_rng(2).normal(size=(ROWS, 6, 2))
TABLE = pd.DataFrame(
    {"a": np.arange(ROWS) * 1.5, "b": ["x", "y"] * 12, "note": [f"no. {i}" for i in range(ROWS)], "t": Y}
)


def with_value(row: int, step: int, value: float) -> Any:
    array = STEPS.copy()
    array[row, step] = value
    return array


SEQUENCES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a gap": (
        with_value(3, 2, np.nan),
        {"layout": "sequence"},
        "a sequence may hold NaN behind its last step only, got NaN in row 4, step 3 of 6, feature 1; fill the gap in",
    ),
    "no step": (
        np.where(np.arange(ROWS)[:, None, None] == 7, np.nan, STEPS),
        {"layout": "sequence"},
        "every sequence must have at least one step, got none in row 8",
    ),
    "infinity": (
        with_value(0, 5, np.inf),
        {"layout": "sequence"},
        "must hold finite numbers, got inf in row 1, step 6",
    ),
    "time is the last axis": (
        np.concatenate([STEPS.swapaxes(1, 2), np.full((ROWS, 2, 3), np.nan)], axis=2),
        {},
        "NaN behind the ends of its last axis, as sequences have; set data.time_axis: 2",
    ),
    "columns of an array": (STEPS, {"text": "a"}, "data.text names columns, but the source holds one array"),
    "inputs of an array": (STEPS, {"inputs": {"one": ["a"]}}, "data.inputs.one names columns, but the source holds"),
}


@pytest.mark.parametrize("name", list(SEQUENCES))
def test_a_mistake_in_sequences_is_one_clear_line(tmp_path: Path, name: str) -> None:
    x, config, words = SEQUENCES[name]
    np.savez(tmp_path / "s.npz", x=x, y=Y)
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig(source="s.npz", **config), seed=0, folder=tmp_path)
    assert words in str(caught.value)
    assert str(caught.value).startswith("s.npz: ")
    assert "\n" not in str(caught.value)


TABLES: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "no text at all": (
        TABLE.assign(note=None),
        {"text": "note"},
        "data.text: column 'note' must hold text, got no value at all (all 24 are missing); name another one",
    ),
    "one text only": (TABLE.assign(note="same"), {"text": "note"}, "texts that differ, got 'same' in every row"),
    "numbers for a text": (
        TABLE,
        {"text": "a"},
        "data.text: column 'a' must hold text, got numbers; leave data.text out",
    ),
    "misspelt text": (TABLE, {"text": "nota"}, "data.text: no column 'nota' beside the target; did you mean 'note'?"),
    "text that is dropped": (
        TABLE,
        {"text": "note", "drop": ["note"]},
        "data.text: no column 'note' beside the target",
    ),
    "sequences of a table": (
        TABLE,
        {"layout": "sequence", "drop": ["note"]},
        "data.layout: sequence is for arrays of (samples, time, features), but this is a table of 4 columns; cut a "
        "table in order of time with data.windows",
    ),
    "images of a table": (TABLE, {"layout": "image", "drop": ["note"]}, "data.layout: image is for arrays of (samples"),
    "an input that is not there": (
        TABLE,
        {"inputs": {"one": ["a", "c"]}},
        "data.inputs.one: column 'c' is not there; ",
    ),
    "the target as an input": (
        TABLE,
        {"inputs": {"one": ["a"], "two": ["t"]}},
        "data.inputs.two: column 't' is the target or left out, and no input",
    ),
    "one column in two inputs": (
        TABLE,
        {"inputs": {"one": ["a", "b"], "two": ["b"]}},
        "data.inputs.one and data.inputs.two must name different columns, got 'b' for both; keep one of them",
    ),
    "a column twice": (TABLE, {"inputs": {"one": ["a", "a"]}}, "must name different columns, got 'a' twice"),
    "an array of a table": (
        TABLE,
        {"inputs": {"one": "a"}},
        "data.inputs.one: the source holds a table and no array 'a'; write [a] for a column, {text: a} for texts",
    ),
    "text among numbers": (
        TABLE,
        {"inputs": {"one": ["a", "note"]}},
        "column 'note' is text (24 different values in 24 rows, such as 'no. 0'); take it out of data.inputs.one, give "
        "it an input of its own, {text: note}",
    ),
}


@pytest.mark.parametrize("name", list(TABLES))
def test_a_mistake_in_texts_and_inputs_is_one_clear_line(tmp_path: Path, name: str) -> None:
    frame, config, words = TABLES[name]
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError) as caught:
        load_dataset(DataConfig(source="t.csv", target="t", **config), seed=0, folder=tmp_path)
    assert words in str(caught.value)
    assert str(caught.value).startswith("t.csv: ")
    assert "\n" not in str(caught.value)


def test_a_named_array_that_is_not_there_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", first=STEPS, y=Y)
    with pytest.raises(DataError, match="there is no array 'frist'; did you mean 'first'"):
        load_dataset(DataConfig(source="s.npz", inputs={"one": "frist"}), seed=0, folder=tmp_path)


def test_inputs_by_name_have_a_row_for_each_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", first=STEPS, second=STEPS[:12], y=Y)
    config = DataConfig(source="s.npz", inputs={"one": "first", "two": "second"})
    with pytest.raises(DataError, match=r"input 'two'.*got 12 and 24"):
        load_dataset(config, seed=0, folder=tmp_path)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"text": "a", "inputs": {"one": ["b"]}}, "keep one of the two"),
        ({"inputs": {"1st": ["a"]}}, "a letter first, got '1st'"),
        ({"inputs": {"one": {"text": "a", "columns": ["b"]}}}, "got columns and text"),
        ({"tokens": "letters"}, "characters"),
        ({"layout": "sound"}, "image"),
    ],
)
def test_a_mistake_in_the_section_is_told_by_pydantic(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DataConfig(source="t.csv", **config)


def test_texts_of_which_no_token_is_known_are_no_mistake(tmp_path: Path) -> None:
    frame = TABLE[["note", "t"]].assign(s=["train"] * 14 + ["validation"] * 10)
    frame.loc[14:, "note"] = [f"ÄÖ{chr(200 + i)}" for i in range(10)]
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load_dataset(DataConfig(source="t.csv", target="t", text="note", split="s"), seed=0, folder=tmp_path)
    assert (np.asarray(data.validation.x)[:, :3] == 1).all()
