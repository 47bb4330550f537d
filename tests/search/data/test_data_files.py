"""Do files of every format read to the same table, and say what is wrong when they cannot?"""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.data.files import read_file, read_table
from search.data.npz import read_arrays, stacked
from search.data.raw import FREE, TEST, VALIDATION
from search.errors import DataError

CSV = "a,b,y\n1,x,0\n2,z,1\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", CSV.encode()),
        ("t.CSV", CSV.encode()),
        ("t.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("t.tsv", CSV.replace(",", "\t").encode()),
        ("t.tsv.gz", gzip.compress(CSV.replace(",", "\t").encode(), mtime=0)),
        ("t.csv", b"\xef\xbb\xbf" + CSV.encode()),
        ("t.csv", CSV.replace("\n", "\r\n").encode()),
        ("t.csv", CSV.replace(",", ", ").encode()),
        ("t.csv", b",a,b,y\n0,1,x,0\n1,2,z,1\n"),
    ],
    ids=["csv", "upper case", "gz", "tsv", "tsv.gz", "byte order mark", "crlf", "spaces", "written index"],
)
def test_the_same_table_is_read_from_every_text_format(tmp_path: Path, name: str, content: bytes) -> None:
    frame = read_table(write(tmp_path / name, content))
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "z"], "y": [0, 1]}


def test_parquet_is_read(tmp_path: Path) -> None:
    pd.read_csv(io.StringIO(CSV)).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").to_dict("list") == {"a": [1, 2], "b": ["x", "z"], "y": [0, 1]}


def test_a_question_mark_is_a_missing_value(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "t.csv", "a,b\n1,?\n ?,x\nNA,z\n"))
    assert frame["a"].isna().tolist() == [False, True, True]
    assert frame["b"].isna().tolist() == [True, False, False]


def bad_gzip(content: str) -> bytes:
    return gzip.compress(content.encode(), mtime=0)[:-12]


LATIN = ("a,b\n" + "1,x\n" * 100 + "2,Zürich\n").encode("latin-1")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"", "the file is empty (0 bytes)"),
        ("t.csv", b"\n\n", "first line must name the columns, but is blank"),
        ("t.csv", b"a,b,y\n", "has a header of 3 columns, but no rows"),
        ("t.csv", b"a;b;y\n1;2;3\n", "must separate columns with ',', got ';'; rewrite it, e.g. python -c"),
        ("t.csv", b"a\tb\n1\t2\n", "got tabs; give it the ending .tsv"),
        ("t.csv", b"a|b\n1|2\n", "got '|'"),
        ("t.tsv", b"a,b\n1,2\n", "must separate columns with tabs, got ','; give it the ending .csv"),
        (
            "t.csv",
            b"a,b\n1,2\n3,4,5\n",
            "not a table of equally long lines: Expected 2 fields in line 3, saw 3",
        ),
        ("t.csv", b"a,b\n1,2,3\n4,5,6\n", "the header names 2 columns, but line 2 has 3 fields"),
        ("t.csv", b"6,148,72\n1,85,66\n", "but holds numbers (6, 148, 72, ...); add a header line"),
        ("t.csv", b"a,b,a,a\n1,2,3,4\n", "got 'a' for columns 1, 3, 4; rename them"),
        ("t.csv", b'a,b\n1,"2\n', "is not a table"),
        # "a,b\n" is 4 bytes, 100 lines of 4 more, then "2,Z": the u umlaut is byte 407.
        ("t.csv", LATIN, "must be UTF-8 text, but byte 407 is 0xfc; save it as UTF-8, e.g. with iconv"),
        ("t.csv.gz", gzip.compress(LATIN, mtime=0), "byte 407 is 0xfc"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "byte 0 is 0xff"),
        ("t.csv", b"a,b\n1,\xc3", "its last character is cut off"),
        ("t.csv.gz", CSV.encode(), "cannot be unpacked as gzip"),
        ("t.csv.gz", bad_gzip(CSV), "cannot be unpacked as gzip"),
        ("t.parquet", b"PAR1 no", "cannot be read as Parquet"),
        ("t.xlsx", b"PK", "must end in one of .csv, .tsv"),
        ("t", b"a,b", "must end in one of .csv"),
        ("t.npz", b"PK no", "cannot be read as NPZ"),
        ("t.npz", b"not an archive", "cannot be read as NPZ (not an NPZ archive)"),
        ("t.npz", gzip.compress(b"x", mtime=0), "cannot be read as NPZ"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        read_file(path, name)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert words in message
    assert "\n" not in message


def test_bad_bytes_are_found_where_a_chunk_cuts_a_character(tmp_path: Path) -> None:
    # The two bytes of "é" lie on both sides of the first mebibyte; the bad byte follows at once.
    text = b"a,b\n" + b"1,2\n" * ((1 << 18) - 2) + b"1,2" + "é".encode() + b"\xff\n"
    assert text[(1 << 20) - 1 :] == "é".encode() + b"\xff\n"
    with pytest.raises(DataError, match=rf"byte {(1 << 20) + 1} is 0xff"):
        read_table(write(tmp_path / "t.csv", text))


def test_the_remedy_for_semicolons_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path / "t.csv", "a;b\n1;2\n"))
    code = str(caught.value).split('python -c "')[1].removesuffix('"')
    exec(code, {})
    assert read_table(tmp_path / "new.csv").to_dict("list") == {"a": [1], "b": [2]}


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "pima.csv.gz", b"x")
    with pytest.raises(DataError, match=r"pima.csv: no such file in .*; did you mean 'pima.csv.gz'\?$"):
        read_file(tmp_path / "pima.csv", "pima.csv")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no/pima.csv: no such file in .*no$"):
        read_file(tmp_path / "no" / "pima.csv", "no/pima.csv")


