"""What does a user's own Python file define, and how does it become a module among its neighbours?

Reading runs nothing: the file is parsed as text, so that a mistake is told before what it imports (Keras, mostly) is
loaded. Users' data, models and losses all come this way.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from spaces.errors import SpaceError, nearest

Purpose = Literal["data", "model", "loss"]
_MODULE = "kerasweep_user_"


@dataclass(frozen=True)
class UserFile:
    """A Python file of the user's, as it is now.

    Attributes:
        path: absolute.
        names: what it defines, assigns or imports at its top level, each with its statement.
        has_more: whether names may come from elsewhere too (``from layers import *``).
        files: the file and the neighbours that it imports, and that these import.
        digest: 16 hexadecimal digits of SHA-256 over these files; of one file it is the start of that file's own.
    """

    path: Path
    names: Mapping[str, ast.stmt]
    has_more: bool
    files: tuple[Path, ...]
    digest: str

    def refuse_unknown(self, name: str, rule: str) -> None:
        """Raise SpaceError if the file does not define ``name``; ``rule`` says what it lacks: "defines no"."""
        if name in self.names or self.has_more:
            return
        # What is imported may be meant, but is not what one would propose: keras, np.
        own = [known for known, node in self.names.items() if not isinstance(node, ast.Import | ast.ImportFrom)]
        public = [known for known in own if not known.startswith("_")]
        there = nearest(name, public) if public else "it defines nothing"
        raise SpaceError(f"{self.path.name} {rule} '{name}'; {there}")


def split_source(source: str) -> tuple[str, str]:
    """File and name of ``file.py:name``.

    >>> split_source("models/my_model.py:build")
    ('models/my_model.py', 'build')
    """
    file, _, name = source.rpartition(":")
    return file, name


def read_user_file(path: Path) -> UserFile:
    """Parse the file and the neighbours that it imports.

    Raises:
        SpaceError: naming the file that cannot be read, or the line that is not valid Python.
    """
    path = path.resolve()
    tree = _parse(path)
    names = {name: node for node in _top_level(tree.body) for name in _names(node)}
    has_more = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in _top_level(tree.body))
    files = tuple(dict.fromkeys([path, *_neighbours(path, tree, set())]))
    return UserFile(path, names, has_more, files, digest_of(files))


def digest_of(files: Sequence[Path]) -> str:
    """16 hexadecimal digits of SHA-256; of several files, over their digests in order."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return whole[:16]


@contextmanager
def user_module(file: UserFile, purpose: Purpose) -> Iterator[ModuleType]:
    """Run the file as a module of its own; inside the block, what lies beside it can be imported.

    Nothing is kept from an earlier run: who wants the same classes again keeps the module.

    Raises:
        Whatever the file itself raises.
    """
    # A name of its own for each content and purpose: files may be called alike, and a user's search.py hides nothing.
    folder = hashlib.sha256(str(file.path.parent).encode()).hexdigest()[:8]
    called = f"{_MODULE}{file.path.stem}_{purpose}_{folder}_{file.digest}"
    spec = importlib.util.spec_from_file_location(called, file.path)
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(called)
    sys.modules[called] = module  # dataclasses and the like look their module up by its name
    with neighbours_of(file.path):
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(called, None)
            if before is not None:
                sys.modules[called] = before
            raise
        yield module


@contextmanager
def neighbours_of(path: Path) -> Iterator[None]:
    """Let a user's file import what lies beside it, and forget it afterwards.

    A neighbour called ``layers.py`` must not be what another file's ``import layers`` finds.
    """
    folder, known = path.parent, set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        # Only what is ours: with the inline executor the record's thread may be importing at this moment.
        if str(folder) in sys.path:  # unless the user's own code took it out
            sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            found = getattr(sys.modules.get(name), "__file__", None)
            if found is not None and Path(found).parent == folder and not name.startswith(_MODULE):
                sys.modules.pop(name, None)


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError:
        raise SpaceError(f"there is no such file: {path}") from None
    except OSError as error:
        raise SpaceError(f"{path} cannot be read ({error.strerror or error})") from None
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SpaceError(f"{path.name}{line}: is not valid Python ({what})") from None


def _top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            handlers = [inner for handler in getattr(node, "handlers", []) for inner in handler.body]
            rest = [*getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            yield from _top_level([*node.body, *handlers, *rest])


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", ast.Pass())]
    return [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]


def _neighbours(path: Path, tree: ast.Module, seen: set[Path]) -> Iterator[Path]:
    """Files beside this one that it imports, and those that these import."""
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
                yield from _neighbours(near, _parse(near), seen)
