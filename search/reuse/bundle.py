"""How does a trained model become a folder that predicts from raw rows, with or without kerasweep?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import search.portable as portable
from search.reuse.best_config import BestConfig

if TYPE_CHECKING:
    from search.portable import Preprocessor

CODE_FILE = "kerasweep_model.py"
CONFIG_FILE = "best.yaml"


def write_bundle(folder: Path, *, model: Path, preprocessor: Preprocessor, best: BestConfig) -> None:
    """Write ``model.keras``, the fitted preprocessing, ``best.yaml`` and the code that needs nothing else.

    The folder is replaced whole: a reader finds the old bundle or the new one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        preprocessor.save(fresh)
        shutil.copyfile(model, fresh / portable.MODEL_FILE)
        shutil.copyfile(portable.__file__, fresh / CODE_FILE)
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