def test_a_folder_lists_the_files_in_it(tmp_path: Path) -> None:
    write(tmp_path / "rows.csv", CSV)
    with pytest.raises(DataError, match=r"must be a file, but is a folder; it holds rows.csv"):
        read_file(tmp_path, "data")


X, Y = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("keys", [("X", "y"), ("x", "Y")])
def test_npz_keys_may_have_any_case(tmp_path: Path, keys: tuple[str, str]) -> None:
    np.savez(tmp_path / "t.npz", **dict(zip(keys, (X, Y), strict=True)))
    raw = read_file(tmp_path / "t.npz", "t.npz")
    assert raw.table is not None
    assert raw.table.columns.tolist() == ["x1", "x2", "y"]
    assert raw.target == "y"
    assert raw.parts is None


def test_npz_gives_its_own_parts(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X_train=X, y_train=Y, x_val=X[:1], y_val=Y[:1], x_test=X[:2], y_test=Y[:2])
    raw = read_file(tmp_path / "t.npz", "t.npz")
    assert raw.parts is not None
    assert raw.parts.tolist() == [FREE] * 4 + [VALIDATION] + [TEST] * 2
    assert raw.place(3) == "row 4"
    assert raw.place(6) == "row 2 of t.npz test"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": X}, "must hold X and y, or x_train and y_train; got a"),
        ({}, "got nothing"),
        ({"x": X, "y": Y[:3]}, "same number of rows, got 4 and 3"),
        ({"x": X.astype(complex), "y": Y}, "must be an array of numbers, got dtype complex128"),
        ({"x": X.astype(str), "y": Y}, "must be an array of numbers"),
        ({"x": X[:, 0], "y": Y}, "shape (rows, columns) or (rows, height, width, ...), got (4,)"),
        ({"x": X[:0], "y": Y[:0]}, "arrays without any"),
        ({"x": X, "y": X}, "must have one target per row"),
        ({"x": X, "y": Y.astype("datetime64[D]")}, "y must hold numbers, booleans or words"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y}, "t.npz test: has no column 'x2'"),
        (
            {"x_train": X[:, :, None], "y_train": Y, "x_test": X[:, :1, None], "y_test": Y},
            "samples must have the shape of those of t.npz, got (1, 1) and (2, 1)",
        ),
        ({"x": np.array([{}, []], dtype=object), "y": Y}, "it holds Python objects: save plain arrays"),
    ],
)
def test_bad_arrays_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / "t.npz", "t.npz")
    assert words in str(caught.value)


ARRAYS = {
    "columns first": np.asfortranarray(X),
    "one number": np.array(3.0),
    "no rows": X[:0],
    "rows of nothing": np.zeros((3, 0)),
    "other bytes first": X.astype(">f8"),
    "words": np.array(["a", "bc"]),
    "fields": np.zeros(2, [("a", "f4"), ("b", "i2")]),
    "names of fields outside Latin-1": np.zeros(2, [("名", "f4")]),
    "days": Y.astype("datetime64[D]"),
}


def test_archives_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of NumPy, about the newer version of one header
        np.savez(tmp_path / "all.npz", **ARRAYS)
        with np.load(tmp_path / "all.npz") as archive:
            read = read_arrays(archive)
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array, err_msg=name)
        assert read[name].dtype == array.dtype, name


@pytest.mark.parametrize("order", [("x_train", "x_test"), ("x_test", "x_train")])
def test_parts_of_an_archive_are_joined_without_a_copy(tmp_path: Path, order: tuple[str, ...]) -> None:
    images = {"x_train": np.arange(60, dtype=np.uint8).reshape(5, 4, 3), "x_test": np.ones((2, 4, 3), np.uint8)}
    np.savez_compressed(
        tmp_path / "i.npz", y_train=Y, other=np.ones((1, 4, 3), np.uint8), **{k: images[k] for k in order}
    )
    with np.load(tmp_path / "i.npz") as archive:
        read = read_arrays(archive)
    joined = stacked([read["x_train"], read["x_test"]])
    np.testing.assert_array_equal(joined, np.concatenate([images["x_train"], images["x_test"]]))
    assert np.shares_memory(joined, read["x_train"]) == (order[0] == "x_train")
    np.testing.assert_array_equal(stacked([read["x_test"], read["x_test"]]), np.ones((4, 4, 3)))
    own = [np.zeros((2, 3)), np.ones((1, 3))]
    np.testing.assert_array_equal(stacked(own), np.concatenate(own))


def test_an_array_that_is_shorter_than_it_says_is_named(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, X)
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("x.npy", content.getvalue()[:-8])
        archive.writestr("y.npy", content.getvalue())
    with pytest.raises(
        DataError, match=r"^t.npz: cannot be read as NPZ \(its arrays are shorter than their headers say\)"
    ):
        read_file(tmp_path / "t.npz", "t.npz")


def test_a_single_array_under_the_name_npz_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "t.npz").open("wb") as stream:
        np.save(stream, X)
    with pytest.raises(DataError, match="must be an NPZ archive with X and y, got one plain array"):
        read_file(tmp_path / "t.npz", "t.npz")


def test_one_hot_targets_become_class_indices(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=X, y=np.eye(3)[[0, 2, 1, 2]])
    raw = read_file(tmp_path / "t.npz", "t.npz")
    assert raw.table is not None
    assert raw.table["y"].tolist() == [0, 2, 1, 2]
