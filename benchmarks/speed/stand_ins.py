"""Which file does a work read: the real one of the data folder, or one of the same shape that is made up?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILES = {"pima": "pima.csv.gz", "fashion": "fashion_mnist.npz"}
FONTS = Path(__file__).resolve().parents[2] / "examples" / "fonts.py"
_COLUMNS = ("pregnancies", "glucose", "blood_pressure", "skin_thickness", "insulin", "bmi", "pedigree", "age")


def source_of(name: str, data_folder: Path | None, scratch: Path) -> tuple[str, bool]:
    """What ``data.source`` becomes, and whether it is made up.

    Args:
        name: ``pima``, ``fashion``, ``fonts``, or a source that needs no file.
        data_folder: where the real files lie, by the names of FILES; None makes all up.
        scratch: where what is made up is written.
    """
    if name == "fonts":
        return f"{FONTS}:load", False
    if name not in FILES:
        return name, False
    if data_folder is not None and (data_folder / FILES[name]).exists():
        return str((data_folder / FILES[name]).resolve()), False
    path = scratch / FILES[name]
    if not path.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        (_write_table if name == "pima" else _write_pictures)(path)
    return str(path), True


def _write_table(path: Path) -> None:
    """768 rows of 8 numbers and a class, which follows from them with as much chance as in the real table."""
    import pandas as pd

    random = np.random.default_rng(1)
    x = random.normal(size=(768, len(_COLUMNS)))
    score = x @ random.normal(size=len(_COLUMNS)) * 0.6 - 0.8
    ill = random.random(768) < 1 / (1 + np.exp(-score))
    frame = pd.DataFrame(np.round(x * 20 + 100, 1), columns=_COLUMNS).assign(outcome=ill.astype(int))
    frame.to_csv(path, index=False)


def _write_pictures(path: Path) -> None:
    """60000 + 10000 grey pictures of 28 x 28, ten kinds: a kind's own pattern under noise."""
    random = np.random.default_rng(2)
    patterns = random.integers(0, 256, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for part, rows in (("train", 60_000), ("test", 10_000)):
        y = random.integers(0, 10, rows).astype(np.uint8)
        noise = random.normal(0, 90, (rows, 28, 28)).astype(np.float32)
        arrays |= {f"X_{part}": np.clip(patterns[y] + noise, 0, 255).astype(np.uint8), f"y_{part}": y}
    np.savez_compressed(path, allow_pickle=False, **arrays)
