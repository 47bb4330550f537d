"""Which reader does a source's text call for?"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from search.data.files import read_file
from search.data.named import read_keras, read_openml, read_sklearn
from search.data.raw import FREE, TEST, RawData, from_frame, from_pair, join
from search.errors import DataError
from spaces.errors import nearest

SCHEMES: dict[str, Callable[[str], RawData]] = {
    "sklearn": read_sklearn,
    "openml": read_openml,
    "keras": read_keras,
}
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z_]{2,}):(?P<name>[^/\\]*)")
_FUNCTION = re.compile(r"(?P<file>.+\.py):(?P<function>\w*)")


def read_source(source: str, folder: Path) -> RawData:
    """Read a file (relative to ``folder``), ``sklearn:``, ``openml:``, ``keras:`` or ``file.py:function``.

    Raises:
        DataError: the source cannot be read. What a user's own function raises passes through with its
            traceback.
    """
    if not source.strip():
        raise DataError("the name of the data is empty; name a file or a set such as sklearn:iris")
    if match := _FUNCTION.fullmatch(source):
        return _read_function(source, folder / Path(match["file"]).expanduser(), match["function"])
    if match := _SCHEME.fullmatch(source):
        if match["scheme"] not in SCHEMES:
            allowed = nearest(match["scheme"], SCHEMES)
            raise DataError(f"{source}: unknown kind of source '{match['scheme']}:'; {allowed}, or a file name")
        return SCHEMES[match["scheme"]](match["name"])
    if source.endswith(".py"):
        raise DataError(f"{source}: must name the function that returns the data, such as {source}:load")
    return read_file(folder / Path(source).expanduser(), source)


def _read_function(source: str, path: Path, name: str) -> RawData:
    if not path.is_file():
        raise DataError(f"{source}: no such file: {path}")
    with _importable(path.resolve().parent):
        module = _import(path)
        function = getattr(module, name, None)
        if not callable(function):
            names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            raise DataError(f"{source}: {path.name} has no function '{name}'; {nearest(name, names)}")
        returned = function()
    return from_returned(source, returned)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the user's file import its neighbours, while it is loaded and while its function runs."""
    before = sys.path[:]
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def _import(path: Path) -> ModuleType:
    # A name of its own, so that a user's data.py or search.py hides no module of the same name.
    spec = importlib.util.spec_from_file_location(f"_kerasweep_user_{path.stem}", path.resolve())
    if spec is None or spec.loader is None:
        raise DataError(f"{path}: cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and the like look their module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def from_returned(source: str, value: Any) -> RawData:
    """Read what a function returned: a DataFrame, (X, y), (x_train, y_train, x_test, y_test) or two pairs.

    Raises:
        DataError: it is none of them, or shapes disagree.
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return from_frame(source, value)
    # NumPy arrays and lists are data here, only tuples are structure.
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(p, tuple) and len(p) == 2 for p in value):
        value = (*value[0], *value[1])
    if isinstance(value, tuple) and len(value) == 2:
        return from_pair(source, *value)
    if isinstance(value, tuple) and len(value) == 4:
        if np.ndim(value[1]) > 1 and np.ndim(value[2]) == 1:
            order = "(x_train, y_train, x_test, y_test)"
            raise DataError(f"{source}: must return {order}, got (x_train, x_test, y_train, y_test)")
        test = from_pair(f"{source} test", *value[2:])
        return join([(from_pair(source, *value[:2]), FREE), (test, TEST)], source=source)
    got = f"a tuple of {len(value)}" if isinstance(value, tuple) else type(value).__name__
    raise DataError(f"{source}: must return a DataFrame, (X, y) or (x_train, y_train, x_test, y_test), got {got}")
