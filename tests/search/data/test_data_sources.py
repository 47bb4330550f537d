"""Does each kind of source reach its reader, and does a failing one say so in a line?"""

from __future__ import annotations

import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.data import DataConfig, load_dataset
from search.data.raw import FREE, TEST
from search.data.sources import read_source
from search.errors import DataError


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("iris", (150, 5)),
        ("digits", (1797, 65)),
        ("wine", (178, 14)),
        ("breast_cancer", (569, 31)),
        ("diabetes", (442, 11)),
    ],
)
def test_bundled_sets_are_tables_with_a_target(name: str, shape: tuple[int, int], tmp_path: Path) -> None:
    raw = read_source(f"sklearn:{name}", tmp_path)
    assert raw.table is not None
    assert raw.table.shape == shape
    assert raw.target == "target"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sklearn:irsi", "unknown data set; did you mean 'iris'?"),
        ("keras:mnits", "unknown data set; did you mean 'mnist'?"),
        ("openml:", "must name a data set by number or name"),
        ("sklean:iris", "unknown kind of source 'sklean:'; did you mean 'sklearn'?"),
        ("load.py", "must name the function that returns the data, such as load.py:load"),
        ("load.py:load", "no such file"),
    ],
)
def test_an_unknown_source_names_the_nearest(source: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_source(source, tmp_path)
    assert str(caught.value).startswith(source)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "fetcher"),
    [("sklearn:california_housing", "fetch_california_housing"), ("openml:31", "fetch_openml")],
)
def test_no_network_is_one_line(source: str, fetcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_: Any) -> None:
        raise urllib.error.URLError("no route\nto host")

    monkeypatch.setattr(f"sklearn.datasets.{fetcher}", unreachable)
    with pytest.raises(DataError) as caught:
        read_source(source, tmp_path)
    assert str(caught.value) == (
        f"{source}: cannot be fetched (<urlopen error no route to host>); connect, or name a file instead"
    )


def test_openml_uses_the_target_that_the_set_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    from sklearn.utils import Bunch

    asked: dict[str, Any] = {}

    def fetch(**which: Any) -> Any:
        asked.update(which)
        frame = pd.DataFrame({"a": [1, 2], "class": pd.Categorical(["good", "bad"])})
        return Bunch(frame=frame, target_names=["class"])

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    raw = read_source("openml:31", tmp_path)
    assert (asked["data_id"], asked["parser"], raw.target) == (31, "pandas", "class")
    read_source("openml:credit-g", tmp_path)
    assert asked["name"] == "credit-g"


FAKE_KERAS = """
import numpy
def load_data():
    x = numpy.ones((6, 2, 2), "uint8")
    return (x, numpy.zeros((6, 1))), (x[:3], numpy.ones(3))
"""


def test_keras_sets_are_loaded_in_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "keras" / "datasets"
    package.mkdir(parents=True)
    for name in ("__init__.py", "datasets/__init__.py"):
        (tmp_path / "keras" / name).touch()
    (package / "mnist.py").write_text(FAKE_KERAS)
    (package / "cifar10.py").write_text("def load_data():\n    raise OSError('no route to host')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    raw = read_source("keras:mnist", tmp_path)
    assert raw.array is not None
    assert raw.parts is not None
    assert raw.array.shape == (9, 2, 2)
    assert raw.parts.tolist() == [FREE] * 6 + [TEST] * 3
    with pytest.raises(DataError, match=r"keras:cifar10: cannot be fetched \(OSError: no route to host\)"):
        read_source("keras:cifar10", tmp_path)
    assert "keras" not in sys.modules or "tensorflow" in sys.modules


LOADERS = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np, pandas as pd
import neighbour

@dataclass
class Settings:
    rows: int = 20

rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 3)), np.arange(20) % 2

def pair(): return X, y
def lists(): return X.tolist(), y.tolist()
def named(): return pd.DataFrame(X, columns=list("abc")), pd.Series(y, name="sick")
def four(): return X[:15], y[:15], X[15:], y[15:]
def two_pairs(): return (X[:15], y[:15]), (X[15:], y[15:])
def frame(): return pd.DataFrame(X, columns=list("abc")).assign(outcome=y)
def late():
    import neighbour_2
    return X, y
