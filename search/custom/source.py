"""Where is a user's own model, and is it there, as far as can be told without running the file?

The coordinator reads the file as text: what it would import (Keras, mostly) is loaded by workers alone.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.errors import ModelError
from spaces.errors import nearest

_SOURCE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
_SIGNATURE = "it takes hp (or trial) and, if it likes, spec"


@dataclass(frozen=True)
class ModelSource:
    """A function, HyperModel class or instance in a Python file.

    Attributes:
        path: absolute.
        files: the file and the neighbours that it imports, which go into the model's folder with it.
        digest: 16 hexadecimal digits of SHA-256 over these files; of one file it is the start of that file's own.
    """

    path: Path
    name: str
    digest: str
    files: tuple[Path, ...]

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
    file, name = split_source(model)
    path = (folder / Path(file).expanduser()).resolve()
    tree = _parse(path, model)
    if not any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body):
        _check_name(tree, name, path, model)
    files = tuple(dict.fromkeys([path, *_neighbours(path, tree, set())]))
    return ModelSource(path, name, digest_of(files), files)


def digest_of(files: tuple[Path, ...]) -> str:
    """16 hexadecimal digits of SHA-256; of several files, over their digests in order."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return whole[:16]


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


def _parse(path: Path, model: str) -> ast.Module:
    if not path.is_file():
        raise ModelError(f"model: {model}: there is no such file: {path}")
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ModelError(f"model: {path.name}{line}: is not valid Python ({what})") from None


def _check_name(tree: ast.Module, name: str, path: Path, model: str) -> None:
    defined: dict[str, ast.stmt] = {}
    for node in _top_level(tree.body):
        for known in _names(node):
            defined[known] = node
    if name not in defined:
        public = [known for known in defined if not known.startswith("_")]
        there = nearest(name, public) if public else "it defines nothing"
        raise ModelError(f"model: {path.name} defines no '{name}'; {there}")
    node = defined[name]
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


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _top_level([*node.body, *getattr(node, "orelse", [])])


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", ast.Pass())]
    return [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]


def _neighbours(path: Path, tree: ast.Module, seen: set[Path]) -> Iterator[Path]:
    """Files beside the model's that it imports, and those that these import."""
    seen.add(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules = [node.module]
        else:
            continue
        for module in modules:
            near = path.parent / f"{module.partition('.')[0]}.py"
            if near.is_file() and near not in seen:
                yield near
                yield from _neighbours(near, _parse(near, near.name), seen)
