"""How are IDX files read, the format of MNIST and Fashion-MNIST?

A file is two zero bytes, a byte for the type of number, one for the number of axes, each axis' length as a big-endian
32-bit number, then the numbers, big-endian too (http://yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.errors import DataError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 8
_NAME = re.compile(r".*([-._]idx\d?([-.]ubyte)?|-ubyte|\.idx\d?)(\.gz)?", re.IGNORECASE)
_PARTS = (("t10k", "test"), ("test", "test"), ("val", "validation"), ("dev", "validation"), ("train", "train"))


def is_idx(path: Path) -> bool:
    """Tell from its name whether a file is IDX: train-images-idx3-ubyte.gz, train-images.idx3-ubyte, digits.idx."""
    return _NAME.fullmatch(path.name) is not None


def read_idx(path: Path, source: str) -> NDArray[Any]:
    """Read one file, also with .gz.

    Returns:
        An array of the shape and the type of number that the file states.

    Raises:
        DataError: it is no IDX file, or holds fewer or more numbers than it states.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{source}: cannot be unpacked as gzip ({error}); write or download it again") from error
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from error
    axes = content[3] if len(content) > 3 else 0
    if content[:2] != b"\0\0" or len(content) < 4 or content[2] not in TYPES or not 1 <= axes <= MOST_AXES:
        rule = "an IDX file must begin with 00 00, a type from 08 to 0e and its number of axes"
        raise DataError(f"{source}: {rule}, got {content[:4].hex(' ') or 'nothing'}; download it again")
    start = 4 + 4 * axes
    shape = tuple(int(size) for size in np.frombuffer(content[4:start].ljust(4 * axes, b"\0"), ">u4"))
    kind = np.dtype(TYPES[content[2]])
    due = start + math.prod(shape) * kind.itemsize
    if len(content) != due:
        problem = "cut short" if len(content) < due else "longer than it says"
        sizes = f"{' x '.join(map(str, shape))} numbers take {due:,} bytes, got {len(content):,}"
        raise DataError(f"{source}: is {problem}: {sizes}; download it again")
    return np.frombuffer(content, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


def read_idx_pair(path: Path, source: str) -> dict[str, NDArray[Any]]:
    """Read a file of images, and the file of their labels beside it, as ``x`` and ``y``.

    Raises:
        DataError: the labels are not there or are not as many, or a file cannot be read.
    """
    if "images" not in path.name.lower():
        rule = "must be a file of images, train-images-idx3-ubyte or the like, with its labels beside it"
        raise DataError(f"{source}: {rule}, got '{path.name}'")
    labels = labels_beside(path)
    if labels is None:
        raise DataError(f"{source}: its labels must lie beside it as {_labels_name(path)}; there is no such file")
    x, y = read_idx(path, source), read_idx(labels, labels.name)
    if y.ndim != 1:
        raise DataError(f"{labels.name}: labels must have one axis, got the shape {y.shape}")
    if len(x) != len(y):
        raise DataError(
            f"{source}: must have a label per image, got {len(x)} images and {len(y)} labels in {labels.name}"
        )
    return {"x": x, "y": y}


def read_idx_folder(folder: Path, source: str) -> dict[str, NDArray[Any]]:
    """Read the usual four files as ``x_train``, ``y_train``, ``x_test`` and ``y_test``; a lone pair as ``x``, ``y``.

    Raises:
        DataError: a part has several files, there is no training part, or a file cannot be read.
    """
    files: dict[str, Path] = {}
    for path in image_files(folder):
        part = next((part for word, part in _PARTS if word in path.name.lower()), "")
        if part in files:
            rule = f"must hold one file of images a part, got {files[part].name} and {path.name}"
            raise DataError(f"{source}: {rule}; name one of the two")
        files[part] = path
    if len(files) > 1 and "train" not in files:
        names = ", ".join(path.name for path in files.values())
        raise DataError(f"{source}: must hold the training images too, train-images-idx3-ubyte, got {names}")
    read = {part: read_idx_pair(path, f"{source}/{path.name}") for part, path in files.items()}
    if len(read) == 1:
        return next(iter(read.values()))
    return {f"{key}_{part}": array for part, pair in read.items() for key, array in pair.items()}


def image_files(folder: Path) -> list[Path]:
    """The IDX files of images in a folder, by name; packed ones only where the plain one is not there."""
    found = sorted(path for path in folder.iterdir() if is_idx(path) and "images" in path.name.lower())
    return [path for path in found if path.suffix.lower() != ".gz" or path.with_suffix("") not in found]


def labels_beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of images, packed or not."""
    plain = _labels_name(images).removesuffix(".gz")
    wanted = {plain.lower(), f"{plain}.gz".lower()}
    return next((path for path in sorted(images.parent.iterdir()) if path.name.lower() in wanted), None)


def _labels_name(images: Path) -> str:
    name = re.sub(
        "images", lambda found: "LABELS" if found[0].isupper() else "labels", images.name, flags=re.IGNORECASE
    )
    return re.sub(r"idx\d", "idx1", name, flags=re.IGNORECASE)