def swapped(): return X[:15], X[15:], y[:15], y[15:]
def words(): return np.array([["a", "b"]] * 20), y
def ragged(): return [["a"], [1.0, 2.0]] * 10, y
def nothing(): return None
def three(): return X, y, y
def broken(): return X / neighbour.undefined
"""


@pytest.fixture
def loaders(tmp_path: Path) -> Path:
    (tmp_path / "loaders.py").write_text(LOADERS)
    (tmp_path / "neighbour.py").touch()
    (tmp_path / "neighbour_2.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("function", "target", "names"),
    [
        ("pair", None, ("x1", "x2", "x3")),
        ("lists", None, ("x1", "x2", "x3")),
        ("named", "sick", ("a", "b", "c")),
        ("four", None, ("x1", "x2", "x3")),
        ("two_pairs", None, ("x1", "x2", "x3")),
        ("frame", "outcome", ("a", "b", "c")),
        ("late", None, ("x1", "x2", "x3")),
    ],
)
def test_a_function_may_return_data_in_any_usual_form(
    loaders: Path, function: str, target: str | None, names: tuple[str, ...]
) -> None:
    path = list(sys.path)
    config = DataConfig(source=f"loaders.py:{function}", target=target)
    data = load_dataset(config, seed=0, folder=loaders)
    assert data.feature_names == names
    assert data.target_name == (target or "target")
    assert data.spec.task == "binary"
    if function in ("four", "two_pairs"):
        assert data.test is not None
        assert len(data.test) == 5
    assert sys.path == path


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("pari", "loaders.py has no function 'pari'; did you mean 'pair'?"),
        ("X", "has no function 'X'"),
        ("swapped", "y_test), got (x_train, x_test, y_train, y_test)"),
        ("words", "must be an array of numbers, got dtype <U1; return a DataFrame for tables with words"),
        ("ragged", "X must hold sequences of numbers, got ['a'] in row 1"),
        ("nothing", "(X, y) or (x_train, y_train, x_test, y_test), got None; does it end with 'return'?"),
        ("three", "got a tuple of 3"),
    ],
)
def test_a_function_that_returns_something_else_is_told(loaders: Path, function: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_source(f"loaders.py:{function}", loaders)
    assert words in str(caught.value)


def test_what_a_users_function_raises_keeps_its_traceback(loaders: Path) -> None:
    with pytest.raises(AttributeError, match="undefined") as caught:
        read_source("loaders.py:broken", loaders)
    assert caught.traceback[-1].path.name == "loaders.py"


def test_a_file_runs_anew_each_time_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # What the first run drew from the generator, or loaded beside its file, must not reach the second.
    for folder, scale in (("one", 1.0), ("two", 2.0)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(
            "import numpy as np, sizes\nrng = np.random.default_rng(0)\n"
            "def load(): return sizes.SCALE * rng.normal(size=(20, 3)), np.arange(20) % 2\n"
        )
        (tmp_path / folder / "sizes.py").write_text(f"SCALE = {scale}\n")
    tables = [read_source("own.py:load", tmp_path / folder).table for folder in ("one", "one", "two")]
    first, again, other = (table["x1"].to_numpy() for table in tables if table is not None)
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(other, 2 * first)


def test_a_file_that_is_not_python_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import numpy\ndef load(:\n")
    with pytest.raises(DataError, match=r"^own\.py:load: own\.py, line 2: is not valid Python \(.*\)$"):
        read_source("own.py:load", tmp_path)


def test_a_path_in_front_of_the_function_is_relative_to_the_folder(loaders: Path) -> None:
    raw = read_source("./loaders.py:pair", loaders)
    assert len(raw) == 20
    np.testing.assert_array_equal(raw.table["target"] if raw.table is not None else [], np.arange(20) % 2)


def test_what_a_study_records_can_be_read_from_anywhere(tmp_path: Path) -> None:
    from search.cli.launch import source_from_here, study_name_for
    from search.study.plan import absolute_source

    (tmp_path / "flowers").mkdir()
    (tmp_path / "t.csv").touch()
    given = ["flowers", "flowers/", "t.csv", "own.py:load", "sklearn:iris", "keras:mnist"]
    absolute = [absolute_source(source, tmp_path) for source in given]
    assert absolute == [
        *(str(tmp_path.resolve() / name) for name in ("flowers", "flowers", "t.csv", "own.py:load")),
        "sklearn:iris",
        "keras:mnist",
    ]
    assert [study_name_for(source) for source in given] == ["flowers", "flowers", "t", "load", "iris", "mnist"]
    assert source_from_here("flowers/") == str(Path.cwd() / "flowers")
