"""Do the modules import only what the design lets them, and do the commands load only what they need?"""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("spaces", "tracking", "search")
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = {"tensorflow", "keras", "mlflow", "optuna", "pandas", "sklearn", "matplotlib", "plotly", "numba"}

# Who builds, trains or reads Keras models; always inside a function, so that importing the module is quick.
MAY_USE_KERAS = (
    "spaces/builders/", "spaces/losses.py", "spaces/user_loss.py", "spaces/metrics.py", "spaces/evaluation.py",
    "search/training/",
    "search/custom/", "search/executors/worker.py", "search/portable/model.py",
)  # fmt: skip
MAY_USE_OPTUNA = ("search/study/",)
MAY_USE_MLFLOW = ("tracking/",)

# Entry points, which say what they are instead of asking something.
ASKS_NOTHING = {"search/__init__.py", "search/__main__.py", "search/cli/__init__.py"}


@dataclass(frozen=True)
class Import:
    """One import statement. ``when`` is "loading" (the module), "called" (a function) or "typing" (never)."""

    module: str
    name: str
    when: str

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def imports_of(module: str) -> list[Import]:
    return list(_walk(module, ast.parse((ROOT / module).read_text(encoding="utf-8")), "loading"))


def _walk(module: str, node: ast.AST, when: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(module, alias.name, when) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        # Bundles hold a copy of search.portable under another name: its modules find each other relatively.
        assert node.level == 0 or module.startswith("search/portable/"), f"{module}: imports are absolute"
        name = node.module or ""
        yield Import(module, f"search.portable.{name}" if node.level else name, when)
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        for never in node.body:
            yield from _walk(module, never, "typing")
        for instead in node.orelse:
            yield from _walk(module, instead, when)
    else:
        inner = "called" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else when
        for child in ast.iter_child_nodes(node):
            yield from _walk(module, child, inner)


ALL = [found for module in MODULES for found in imports_of(module)]


def importers(*tops: str) -> set[str]:
    return {found.module for found in ALL if found.top in tops}


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or (place.endswith("/") and module.startswith(place)) for place in places)


# Who may import whom.


def test_the_reader_of_imports_tells_apart_when_they_happen() -> None:
    text = (
        "from typing import TYPE_CHECKING\nimport a.b\nif TYPE_CHECKING:\n    import c\n"
        "def f():\n    from d.e import g\nclass C:\n    import h\n    def m(self):\n        import i\n"
    )
    found = {(one.name, one.when) for one in _walk("m", ast.parse(text), "loading")}
    assert found == {
        ("typing", "loading"),
        ("a.b", "loading"),
        ("c", "typing"),
        ("d.e", "called"),
        ("h", "loading"),
        ("i", "called"),
    }
    assert len(MODULES) > 50


@pytest.mark.parametrize(
    ("package", "others"),
    [("spaces", {"search", "tracking", "optuna", "mlflow"}), ("tracking", {"search", "spaces", "optuna"})],
)
def test_the_lower_packages_know_nothing_of_the_upper_ones(package: str, others: set[str]) -> None:
    wrong = {(found.module, found.name) for found in ALL if found.module.startswith(f"{package}/")} & {
        (found.module, found.name) for found in ALL if found.top in others
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("libraries", "places"),
    [(("mlflow",), MAY_USE_MLFLOW), (("optuna",), MAY_USE_OPTUNA), (("keras", "tensorflow"), MAY_USE_KERAS)],
)
def test_a_library_stays_with_those_who_wrap_it(libraries: tuple[str, ...], places: tuple[str, ...]) -> None:
    found = importers(*libraries)
    assert {module for module in found if not within(module, places)} == set()
    assert found, "the rule has lost its subject"


def test_keras_is_loaded_only_when_a_model_is_needed() -> None:
    wrong = {(found.module, found.name) for found in ALL if found.top in ("keras", "tensorflow")} & {
        (found.module, found.name) for found in ALL if found.when == "loading"
    }
    assert wrong == set()


def test_the_command_line_loads_nothing_heavy_by_itself() -> None:
    wrong = {
        (found.module, found.name)
        for found in ALL
        if found.module.startswith("search/cli/") and found.top in HEAVY and found.when == "loading"
    }
    assert wrong == set()


# What each module and package carries.


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_which_question_it_answers(module: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8")))
    assert docstring, "has no docstring"
    first = docstring.splitlines()[0]
    assert ("?" in first) != (module in ASKS_NOTHING), first


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


# What a process loads.

_SHOW_LOADED = "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
_COMMAND = f"""
import sys
from search.cli import main
try:
    main()
except SystemExit as end:
    {_SHOW_LOADED}
    sys.exit(end.code)
"""


def loaded_by(program: str, *arguments: str, folder: Path, code: int = 0) -> set[str]:
    """Top-level modules that a Python process has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("frobnicate",)])
def test_help_loads_no_library(arguments: tuple[str, ...], tmp_path: Path) -> None:
    loaded = loaded_by(_COMMAND, *arguments, folder=tmp_path, code=2 if arguments == ("frobnicate",) else 0)
    assert "typer" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("search", HEAVY),
        ("search.cli.app", HEAVY),
        ("search.experiment", HEAVY),
        ("spaces", HEAVY | {"pydantic"}),
        ("spaces.parse", HEAVY),
        ("spaces.builders", HEAVY),
        ("tracking", HEAVY),
        ("search.study.run", {"tensorflow", "keras", "mlflow", "matplotlib", "plotly", "numba"}),
        ("search.executors.local", {"tensorflow", "keras", "mlflow", "optuna", "numba"}),
        ("search.training.direct.scope", HEAVY),
        ("search.reuse.load", {"tensorflow", "keras", "mlflow"}),
    ],
)
def test_importing_a_module_leaves_out_what_only_some_calls_need(
    module: str, without: set[str], tmp_path: Path
) -> None:
    loaded = loaded_by(f"import sys, {module}\n{_SHOW_LOADED}", folder=tmp_path)
    assert loaded & without == set()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list",), 0),
        (("list", "--json"), 0),
        (("show", "pima"), 2),
        (("trials", "pima"), 2),
        (("best", "pima"), 2),
    ],
)
def test_looking_at_studies_loads_neither_tensorflow_nor_mlflow(
    arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    loaded = loaded_by(_COMMAND, *arguments, "--home", str(tmp_path / "home"), folder=tmp_path, code=code)
    assert loaded & {"tensorflow", "keras", "mlflow"} == set()
    assert not (tmp_path / "home").exists()  # a query writes nothing


def test_help_answers_within_half_a_second(tmp_path: Path) -> None:
    """Processor time of the best of five, so that a busy machine does not decide."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "search", "--help"], cwd=tmp_path, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.5
