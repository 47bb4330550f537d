"""How is the user's own code, on which a model was built, brought back before the model is loaded?"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .absent import absent_libraries
from .errors import PortableError

CODE_FOLDER = "user_code"


def load_code(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Run the named files of the bundle's ``user_code``; return the classes and functions that they define.

    It is the code of whoever trained the model, and it runs with all rights of this process: open bundles with
    code from people you trust only. Files may import each other.

    Raises:
        PortableError: a file is missing, or is not a plain name of a Python file. What the code itself raises
            passes through.
    """
    objects: dict[str, Any] = {}
    place = folder / CODE_FOLDER
    before = sys.path[:]
    sys.path.insert(0, str(place.resolve()))
    try:
        for name in names:
            path = place / name
            if Path(name).name != name or path.suffix != ".py" or not path.is_file():
                raise PortableError(f"{path}: the model's own code is missing; train the model again")
            module = _run(path)
            objects |= {
                key: value
                for key, value in vars(module).items()
                if getattr(value, "__module__", None) == module.__name__ and callable(value)
            }
    finally:
        sys.path[:] = before
    return objects


def _run(path: Path) -> ModuleType:
    # A name of its own for each content, so that two models with a file of one name do not meet.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    called = f"kerasweep_user_{path.stem}_{digest}"
    if called in sys.modules:
        return sys.modules[called]
    spec = importlib.util.spec_from_file_location(called, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and the like look their module up by its name.
    sys.modules[called] = module
    try:
        with absent_libraries():
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[called]
        raise
    return module
