"""Which reader does a source's text call for, and what does the user's own function make of what it reads?"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.data.files import read_contents, read_file
from search.data.functions import call_function, from_returned, is_function
from search.data.named import read_keras, read_openml, read_sklearn
from search.data.raw import FREE, TEST, TRAIN, VALIDATION, RawData
from search.errors import DataError
from spaces.errors import nearest

if TYPE_CHECKING:
    from search.data.config import DataConfig

SCHEMES: dict[str, Callable[[str], RawData]] = {
    "sklearn": read_sklearn,
    "openml": read_openml,
    "keras": read_keras,
}
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z_]{2,}):(?P<name>[^/\\]*)")
_SUFFIXES = {FREE: "", TRAIN: "_train", VALIDATION: "_validation", TEST: "_test"}


def read_source(source: str, folder: Path, config: DataConfig | None = None) -> RawData:
    """Read a file or folder (relative to ``folder``), ``sklearn:``, ``openml:``, ``keras:`` or ``file.py:function``.

    Args:
        config: what it says about reading: ``prepare``, ``layout``, ``time_axis``, ``image_size``, ``inputs``.

    Raises:
        DataError: the source cannot be read. What a user's own function raises passes through with its
            traceback.
    """
    if not source.strip():
        raise DataError("the name of the data is empty; name a file or a set such as sklearn:iris")
    if config is not None and config.prepare is not None:
        contents = _contents(source, folder, config)
        raw = from_returned(config.prepare, call_function(config.prepare, folder, contents), config)
    else:
        raw = _read(source, folder, config)
    if config is not None and config.layout in ("image", "sequence") and raw.table is not None:
        shapes = {"image": "(samples, height, width)", "sequence": "(samples, time, features)"}
        rule = f"data.layout: {config.layout} is for arrays of {shapes[config.layout]}, but this is a table"
        remedy = "cut a table in order of time with data.windows" if config.layout == "sequence" else "leave it out"
        raise DataError(f"{source}: {rule} of {len(raw.table.columns)} columns; {remedy}")
    if config is not None and config.image_size is not None and not (folder / source).is_dir():
        raise DataError(f"{source}: data.image_size is for folders of images; leave it out")
    return raw


def _read(source: str, folder: Path, config: DataConfig | None) -> RawData:
    if is_function(source):
        return from_returned(source, call_function(source, folder), config)
    if match := _SCHEME.fullmatch(source):
        if match["scheme"] not in SCHEMES:
            allowed = nearest(match["scheme"], SCHEMES)
            raise DataError(f"{source}: unknown kind of source '{match['scheme']}:'; {allowed}, or a file name")
        return SCHEMES[match["scheme"]](match["name"])
    if source.endswith(".py"):
        raise DataError(f"{source}: must name the function that returns the data, such as {source}:load")
    return read_file(folder / Path(source).expanduser(), source, config)


def _contents(source: str, folder: Path, config: DataConfig) -> Any:
    """What a function for ``data.prepare`` is given: a table, arrays by name, or what a function returned."""
    if is_function(source):
        return call_function(source, folder)
    if _SCHEME.fullmatch(source) or source.endswith(".py"):
        return _as_contents(_read(source, folder, None))
    return read_contents(folder / Path(source).expanduser(), source, config)


def _as_contents(raw: RawData) -> Any:
    """A named data set as its own file would hold it."""
    if raw.table is not None and raw.parts is None:
        return raw.table
    x = raw.array if raw.table is None else raw.table.drop(columns=raw.target).to_numpy()
    y = raw.labels if raw.table is None else raw.table[raw.target]
    assert x is not None
    parts = np.full(len(raw), FREE) if raw.parts is None else np.where(raw.parts == FREE, TRAIN, raw.parts)
    arrays: dict[str, Any] = {}
    for part in np.unique(parts).tolist():
        arrays |= {f"x{_SUFFIXES[part]}": x[parts == part], f"y{_SUFFIXES[part]}": np.asarray(y)[parts == part]}
    return arrays
