"""How does a trained model become a folder that predicts from raw rows, with or without kerasweep?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import search.portable as portable
from search.reuse.best_config import BestConfig

if TYPE_CHECKING:
    from search.portable import Preprocessor

CODE_PACKAGE = "kerasweep_model"
CONFIG_FILE = "best.yaml"


def write_bundle(
    folder: Path, *, model: Path, preprocessor: Preprocessor, best: BestConfig, code: Sequence[Path] = ()
) -> None:
    """Write ``model.keras``, the fitted preprocessing, ``best.yaml`` and the code that needs nothing else.

    The folder is replaced whole: a reader finds the old bundle or the new one.

    Args:
        code: the user's own Python files that the model needs to load, each of another name; they are copied.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        preprocessor.save(fresh, [path.name for path in code])
        shutil.copyfile(model, fresh / portable.MODEL_FILE)
        _copy_code(fresh / CODE_PACKAGE, Path(portable.__file__).parent.glob("*.py"))
        if code:
            _copy_code(fresh / portable.CODE_FOLDER, code)
        (fresh / CONFIG_FILE).write_text(best.to_text(), encoding="utf-8")
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def with_threshold(preprocessor: Preprocessor, threshold: float | None) -> Preprocessor:
    """The same preprocessing, with two classes told apart at this probability; None leaves it as it is."""
    if threshold is None:
        return preprocessor
    return replace(preprocessor, target=replace(preprocessor.target, threshold=threshold))


def _copy_code(folder: Path, files: Iterable[Path]) -> None:
    folder.mkdir()
    for path in sorted(files):
        shutil.copyfile(path, folder / path.name)
