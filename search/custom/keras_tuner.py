"""What does a user's file find when it imports ``keras_tuner`` and that is not installed?

A stand-in with HyperModel and HyperParameters, there only while the file is imported and its model is built. Tuners and
the like can be imported, so that a script which also holds a search of its own loads, but not used.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from search.custom.hp import HyperParameter, HyperParameters
from search.errors import ModelError
from spaces.errors import nearest

NAMES = ("keras_tuner", "kerastuner")
_TUNERS = (
    "Tuner", "BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner", "Oracle", "Objective",
    "synchronized",
)  # fmt: skip
_FOLDERS = ("engine", "applications", "tuners", "oracles", "errors")


class HyperModel:
    """KerasTuner's base class: subclasses define ``build(self, hp)``, and perhaps ``fit`` and the rest.

    Args:
        tunable: False gives every hyperparameter that the model asks for its default.
    """

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        self.name, self.tunable = name, tunable
        if not tunable:
            searched = self.build
            self.build = lambda hp, *args, **kwargs: searched(hp.copy(), *args, **kwargs)  # type: ignore[method-assign]

    def build(self, hp: Any) -> Any:
        """Build a compiled model; subclasses say how."""
        raise NotImplementedError

    def declare_hyperparameters(self, hp: Any) -> None:
        """Ask for hyperparameters before ``build`` does."""

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train the model."""
        return model.fit(*args, **kwargs)


@contextmanager
def stand_in() -> Iterator[None]:
    """Let ``import keras_tuner`` find the stand-in inside, where the real one is not installed."""
    finder = _Finder()
    # A copy: other threads may be importing something.
    before = {name for name in list(sys.modules) if name.partition(".")[0] in NAMES}
    sys.meta_path.append(finder)  # last: what is installed comes first
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made - before:
            sys.modules.pop(name, None)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes the stand-in's modules, and knows which."""

    def __init__(self) -> None:
        self.made: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top, _, rest = name.partition(".")
        if top not in NAMES or (rest and rest.partition(".")[0] not in _FOLDERS):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self.made.add(spec.name)
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(HyperModel=HyperModel, HyperParameters=HyperParameters, HyperParameter=HyperParameter)


class _StandIn(ModuleType):
    """A module of the stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _TUNERS or self.__name__.partition(".")[2]:
            return _Unsupported(f"{self.__name__}.{name}")
        if name in _FOLDERS:
            return importlib.import_module(f"{self.__name__}.{name}")
        known = ("HyperModel", "HyperParameters", "HyperParameter")
        raise ModelError(f"{self.__name__}.{name}: is not supported here; {nearest(name, known)}")


class _Unsupported:
    """A name of KerasTuner's that may be imported, and not used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._error()

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        raise self._error()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._error()

    def _error(self) -> ModelError:
        last = self._name.rpartition(".")[2]
        what = "kerasweep itself searches; " if last in _TUNERS else ""
        return ModelError(
            f"{self._name}: is not supported here; {what}put it under 'if __name__ == \"__main__\":' or leave it out"
        )
