"""How does a folder of PNG and JPEG files become an array of images with a class each?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.data.splits import PART_NAMES, PART_WORDS
from search.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY_MODES = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I")
DEEP = 256  # steps of 16 bits in one of 8

Size = tuple[int, int]
T = TypeVar("T")


def read_image_folder(folder: Path, source: str, size: Size | None = None) -> dict[str, NDArray[Any]]:
    """Read a folder with one sub-folder per class, or one of each kind in ``train`` and ``test`` (``validation``).

    Args:
        size: [height, width] that every image is resized to; None demands that all have one size.

    Returns:
        ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` and so on. x: uint8 (images, height, width) if all
        are grey, else (images, height, width, 3). y: the names of their sub-folders.

    Raises:
        DataError: a class has no image, sizes differ, or a file cannot be read, which is named.
    """
    parts = {"": folder}
    inner = _folders(folder)
    named = {PART_NAMES[PART_WORDS[path.name.lower()]]: path for path in inner if path.name.lower() in PART_WORDS}
    if "train" in named and len(named) == len(inner) and all(_folders(path) for path in inner):
        parts = {f"_{part}": path for part, path in named.items()}
    files = {part: _files_of_classes(path, source) for part, path in parts.items()}
    everything = [path for part in files.values() for path, _ in part]
    grey = all(_is_grey(path) for path in everything)
    first = _decoded(everything[0])
    sides = size or (first.height, first.width)
    arrays: dict[str, NDArray[Any]] = {}
    for part, held in files.items():
        arrays[f"x{part}"] = _stack([path for path, _ in held], sides, grey=grey, resize=size is not None)
        arrays[f"y{part}"] = np.array([label for _, label in held])
    return arrays


def read_images(path: Path, source: str, shape: Sequence[int]) -> tuple[NDArray[np.uint8], list[str]]:
    """Read one image, or all in a folder and its sub-folders, as a model takes them.

    Args:
        shape: (height, width) for grey or (height, width, 3); every image is resized to it.

    Returns:
        uint8 (images, *shape), and the files' names within the folder.

    Raises:
        DataError: there is no image, or one cannot be read.
    """
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
        raise DataError(f"{source}: is a place of images, but the model takes samples of shape {tuple(shape)}")
    paths = [path] if path.is_file() else sorted(file for file in path.rglob("*") if is_image(file))
    if not paths:
        raise DataError(f"{source}: must hold {_suffixes()} files, found none")
    size = (int(shape[0]), int(shape[1]))
    images = _stack(paths, size, grey=len(shape) == 2 or shape[2] == 1, resize=True)
    names = [paths[0].name] if path.is_file() else [file.relative_to(path).as_posix() for file in paths]
    return images.reshape(len(images), *shape), names


def is_image(path: Path) -> bool:
    """Tell from its name whether a file is an image that can be read."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def holds_images(folder: Path) -> bool:
    """Tell whether a folder holds images, or folders that do: one class each, or one part each."""
    return any(is_image(path) for pattern in ("*", "*/*", "*/*/*") for path in folder.glob(pattern))


def _files_of_classes(folder: Path, source: str) -> list[tuple[Path, str]]:
    place = source if folder.name == Path(source).name else f"{source} {folder.name}"
    classes = _folders(folder)
    if len(classes) < 2:
        got = f"only '{classes[0].name}'" if classes else "none"
        raise DataError(f"{place}: must hold a sub-folder of images per class, two at least, got {got}")
    found: list[tuple[Path, str]] = []
    for one in classes:
        files = sorted(path for path in one.iterdir() if is_image(path))
        if not files:
            rule = f"class '{one.name}' has no image; its folder must hold {_suffixes()} files"
            raise DataError(f"{place}: {rule}, or go")
        found += [(path, one.name) for path in files]
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _stack(paths: Sequence[Path], size: Size, *, grey: bool, resize: bool) -> NDArray[np.uint8]:
    """Read images into one array, uint8 (images, height, width), with a last axis of 3 unless ``grey``."""
    stacked = np.empty((len(paths), *size, *(() if grey else (3,))), np.uint8)
    for row, path in enumerate(paths):
        image = _decoded(path)
        if image.size != size[::-1] and not resize:
            sizes = f"{_shown(paths[0])} is {size[0]} x {size[1]} and {_shown(path)} {image.height} x {image.width}"
            remedy = f"resize them with data.image_size: [{size[0]}, {size[1]}]"
            raise DataError(f"{path.parent.parent}: images must have one size, but {sizes}; {remedy}")
        stacked[row] = _pixels(image, size, grey)
    return stacked


def _pixels(image: Image, size: Size, grey: bool) -> NDArray[np.uint8]:
    from PIL import Image as images

    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off at 255
        image = images.fromarray((np.asarray(image).astype(np.int64) // DEEP).clip(0, 255).astype(np.uint8))
    image = image.convert("L" if grey else "RGB")
    if image.size != size[::-1]:
        image = image.resize(size[::-1], images.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(image, np.uint8)


def _decoded(path: Path) -> Image:
    """Read one file, turned the way that its camera says.

    Raises:
        DataError: naming the file.
    """
    from PIL import ImageOps

    def decode(image: Image) -> Image:
        image.load()
        return ImageOps.exif_transpose(image)

    return _opened(path, decode)


def _is_grey(path: Path) -> bool:
    return _opened(path, lambda image: image.mode in GREY_MODES)


def _opened(path: Path, use: Callable[[Image], T]) -> T:
    from PIL import Image as images
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # "Decompression bomb" is for servers that take images from strangers; a torn one is an error below.
            warnings.simplefilter("ignore")
            with images.open(path) as image:
                return use(image)
    except (OSError, SyntaxError, ValueError, images.DecompressionBombError) as error:
        # Pillow calls a broken PNG a syntax error.
        reason = "it is no image" if isinstance(error, UnidentifiedImageError) else " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as an image ({reason}); save it again or take it away") from error


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _suffixes() -> str:
    return f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
