"""How does a user's own function, ``file.py:function``, become a loss?

Its file runs once in a process. A model file that names such a loss does not run it: loading asks for what is loaded
already, and whoever only predicts loads without the loss (``compile=False``).
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from spaces.data_spec import DataSpec
from spaces.errors import SpaceError
from spaces.user_file import UserFile, read_user_file, split_source, user_module

PACKAGE = "kerasweep"
_modules: dict[tuple[Path, str], ModuleType] = {}  # the users' files of this process, by path and digest
_loaded: dict[str, Callable[..., Any]] = {}  # the users' functions of this process, by ``/path.py:function``


def load_function(name: str) -> Callable[..., Any]:
    """The function behind ``/abs/path.py:function``; its file runs once in a process.

    Raises:
        SpaceError: if file or function are not there. What the file itself raises goes through.
    """
    file, function = check_function(name, "loss"), split_source(name)[1]
    if (file.path, file.digest) not in _modules:
        with user_module(file, "loss") as module:
            _modules[file.path, file.digest] = module
    found = getattr(_modules[file.path, file.digest], function)
    if not callable(found):
        raise SpaceError(f"loss: {name} is {type(found).__name__}, not a function of (y_true, y_pred)")
    _loaded[name] = found
    return _loaded[name]


def user_loss(name: str, settings: Mapping[str, float], spec: DataSpec) -> Any:
    """A fresh Keras loss around ``/abs/path.py:function``, tried out on two samples.

    Raises:
        SpaceError: one line that names the function and what it returned or raised.
    """
    import keras

    function = load_function(name)
    if isinstance(function, type) and issubclass(function, keras.losses.Loss):
        return keras.saving.register_keras_serializable(PACKAGE)(function)(**settings)
    _try_out(name, function, settings, spec)
    return _user_class()(name, dict(settings))


@functools.cache
def _user_class() -> Any:
    """The Keras class around users' functions; made once, when Keras is there, and known to its model loading."""
    import keras

    @keras.saving.register_keras_serializable(PACKAGE)
    class UserLoss(keras.losses.Loss):
        def __init__(self, function: str, settings: Mapping[str, float], name: str | None = None, **rest: Any) -> None:
            super().__init__(name=name or function.rpartition(":")[2], **rest)
            self.function, self.settings = function, dict(settings)
            # A model file names a path; loading it must not run what lies there now.
            if function not in _loaded:
                raise ValueError(f"the loss {function} is not loaded here; load the model with compile=False")

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return _loaded[self.function](y_true, y_pred, **self.settings)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "function": self.function, "settings": self.settings}

    return UserLoss


def _try_out(name: str, function: Callable[..., Any], settings: Mapping[str, float], spec: DataSpec) -> None:
    """Call the user's function with two samples, so that what is wrong with it is told in one line.

    Raises:
        SpaceError: naming the function and what it returned or raised.
    """
    from keras import ops

    rows = 2
    if spec.task == "multiclass":
        y_true, y_pred = ops.zeros((rows,)), ops.full((rows, spec.outputs), 1.0 / spec.outputs)
    else:
        y_true, y_pred = ops.zeros((rows, spec.outputs)), ops.full((rows, spec.outputs), 0.5)
    rule = f"must return one number per sample, shape ({rows},) for {rows} samples, or their mean"
    try:
        value = function(y_true, y_pred, **settings)
    except Exception as error:
        where = _line_of(error, name)
        raise SpaceError(f"loss {name}: raised {type(error).__name__}: {_one_line(error)}{where}") from error
    if value is None:
        raise SpaceError(f"loss {name}: returned nothing; it {rule}: is a 'return' missing?")
    try:
        shape = tuple(ops.convert_to_tensor(value).shape)
        finite = bool(ops.all(ops.isfinite(ops.cast(value, "float32"))))
    except Exception as error:
        raise SpaceError(f"loss {name}: returned {type(value).__name__} ({_one_line(error)}); it {rule}") from error
    if shape not in ((), (rows,), (rows, 1)):
        raise SpaceError(f"loss {name}: returned the shape {shape} for {rows} samples; it {rule}")
    if not finite:
        raise SpaceError(f"loss {name}: returned a value that is not finite for targets 0 and ordinary predictions")


def check_function(name: str, place: str) -> UserFile:
    """See, without running it, that the file is there and has such a function."""
    file, function = split_source(name)
    path = Path(file)
    if not path.is_file():
        raise SpaceError(f"{place}: there is no such file: {path}; write path/to/file.py:function")
    try:
        found = read_user_file(path)
        found.refuse_unknown(function, "has no function")
    except SpaceError as error:
        raise SpaceError(f"{place}: {error}") from None
    return found


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _line_of(error: BaseException, name: str) -> str:
    """Where in the user's file it happened."""
    file = str(Path(split_source(name)[0]).resolve())
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]})" if lines else ""
