"""Is a user's model file found and read without running it, and is it run where nothing of it gets in the way?"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import new_class
from typing import Any

import pytest

from search.custom.dialogue import ask_outside
from search.custom.keras_tuner import HyperModel, stand_in
from search.custom.source import find_source, names_a_file
from search.errors import ModelError


def write(folder: Path, text: str, name: str = "m.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_source_is_its_file_its_name_and_a_digest(tmp_path: Path) -> None:
    path = write(tmp_path, "def build(hp):\n    return None\n")
    found = find_source("m.py:build", tmp_path)
    assert str(found) == f"{path}:build"
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert found.files == (path,)


def test_neighbours_that_are_imported_belong_to_the_model(tmp_path: Path) -> None:
    write(tmp_path, "import blocks\nimport keras\ndef build(hp): ...\n")
    blocks = write(tmp_path, "from sizes import WIDTH\n", "blocks.py")
    sizes = write(tmp_path, "WIDTH = 3\n", "sizes.py")
    write(tmp_path, "", "unused.py")
    found = find_source("m.py:build", tmp_path)
    assert found.files == (tmp_path / "m.py", blocks, sizes)
    sizes.write_text("WIDTH = 4\n")
    assert find_source("m.py:build", tmp_path).digest != found.digest


@pytest.mark.parametrize(
    "text",
    [
        "def build(hp): ...",
        "def build(trial, spec): ...",
        "def build(): ...",
        "def build(hp, width=3, *, depth=2): ...",
        "class build:\n    def build(self, hp): ...",
        "class M:\n    def build(self, hp): ...\nbuild = M()",
        "from elsewhere import build",
        "from elsewhere import *",
        "if True:\n    def build(hp): ...\nelse:\n    build = None",
        "a, build = 1, 2",
    ],
)
def test_what_defines_the_name_is_accepted(tmp_path: Path, text: str) -> None:
    write(tmp_path, text + "\n")
    assert find_source("m.py:build", tmp_path).name == "build"


@pytest.mark.parametrize(
    ("model", "text", "words"),
    [
        ("n.py:build", "", "model: n.py:build: there is no such file"),
        ("m.py", "", "got 'm.py'; write m.py:build"),
        ("custom:", "", "write my_model.py:build"),
        ("m.py:biuld", "def build(hp): ...", "m.py defines no 'biuld'; did you mean 'build'?"),
        ("m.py:build", "", "m.py defines no 'build'; it defines nothing"),
        ("m.py:build", "def build(hp:\n", "m.py, line 1: is not valid Python"),
        ("m.py:build", "def build(hp, width, depth): ...", "takes 3 parameters (hp, width, depth), but it takes hp"),
        ("m.py:build", "class build:\n    def build(self, hp, x): ...", "build: takes 2 parameters (hp, x)"),
    ],
    ids=["no file", "no name", "no path", "typo", "empty", "syntax", "three parameters", "method"],
)
def test_what_cannot_be_built_is_told_in_one_line(tmp_path: Path, model: str, text: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ModelError) as caught:
        find_source(model, tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_families_are_told_from_files() -> None:
    assert [names_a_file(name) for name in ("mlp", "cnn", "m.py:build", "dir/m.py", "m:build")] == [
        False, False, True, True, True,
    ]  # fmt: skip


# -- KerasTuner's stand-in ------------------------------------------------------------------------------------------


def test_keras_tuner_is_there_only_inside() -> None:
    with stand_in():
        import keras_tuner as kt  # type: ignore[import-not-found]
        import kerastuner  # type: ignore[import-not-found]
        from keras_tuner.engine.hyperparameters import HyperParameters  # type: ignore[import-not-found]

        assert kt.HyperModel is kerastuner.HyperModel is HyperModel
        assert HyperParameters is kt.HyperParameters
        assert kt.HyperParameters().Int("units", 4, 8) == 4
    assert not any(name.startswith(("keras_tuner", "kerastuner")) for name in sys.modules)
    with pytest.raises(ImportError):
        import keras_tuner  # noqa: F401


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda kt: kt.RandomSearch(None, max_trials=3), "keras_tuner.RandomSearch: is not supported here; kerasweep"),
        (lambda kt: kt.applications.HyperResNet(), "keras_tuner.applications.HyperResNet: is not supported here"),
        (lambda kt: new_class("T", (kt.Tuner,)), "keras_tuner.Tuner: is not supported here"),
        (lambda kt: kt.HyperModels, "keras_tuner.HyperModels: is not supported here; did you mean 'HyperModel'?"),
    ],
    ids=["a tuner", "an application", "a subclass", "a typo"],
)
def test_what_the_stand_in_lacks_is_named(use: Callable[[Any], Any], words: str) -> None:
    with stand_in():
        import keras_tuner as kt

        with pytest.raises(ModelError) as caught:
            use(kt)
    assert words in str(caught.value)


def test_an_untunable_hypermodel_gets_defaults() -> None:
    from search.custom.hp import HyperParameters

    class Inner(HyperModel):
        def build(self, hp: Any) -> Any:
            return hp.Int("units", 4, 8, default=6)

    asked: list[str] = []
    hp = HyperParameters(lambda name, domain: (asked.append(name), 8)[1])
    assert Inner(tunable=False).build(hp) == 6
    assert asked == []
    assert Inner().build(hp) == 8


# -- asking from inside a function ----------------------------------------------------------------------------------


def converse(running: Generator[str, int, Any], answers: list[int]) -> tuple[list[str], Any]:
    asked = []
    try:
        question = next(running)
        while True:
            asked.append(question)
            question = running.send(answers.pop(0))
    except StopIteration as end:
        return asked, end.value


def test_a_function_that_asks_becomes_a_generator() -> None:
    def function(ask: Callable[[str], int]) -> int:
        return sum(ask(name) for name in "abc")

    assert converse(ask_outside(function), [1, 20, 300]) == (["a", "b", "c"], 321)


def test_what_the_function_raises_comes_out_with_its_traceback() -> None:
    def function(ask: Callable[[str], int]) -> int:
        return 1 // ask("divisor")

    with pytest.raises(ZeroDivisionError) as caught:
        converse(ask_outside(function), [0])
    assert any(entry.name == "function" for entry in caught.traceback)


def test_a_conversation_that_is_broken_off_ends_the_function() -> None:
    ended = []

    def function(ask: Callable[[str], int]) -> int:
        try:
            return ask("a")
        except Exception:  # noqa: BLE001 - what a careless user might write
            return 0
        finally:
            ended.append("ended")

    running = ask_outside(function)
    assert next(running) == "a"
    running.close()
    assert ended == ["ended"]
