"""How does a worker come from ``my_model.py:build`` to something that it can call?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from search.custom.keras_tuner import HyperModel, stand_in
from search.custom.source import ModelSource, check_parameters, find_source
from search.errors import ModelError
from spaces.user_file import neighbours_of, user_module

Style = Literal["hp", "trial", "none"]


@dataclass(frozen=True)
class UserModel:
    """What a user's file offers.

    Attributes:
        function: builds a model: of hp, of an Optuna-like trial, or of nothing.
        style: what the function is given first.
        takes_spec: whether it is given the DataSpec as ``spec`` too.
        declare, fit: a HyperModel's own ``declare_hyperparameters`` and ``fit``; None where it has none.
        objects: the classes and functions that the file defines, by name, for loading saved models.
        digest: of the files as they are now.
    """

    place: str
    path: Path
    function: Callable[..., Any]
    style: Style
    takes_spec: bool
    declare: Callable[..., Any] | None
    fit: Callable[..., Any] | None
    objects: dict[str, Any]
    digest: str


_loaded: dict[tuple[str, str], UserModel] = {}


def load_user_model(source: str) -> UserModel:
    """Import the file (once for each content) and find what builds the model in it.

    Args:
        source: ``/path/my_model.py:build``.

    Raises:
        ModelError: naming what is missing. What the file itself raises passes through, with its traceback.
    """
    found = find_source(source, Path.cwd())
    key = (source, found.digest)
    if key not in _loaded:
        with stand_in(), user_module(found.file, "model") as module:
            _loaded[key] = _discover(module, found)
    return _loaded[key]


def saved_objects(source: str) -> dict[str, Any] | None:
    """What saved models of a study may refer to; None without a user's own model (an empty source)."""
    return load_user_model(source).objects if source else None


@contextmanager
def user_imports(path: Path) -> Iterator[None]:
    """Let a user's file import its neighbours, and ``keras_tuner`` though it is not installed."""
    with stand_in(), neighbours_of(path):
        yield


def _discover(module: ModuleType, found: ModelSource) -> UserModel:
    name, place = found.name, f"model: {found.path.name}:{found.name}"
    if not hasattr(module, name):
        raise ModelError(f"{place}: the file defines no '{name}'")
    made = getattr(module, name)
    if inspect.isclass(made) and hasattr(made, "build") and not _is_keras_model(made):
        made = _instance(made, place)
    builder = getattr(made, "build", None) if not inspect.isfunction(made) else None
    if _is_keras_model(made) or (not callable(made) and not callable(builder)):
        raise ModelError(
            f"{place}: must be a function that builds a model, or a HyperModel, got {_describe(made)}; "
            "write def build(hp): ... return model"
        )
    function = builder if callable(builder) else made
    style, takes_spec = _style(function, place)
    is_hyper = callable(builder)
    return UserModel(
        place=place,
        path=found.path,
        function=function,
        style=style,
        takes_spec=takes_spec,
        declare=getattr(made, "declare_hyperparameters", None) if is_hyper else None,
        fit=made.fit if is_hyper and _has_own_fit(made) else None,
        objects=_objects(module, found.path.parent),
        digest=found.digest,
    )


def _instance(made: type, place: str) -> Any:
    try:
        needed = [
            p.name
            for p in inspect.signature(made).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
    except ValueError:  # no signature to read
        needed = []
    if needed:
        raise ModelError(
            f"{place}: is a class that needs {', '.join(needed)}; write my_model = {made.__name__}(...) in the file "
            "and name that, e.g. model: FILE.py:my_model"
        )
    return made()


def _style(function: Callable[..., Any], place: str) -> tuple[Style, bool]:
    # An untunable HyperModel's build is wrapped; what counts is the function inside.
    parameters = list(inspect.signature(function).parameters.values())
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    check_parameters([p.name for p in plain if p.default is p.empty], [], place)
    takes_spec = any(p.name == "spec" for p in plain)
    first = next((p for p in plain if p.name != "spec"), None)
    if first is None:
        return "none", takes_spec
    annotation = first.annotation if isinstance(first.annotation, str) else getattr(first.annotation, "__name__", "")
    if annotation.rpartition(".")[2].endswith("Trial") or first.name == "trial":
        return "trial", takes_spec
    return "hp", takes_spec


def _has_own_fit(made: Any) -> bool:
    if not callable(getattr(made, "fit", None)):
        return False
    owner = next((cls for cls in type(made).__mro__ if "fit" in vars(cls)), None)
    return owner is not HyperModel and not (owner is not None and owner.__module__.startswith("keras_tuner"))


def _objects(module: ModuleType, folder: Path) -> dict[str, Any]:
    """Classes and functions of the file and of its neighbours, which saved models may refer to by name."""
    objects = {}
    for name, value in vars(module).items():
        owner = sys.modules.get(str(getattr(value, "__module__", "")))
        file = getattr(owner, "__file__", None)
        near = owner is module or (file is not None and Path(file).parent == folder)
        if near and (inspect.isclass(value) or inspect.isfunction(value)) and not name.startswith("__"):
            objects[name] = value
    return objects


def _is_keras_model(made: Any) -> bool:
    import keras

    return isinstance(made, keras.Model) or (inspect.isclass(made) and issubclass(made, keras.Model))


def _describe(made: Any) -> str:
    return f"the class {made.__name__}" if inspect.isclass(made) else f"a {type(made).__name__}"
