"""How are the arrays of an NPZ archive read, without a second copy where they become one?

Parts of a data set (``x_train``, ``x_test``) are put under each other before they are split anew. Images are large, and
to get memory takes longer than to unpack into it, so such parts are unpacked into one place from the start.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_CHUNK_BYTES = 2**20  # unpacked at once, so that they are still in the processor's caches when they are copied


@dataclass(frozen=True)
class _Member:
    """What the header of an array says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_arrays(archive: Any) -> dict[str, NDArray[Any]]:
    """All arrays of a ``numpy.load``-ed archive, those of one type and one shape of row behind each other in memory.

    Raises:
        ValueError, EOFError, zipfile.BadZipFile, zlib.error: as ``archive[name]`` does.
    """
    together: dict[Any, dict[str, _Member]] = defaultdict(dict)
    for name in archive.files:
        member = _member(archive, name)
        if member is not None:
            together[member.dtype, member.shape[1:]][name] = member
    arrays: dict[str, NDArray[Any]] = {}
    for (dtype, row), members in together.items():
        place = np.empty((sum(member.shape[0] for member in members.values()), *row), dtype)
        start = 0
        for name, member in members.items():
            arrays[name] = place[start : (start := start + member.shape[0])]
            with archive.zip.open(f"{name}.npy") as stream:
                _header(stream)
                _fill(arrays[name], stream)
    return {name: arrays[name] if name in arrays else archive[name] for name in archive.files}


def stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """``numpy.concatenate``, without a copy of arrays that lie behind each other in one array already."""
    first = arrays[0]
    place, bytes_before = first.base, first.ctypes.data
    for array in arrays:
        if array.base is not place or array.dtype != first.dtype or array.ctypes.data != bytes_before:
            return np.concatenate(arrays)
        bytes_before += array.nbytes
    if not isinstance(place, np.ndarray) or not place.flags.c_contiguous or place.shape[1:] != first.shape[1:]:
        return np.concatenate(arrays)
    start = (first.ctypes.data - place.ctypes.data) // max(place[:1].nbytes, 1)
    return place[start : start + sum(map(len, arrays))]


def _member(archive: Any, name: str) -> _Member | None:
    """None where NumPy is to read it by itself: Python objects, which it refuses, and what is not in order of rows."""
    if f"{name}.npy" not in archive.zip.namelist():
        return None
    with archive.zip.open(f"{name}.npy") as stream:
        header = _header(stream)
    if header is None or header[1] or not header[0] or header[2].hasobject:
        return None
    shape, _, dtype = header
    return _Member(shape, dtype)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]] | None:
    """Shape, whether columns come first, and type; None of a version that is only needed for names outside ASCII."""
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    return npy.read_array_header_2_0(stream) if version == (2, 0) else None


def _fill(array: NDArray[Any], stream: IO[bytes]) -> None:
    if not math.prod(array.shape):
        return
    place = array.reshape(-1).view(np.uint8).data
    while place:
        piece = stream.read(min(_CHUNK_BYTES, len(place)))
        if not piece:
            raise EOFError("its arrays are shorter than their headers say")
        place[: len(piece)] = piece
        place = place[len(piece) :]
