"""Are images the same whether they come as arrays, IDX files or a folder of pictures?"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from search.data import DataConfig, load_dataset
from search.data.images import read_images
from search.data.raw import FREE, TEST, VALIDATION
from search.data.sources import read_source
from search.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
SHARED = Path(__file__).parents[4] / "shared" / "data"
RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (40, 9, 7), np.uint8)
LABELS = np.arange(40, dtype=np.uint8) % 4


def idx(array: NDArray[Any]) -> bytes:
    code = CODES[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(folder: Path, name: str, array: NDArray[Any]) -> None:
    folder.mkdir(exist_ok=True)
    content = idx(array)
    (folder / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)


def usual_four(folder: Path, suffix: str = ".gz") -> None:
    for part, rows in (("train", slice(0, 30)), ("t10k", slice(30, 40))):
        write_idx(folder, f"{part}-images-idx3-ubyte{suffix}", IMAGES[rows])
        write_idx(folder, f"{part}-labels-idx1-ubyte{suffix}", LABELS[rows])


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def class_folders(folder: Path, images: NDArray[np.uint8] = IMAGES, classes: str = "abcd") -> None:
    for i, pixels in enumerate(images):
        write_png(folder / classes[LABELS[i]] / f"{i:03d}.png", pixels)


def fails(folder: Path, source: str, **config: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_source(source, folder, DataConfig(source=source, **config))
    return str(caught.value)


# -- IDX -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_usual_four_files_are_read_back_equal(tmp_path: Path, suffix: str) -> None:
    usual_four(tmp_path / "set", suffix)
    raw = read_source("set", tmp_path)
    assert (raw.layout, raw.target) == ("image", "y")
    assert raw.array is not None
    assert raw.labels is not None
    assert raw.parts is not None
    np.testing.assert_array_equal(raw.array, IMAGES)
    assert raw.array.dtype == np.uint8
    np.testing.assert_array_equal(raw.labels, LABELS)
    assert raw.parts.tolist() == [FREE] * 30 + [TEST] * 10


def test_one_idx_file_finds_its_labels_beside_it(tmp_path: Path) -> None:
    usual_four(tmp_path)
    raw = read_source("train-images-idx3-ubyte.gz", tmp_path)
    assert len(raw) == 30
    assert raw.parts is None
    both = load_dataset(
        DataConfig(source="train-images-idx3-ubyte.gz", test="t10k-images-idx3-ubyte.gz"), seed=0, folder=tmp_path
    )
    assert (len(both.train), len(both.validation), len(both.test or ())) == (24, 6, 10)


@pytest.mark.parametrize("kind", sorted(CODES))
def test_every_type_of_number_is_read(tmp_path: Path, kind: str) -> None:
    values = RNG.integers(0, 100, (40, 3, 4)).astype(kind)
    write_idx(tmp_path, "d-images-idx3-ubyte", values)
    write_idx(tmp_path, "d-labels-idx1-ubyte", LABELS)
    raw = read_source("d-images-idx3-ubyte", tmp_path)
    assert raw.array is not None
    np.testing.assert_array_equal(raw.array, values)
    assert raw.array.dtype == np.dtype(kind)


def test_idx_and_npz_give_the_same_data_set(tmp_path: Path) -> None:
    usual_four(tmp_path / "set")
    arrays = {"x_train": IMAGES[:30], "y_train": LABELS[:30], "x_test": IMAGES[30:], "y_test": LABELS[30:]}
    np.savez(tmp_path / "set.npz", **arrays)
    one, two = (load_dataset(DataConfig(source=name), seed=3, folder=tmp_path) for name in ("set", "set.npz"))
    assert one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.train.x, two.train.x)


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-5], "is cut short: 40 x 9 x 7 numbers take 2,536 bytes, got 2,531"),
        (lambda content: content + b"x", "is longer than it says"),
        (lambda content: b"\x89PNG" + content, "must begin with 00 00, a type from 08 to 0e", ),
        (lambda content: b"\0\0\x07\x03" + content[4:], "got 00 00 07 03; download it again"),
        (lambda content: b"\0\0\x08\x00" + content[4:], "and its number of axes, got 00 00 08 00"),
        (lambda content: b"\0\0", "got 00 00; download it again"),
    ],
    ids=["truncated", "too long", "no IDX", "unknown type", "no axes", "two bytes"],
)  # fmt: skip
def test_a_damaged_idx_file_is_one_line(tmp_path: Path, damage: Damage, words: str) -> None:
    write_idx(tmp_path, "d-images-idx3-ubyte", IMAGES)
    write_idx(tmp_path, "d-labels-idx1-ubyte", LABELS)
    (tmp_path / "d-images-idx3-ubyte").write_bytes(damage(idx(IMAGES)))
    assert words in fails(tmp_path, "d-images-idx3-ubyte")


def test_labels_must_be_there_and_as_many(tmp_path: Path) -> None:
    write_idx(tmp_path, "d-images-idx3-ubyte", IMAGES)
    assert "its labels must lie beside it as d-labels-idx1-ubyte" in fails(tmp_path, "d-images-idx3-ubyte")
    write_idx(tmp_path, "d-labels-idx1-ubyte", LABELS[:39])
    assert "got 40 images and 39 labels in d-labels-idx1-ubyte" in fails(tmp_path, "d-images-idx3-ubyte")
    assert "must be a file of images" in fails(tmp_path, "d-labels-idx1-ubyte")


def test_a_broken_gzip_of_idx_is_told(tmp_path: Path) -> None:
    usual_four(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:60])
    assert "cannot be unpacked as gzip" in fails(tmp_path, path.name)


# -- folders ---------------------------------------------------------------------------------------------------------


def test_a_folder_per_class_is_read_with_the_folders_names(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    (tmp_path / "set" / "a" / "Thumbs.db").touch()
    (tmp_path / "set" / ".hidden").mkdir()
    raw = read_source("set", tmp_path)
    order = np.argsort(LABELS, kind="stable")
    assert raw.array is not None
    assert raw.labels is not None
    np.testing.assert_array_equal(raw.array, IMAGES[order])
    assert raw.labels.tolist() == [c for c in "abcd" for _ in range(10)]
    data = load_dataset(DataConfig(source="set"), seed=0, folder=tmp_path)
    assert data.spec.inputs[0].kind == "image"
    assert (data.spec.input_shape, data.spec.task) == ((9, 7), "multiclass")


def test_classes_called_by_numbers_are_classes(tmp_path: Path) -> None:
    class_folders(tmp_path / "set", classes="0123")
    data = load_dataset(DataConfig(source="set"), seed=0, folder=tmp_path)
    assert data.preprocessor.target.classes == ("0", "1", "2", "3")


def test_train_and_test_folders_are_the_parts(tmp_path: Path) -> None:
    for part, rows in (("train", slice(0, 24)), ("val", slice(24, 32)), ("test", slice(32, 40))):
        class_folders(tmp_path / "set" / part, IMAGES[rows])
    raw = read_source("set", tmp_path)
    assert raw.parts is not None
    assert np.bincount(raw.parts + 1).tolist() == [24, 0, 8, 8]
    assert {FREE, VALIDATION, TEST} == set(raw.parts.tolist())


def test_one_colour_image_makes_all_of_them_colour(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    write_png(tmp_path / "set" / "a" / "red.png", np.full((9, 7, 3), (255, 0, 0), np.uint8))
    raw = read_source("set", tmp_path)
    assert raw.array is not None
    assert raw.array.shape == (41, 9, 7, 3)
    np.testing.assert_array_equal(raw.array[0], np.repeat(IMAGES[0][:, :, None], 3, axis=2))


def test_sixteen_bits_and_jpeg_are_read(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    Image.fromarray(np.full((9, 7), 40_000, np.uint16)).save(tmp_path / "set" / "a" / "deep.png")
    Image.fromarray(np.full((9, 7), 80, np.uint8)).save(tmp_path / "set" / "a" / "photo.JPG", format="jpeg")
    raw = read_source("set", tmp_path)
    assert raw.array is not None
    assert raw.array.shape == (42, 9, 7)
    assert set(raw.array[10].ravel().tolist()) == {40_000 // 256}  # a/deep.png, behind the ten of its class
    assert abs(int(raw.array[11].mean()) - 80) <= 1


def test_image_size_resizes_what_differs(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    write_png(tmp_path / "set" / "b" / "large.png", np.full((30, 30), 9, np.uint8))
    message = fails(tmp_path, "set")
    assert "images must have one size, but a/000.png is 9 x 7 and b/large.png 30 x 30" in message
    assert "resize them with data.image_size: [9, 7]" in message
    raw = read_source("set", tmp_path, DataConfig(source="set", image_size=(6, 8)))
    assert raw.array is not None
    assert raw.array.shape == (41, 6, 8)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    good = (tmp_path / "set" / "c" / "002.png").read_bytes()
    (tmp_path / "set" / "c" / "broken.png").write_bytes(good[: len(good) // 2])
    assert "set/c/broken.png: cannot be read as an image" in fails(tmp_path, "set")
    (tmp_path / "set" / "c" / "broken.png").write_text("no image")
    assert "broken.png: cannot be read as an image (it is no image); save it again" in fails(tmp_path, "set")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder.mkdir(), "is an empty folder; name a file, or a folder of images or IDX files"),
        (lambda folder: write_png(folder / "a.png", IMAGES[0]), "a sub-folder of images per class, two at least"),
        (lambda folder: write_png(folder / "a" / "a.png", IMAGES[0]), "two at least, got only 'a'"),
        (lambda folder: (class_folders(folder), (folder / "e").mkdir()), "class 'e' has no image"),
    ],
    ids=["empty", "flat", "one class", "empty class"],
)
def test_a_folder_that_holds_no_classes_is_told(tmp_path: Path, make: Callable[[Path], Any], words: str) -> None:
    make(tmp_path / "set")
    assert words in fails(tmp_path, "set")


def test_image_size_is_for_folders_of_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=IMAGES, y=LABELS)
    assert "data.image_size is for folders of images" in fails(tmp_path, "t.npz", image_size=(4, 4))


# -- new images ------------------------------------------------------------------------------------------------------


def test_new_images_come_as_the_model_takes_them(tmp_path: Path) -> None:
    class_folders(tmp_path / "set")
    images, names = read_images(tmp_path / "set", "set", (9, 7))
    assert names[:2] == ["a/000.png", "a/004.png"]
    np.testing.assert_array_equal(images[0], IMAGES[0])
    assert read_images(tmp_path / "set" / "a", "a", (5, 6, 3))[0].shape == (10, 5, 6, 3)
    one, name = read_images(tmp_path / "set" / "a" / "004.png", "004.png", (9, 7))
    assert (one.shape, name) == ((1, 9, 7), ["004.png"])
    with pytest.raises(DataError, match=r"the model takes samples of shape \(4,\)"):
        read_images(tmp_path / "set", "set", (4,))


@pytest.mark.skipif(not (SHARED / "fashion_mnist.npz").is_file(), reason="the real data are not there")
def test_fashion_mnist_as_idx_is_fashion_mnist(tmp_path: Path) -> None:
    with np.load(SHARED / "fashion_mnist.npz") as arrays:
        x, y = arrays["X_test"], arrays["y_test"]
    write_idx(tmp_path, "t10k-images-idx3-ubyte.gz", x)
    write_idx(tmp_path, "t10k-labels-idx1-ubyte.gz", y)
    raw = read_source(str(tmp_path), tmp_path)
    assert raw.array is not None
    np.testing.assert_array_equal(raw.array, x)
    np.testing.assert_array_equal(raw.labels, y)
