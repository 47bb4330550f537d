"""Is a YAML file read as its writer meant it, and is what we write read back as it was?"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import ExperimentError, SearchError
from search.files import write_text_whole
from search.yaml_file import read_yaml, to_yaml
from spaces import parse_space


def read(folder: Path, text: str | bytes) -> dict[str, Any]:
    path = folder / "e.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_yaml(path)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ExperimentError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder / 'e.yaml'}: ")
    return message.removeprefix(f"{folder / 'e.yaml'}: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.2's numbers, which include those without a point.
        ("3e-4", 3e-4),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("-2e3", -2e3),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.5", 0.5),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0", 0),
        ("010", 10),
        (".inf", float("inf")),
        ("-.inf", float("-inf")),
        # Switches are true and false.
        ("true", True),
        ("False", False),
        # These are words.
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("n", "n"),
        ("1:30", "1:30"),
        ("2024-01-31", "2024-01-31"),
        ("2024-13-45", "2024-13-45"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("30m", "30m"),
        ("1h30m", "1h30m"),
        ("e5", "e5"),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        ("auto", "auto"),
        ("sklearn:iris", "sklearn:iris"),
        ("'3e-4'", "3e-4"),
        ('"true"', "true"),
        # Nothing.
        ("", None),
        ("~", None),
        ("null", None),
        ("none", "none"),
    ],
)
def test_a_plain_value_is_what_yaml_1_2_says(tmp_path: Path, text: str, value: Any) -> None:
    found = read(tmp_path, f"key: {text}\n")["key"]
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_one_of_the_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "key: .nan\n")["key"]
    assert found != found


def test_values_are_read_alike_in_one_line_and_in_many(tmp_path: Path) -> None:
    lines = "space:\n  units:\n    int: [10, 100]\n    log: true\n  activation:\n  - relu\n  - tanh\n"
    line = "space: {units: {int: [10, 100], log: true}, activation: [relu, tanh]}\n"
    assert read(tmp_path, lines) == read(tmp_path, line)


def test_comments_windows_line_ends_and_byte_order_marks_are_no_content(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf# comment\r\nstudy: s # another\r\n") == {"study": "s"}


def test_an_anchor_stands_for_its_value_and_may_be_merged(tmp_path: Path) -> None:
    content = read(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n")
    assert content == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2}}


def test_a_merged_section_may_be_overridden_at_every_depth(tmp_path: Path) -> None:
    content = read(tmp_path, "x: &x {k: 1}\na:\n  b: &b {<<: *x, k: 2}\nc: {<<: *b}\n")
    assert content == {"x": {"k": 1}, "a": {"b": {"k": 2}}, "c": {"k": 2}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be a mapping such as 'data: {source: table.csv}', found nothing"),
        ("# only this\n", "must be a mapping such as 'data: {source: table.csv}', found nothing"),
        ("- a\n- b\n", "must be a mapping such as 'data: {source: table.csv}', found list"),
        ("word", "must be a mapping such as 'data: {source: table.csv}', found str"),
        ("3: a\n", "keys must be words, got 3"),
        ("true: a\n", "keys must be words, got True"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands twice; remove one"),
        ("a: {b: 1, b: 1}\n", "line 1, column 11: the key 'b' stands twice; remove one"),
        ("a: [{b: 1, 'b': 1}]\n", "line 1, column 12: the key 'b' stands twice; remove one"),
        ("a:\n\tb: 1\n", "line 2, column 1: is not valid YAML (found character '\\t' that cannot start any token); in"),
        ("a: [1\n", "line 2, column 1: is not valid YAML (expected ',' or ']', but got '<stream end>')"),
        ("a: b: c\n", "line 1, column 5: is not valid YAML (mapping values are not allowed here)"),
        ("a: *b\n", "line 1, column 4: is not valid YAML (found undefined alias 'b')"),
        ("? [a]\n: 1\n", "line 1, column 3: is not valid YAML (found unhashable key)"),
        ("a: !!int many\n", "line 1, column 4: is not valid YAML ('many' is no int)"),
        ("a: !!bool 7\n", "line 1, column 4: is not valid YAML ('7' is no bool)"),
        ("a: !!timestamp soon\n", "line 1, column 4: is not valid YAML ('soon' is no timestamp)"),
        (
            "a: !!python/name:os.system\n",
            "line 1, column 4: is not valid YAML (could not determine a constructor for t",
        ),
        ("--- {a: 1}\n--- {a: 2}\n", "line 2, column 1: is not valid YAML (but found another document)"),
        (b"a: caf\xe9\n", "is not UTF-8 text (byte 6); save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "is not UTF-8 text (byte 0); save it as UTF-8"),
        (b"a: \x00\n", "is not valid YAML (special characters are not allowed)"),
        ("a: " + "[" * 5000 + "]" * 5000, "is nested too deeply; an experiment has five levels at most"),
    ],
)
def test_a_broken_file_is_told_where_and_what(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert refusal(tmp_path, text).startswith(expected)


def test_a_tab_is_told_to_be_spaces(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a:\n\tb: 1\n").endswith("; indent with spaces, not with tabs")


def test_a_file_that_is_none_is_told_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"none\.yaml: there is no such file; 'kerasweep init DATA' drafts one$"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ExperimentError, match=r"is a folder; name the YAML file in it$"):
        read_yaml(tmp_path)


# Writing.

_texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "3e-4",
        "1e5",
        "yes",
        "off",
        "null",
        "~",
        "1:30",
        "2024-01-31",
        "010",
        "0x1F",
        "1_000",
        "true",
        "<<",
        "=",
        "- a",
        "",
    ]
)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts
_contents = st.dictionaries(
    _texts,
    st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4)),
    max_size=5,
)


@settings(max_examples=100, deadline=None)
@given(_contents)
def test_what_is_written_reads_back_the_same(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    write_text_whole(path, to_yaml(content))
    assert read_yaml(path) == content
    assert repr(read_yaml(path)) == repr(content)  # 1 is not 1.0, and not True


@pytest.mark.parametrize("word", ["yes", "off", "1:30", "2024-01-31", "010", "3e-4", "1e5", "true", "null", "1_000"])
def test_words_stay_words_for_every_reader_of_yaml(word: str) -> None:
    assert yaml.safe_load(to_yaml({"key": word})) == {"key": word}
    assert to_yaml({"key": word}) == f"key: '{word}'\n"


def test_a_written_experiment_is_pleasant_to_read() -> None:
    units = {"int": [10, 100], "log": True}
    content = {
        "study": "pima",
        "data": {"source": "pima.csv", "target": "diabetes"},
        "space": {
            "units": units,
            "again": units,
            "dropout": {"float": [0.0, 3e-4]},
            "long": [f"name{n}" for n in range(20)],
        },
        "start_with": [{"layers": 2, "units": (12, 8)}],
        "seed": 7,
    }
    assert to_yaml(content) == (
        "study: pima\n"
        "data: {source: pima.csv, target: diabetes}\n"
        "space:\n"
        "  units: {int: [10, 100], log: true}\n"
        "  again: {int: [10, 100], log: true}\n"
        "  dropout: {float: [0.0, 0.0003]}\n"
        "  long:\n" + "".join(f"  - name{n}\n" for n in range(20)) + "start_with: [{layers: 2, units: [12, 8]}]\n"
        "seed: 7\n"
    )


def test_a_described_space_survives_its_file(tmp_path: Path) -> None:
    space = parse_space({"learning_rate": {"float": [1e-7, 1e-2], "log": True}, "units": {"int": [8, 16], "step": 4}})
    content = read(tmp_path, to_yaml({"space": space.describe()}))
    assert parse_space(content["space"]) == space
    assert parse_space(content["space"]).fingerprint == space.fingerprint


def test_text_beyond_ascii_is_written_as_itself() -> None:
    assert to_yaml({"name": "Größe"}) == "name: Größe\n"


# Whole files.


def test_a_file_is_written_with_its_folders_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "best.yaml"
    write_text_whole(path, "old")
    write_text_whole(path, "né\n")
    assert path.read_bytes() == "né\n".encode()
    assert [file.name for file in path.parent.iterdir()] == ["best.yaml"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.yaml"
    write_text_whole(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(
            SearchError, match=r"best\.yaml: cannot be written \(No space left on device\); choose another"
        ):
            write_text_whole(path, "new")
    with pytest.raises(UnicodeEncodeError):
        write_text_whole(path, "half \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["best.yaml"]


def test_a_folder_in_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").mkdir()
    with pytest.raises(SearchError, match=r"best\.yaml: cannot be written \(Is a directory\); choose another place$"):
        write_text_whole(tmp_path / "best.yaml", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["best.yaml"]
