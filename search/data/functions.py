"""How is a user's own function called, and what may it return as data?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.archive import from_arrays
from search.data.pairs import from_pair
from search.data.raw import FREE, TEST, VALIDATION, RawData, from_frame, join
from search.errors import DataError
from spaces.errors import SpaceError, nearest
from spaces.user_file import read_user_file, split_source, user_module

if TYPE_CHECKING:
    from search.data.config import DataConfig

_FUNCTION = re.compile(r".+\.py:\w*")
_RETURNS = "a DataFrame, a dict of arrays, (X, y) or (x_train, y_train, x_test, y_test)"


def is_function(source: str) -> bool:
    """Tell whether a source is ``file.py:function``."""
    return _FUNCTION.fullmatch(source) is not None


def call_function(source: str, folder: Path, *arguments: Any) -> Any:
    """Call the function that ``file.py:function`` names; relative files start at ``folder``.

    Raises:
        DataError: there is no such file or function, or it does not take the arguments. What the function itself
            raises passes through with its traceback.
    """
    named, name = split_source(source)
    path = folder / Path(named).expanduser()
    if not path.is_file():
        raise DataError(f"{source}: no such file: {path}")
    try:
        file = read_user_file(path)
    except SpaceError as error:
        raise DataError(f"{source}: {error}") from None
    # Run anew each time: what the file keeps, a random generator perhaps, is as in a fresh process.
    with user_module(file, "data") as module:
        function = getattr(module, name, None)
        if not callable(function):
            names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            raise DataError(f"{source}: {path.name} has no function '{name}'; {nearest(name, names)}")
        _refuse_arguments(source, function, arguments)
        return function(*arguments)


def _refuse_arguments(source: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # built-in functions may have none
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        if arguments:
            rule = "a function for data.prepare must take one argument, what the source holds"
            raise DataError(f"{source}: {rule}; it is defined with {signature}") from None
        rule = "a function that is the source must need no arguments"
        raise DataError(
            f"{source}: {rule}, it is defined with {signature}; to change what another source holds, use data.prepare"
        ) from None


def from_returned(source: str, value: Any, config: DataConfig | None = None) -> RawData:
    """Read what a function returned: a DataFrame, (X, y), (x_train, y_train, x_test, y_test), two or three pairs.

    A dict of arrays is read as an NPZ file with these names is. X is what :func:`search.data.pairs.from_pair` takes: a
    frame, an array, texts, sequences, or a mapping of these.

    Raises:
        DataError: it is none of them, or shapes disagree.
    """
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return from_frame(source, value)
    if isinstance(value, Mapping):
        return from_arrays(source, value, config)
    if not isinstance(value, tuple):
        hint = "; does it end with 'return'?" if value is None else ""
        got = "None" if value is None else f"a {type(value).__name__}"
        raise DataError(f"{source}: must return {_RETURNS}, got {got}{hint}")
    # NumPy arrays and lists are data here, only tuples are structure.
    if len(value) in (2, 3) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        pairs = list(value)
    elif len(value) == 4:
        if np.ndim(value[1]) > 1 and np.ndim(value[2]) == 1:
            order = "(x_train, y_train, x_test, y_test)"
            raise DataError(f"{source}: must return {order}, got (x_train, x_test, y_train, y_test)")
        pairs = [value[:2], value[2:]]
    elif len(value) == 2:
        pairs = [value]
    else:
        raise DataError(f"{source}: must return {_RETURNS}, got a tuple of {len(value)}")
    parts = {1: (FREE,), 2: (FREE, TEST), 3: (FREE, VALIDATION, TEST)}[len(pairs)]
    places = {FREE: source, VALIDATION: f"{source} validation", TEST: f"{source} test"}
    read = [(from_pair(places[part], *pair, config=config), part) for part, pair in zip(parts, pairs, strict=True)]
    return join(read, source=source) if len(read) > 1 else read[0][0]
