"""Where is a user's own model, and is it there, as far as can be told without running the file?

The coordinator reads the file as text: what it would import (Keras, mostly) is loaded by workers alone.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from search.errors import ModelError
from spaces.errors import SpaceError
from spaces.user_file import UserFile, read_user_file

_SOURCE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
_SIGNATURE = "it takes hp (or trial) and, if it likes, spec"


@dataclass(frozen=True)
class ModelSource:
    """A function, HyperModel class or instance in a Python file, which is as it was when it was read."""

    file: UserFile
    name: str

    @property
    def path(self) -> Path:
        """Absolute."""
        return self.file.path

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of SHA-256 over ``files``; of one file it is the start of that file's own."""
        return self.file.digest

    @property
    def files(self) -> tuple[Path, ...]:
        """The file and the neighbours that it imports, which go into the model's folder with it."""
        return self.file.files

    def __str__(self) -> str:
        return f"{self.path}:{self.name}"


def names_a_file(model: str) -> bool:
    """Whether ``model`` means a user's file and not a family such as ``mlp``."""
    return ":" in model or model.endswith(".py") or "/" in model


def split_source(model: str) -> tuple[str, str]:
    """File and name of ``my_model.py:build``. Raises ModelError if it is written in another way."""
    match = _SOURCE.fullmatch(model)
    if match is None:
        file = model.partition(":")[0]
        raise ModelError(f"model: must name a Python file and what builds the model in it, got {model!r}; "
                         f"write {file if file.endswith('.py') else 'my_model.py'}:build")  # fmt: skip
    return match["file"], match["name"]


def find_source(model: str, folder: Path) -> ModelSource:
    """See that the file is there and defines the name, with a signature that can be called.

    Args:
        model: ``my_model.py:build``; the file is relative to ``folder``.

    Raises:
        ModelError: naming what is missing and the nearest there is.
    """
    named, name = split_source(model)
    path = folder / Path(named).expanduser()
    if not path.is_file():
        raise ModelError(f"model: {model}: there is no such file: {path.resolve()}")
    try:
        file = read_user_file(path)
        file.refuse_unknown(name, "defines no")
    except SpaceError as error:
        raise ModelError(f"model: {error}") from None
    _check_callable(file.names.get(name), model)
    return ModelSource(file, name)


def check_parameters(required: list[str], optional: list[str], place: str) -> None:
    """Refuse a function that needs more than hp (or trial) and spec.

    Args:
        required: names of the parameters without a default, in order, ``self`` left out.

    Raises:
        ModelError: naming the parameter too many.
    """
    others = [name for name in required[1:] if name != "spec"]
    if others:
        names = ", ".join(required)
        raise ModelError(f"{place}: takes {len(required)} parameters ({names}), but {_SIGNATURE}; "
                         f"give {others[0]} a default, or set it in the file")  # fmt: skip


def _check_callable(node: ast.stmt | None, model: str) -> None:
    if isinstance(node, ast.FunctionDef):
        _check_signature(node.args, f"model: {model}", method=False)
    elif isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == "build":
                _check_signature(method.args, f"model: {model}, build", method=True)


def _check_signature(arguments: ast.arguments, place: str, *, method: bool) -> None:
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][1 if method else 0 :]
    without = len(names) - min(len(arguments.defaults), len(names))
    keyword = [
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    check_parameters([*names[:without], *keyword], names[without:], place)
