"""Is every mistake in folders, images, series and functions of one's own told in one clear line, with nothing written?

As test_bad_input.py, for sources that are more than one table.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import assert_refused, contents, run_here

ROWS = 40
TABLE = "day,a,t\n" + "".join(f"2024-{i // 28 + 1:02d}-{i % 28 + 1:02d},{i * 1.5},{i % 7}\n" for i in range(ROWS))
OWN = (
    "def nothing(table):\n    pass\n\ndef number(table):\n    return 7\n\ndef two(a, b):\n    return a\n\n"
    "def ragged():\n    return [[1.0], ['x', 2.0]] * 20, [0, 1] * 20\n"
)
SERIES = "time: day, windows"
COLUMN_TWICE = TABLE.replace("2024-01-02", "2024-01-01")


def idx(shape: tuple[int, ...], content: bytes) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


def png(side: int = 6) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.arange(side * side, dtype=np.uint8).reshape(side, side)).save(stream, "png")
    return stream.getvalue()


def npz(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


LABELS = idx((ROWS,), bytes(i % 2 for i in range(ROWS)))
FOUR = {"set/train-labels-idx1-ubyte": LABELS}
TWO_CLASSES = {f"set/{c}/{i}.png": png() for c in "ab" for i in range(4)}

CASES: dict[str, tuple[str, dict[str, bytes], str]] = {
    "an empty folder": ("source: set", {"set/": b""}, "set: is an empty folder; name a file, or a folder of images"),
    "images without classes": ("source: set", {"set/a.png": png()}, "a sub-folder of images per class, two at least"),
    "one class": ("source: set", {"set/a/a.png": png()}, "per class, two at least, got only 'a'"),
    "a class without images": ("source: set", TWO_CLASSES | {"set/c/": b""}, "class 'c' has no image"),
    "half a PNG": ("source: set", TWO_CLASSES | {"set/a/x.png": png(60)[:90]}, "a/x.png: cannot be read as an image"),
    "no PNG": ("source: set", TWO_CLASSES | {"set/a/x.png": b"GIF"}, "x.png: cannot be read as an image (it is no"),
    "two sizes": ("source: set", TWO_CLASSES | {"set/a/x.png": png(7)}, "resize them with data.image_size: [6, 6]"),
    "a size of one side": ("source: set, image_size: 28", TWO_CLASSES, "must be [height, width] in pixels"),
    "a size of 0": ("source: set, image_size: [0, 28]", TWO_CLASSES, "data.image_size: must be [height, width] in pix"),
    "a size for a table": ("source: t.csv, target: t, image_size: [8, 8]", {}, "data.image_size is for folders of im"),
    "half an IDX file": (
        "source: set", FOUR | {"set/train-images-idx3-ubyte": idx((ROWS, 4, 4), b"\1" * 600)}, "is cut short: 40 x 4"
    ),
    "an IDX file that is none": (
        "source: set", FOUR | {"set/train-images-idx3-ubyte": b"<html>not found</html>"}, "must begin with 00 00"
    ),
    "fewer labels": (
        "source: set", FOUR | {"set/train-images-idx3-ubyte": idx((41, 2, 2), b"\1" * 164)}, "41 images and 40 labels"
    ),
    "no labels": (
        "source: train-images-idx3-ubyte", {"train-images-idx3-ubyte": idx((2, 2, 2), b"\1" * 8)},
        "its labels must lie beside it as train-labels-idx1-ubyte",
    ),
    "windows longer than the series": (
        f"source: t.csv, target: t, {SERIES}: {{length: 41}}", {}, "windows.length 41 must be at most the rows"
    ),
    "windows longer than a part": (
        f"source: t.csv, target: t, {SERIES}: {{length: 9}}", {}, "the validation part has no window"
    ),
    "windows of no length": (f"source: t.csv, target: t, {SERIES}: {{step: 2}}", {}, "data.windows.length: is missing"),
    "a step of 0": (
        f"source: t.csv, target: t, {SERIES}: {{length: 3, step: 0}}", {}, "windows.step: must be at least 1, got 0"
    ),
    "a horizon before": (
        f"source: t.csv, target: t, {SERIES}: {{length: 3, horizon: -1}}", {}, "windows.horizon: must be at least 0"
    ),
    "the answer shown": (
        f"source: t.csv, target: t, {SERIES}: {{length: 3, include_target: true}}", {}, "set horizon: 1"
    ),
    "windows that are a number": (f"source: t.csv, target: t, {SERIES}: 14", {}, "data.windows: must be a mapping"),
    "a day twice": (
        f"source: d.csv, target: t, {SERIES}: {{length: 3}}", {"d.csv": COLUMN_TWICE.encode()},
        "column 'day' must hold each time once, got 2024-01-01 in row 1 and row 2",
    ),
    "a day that is none": (
        f"source: d.csv, target: t, {SERIES}: {{length: 3}}", {"d.csv": TABLE.replace("2024-01-02", "soon").encode()},
        "must hold dates (such as 2024-03-31) or numbers, got 'soon' in row 2",
    ),
    "windows of images": (
        "source: s.npz, windows: {length: 3}", {"s.npz": npz(x=np.ones((ROWS, 3, 3)), y=np.arange(ROWS) % 2)},
        "are cut from a table, but the source holds arrays",
    ),
    "windows and text": (
        "source: t.csv, target: t, text: a, windows: {length: 3}", {}, "text and windows both say what the inputs are"
    ),
    "a table as images": ("source: t.csv, target: t, layout: image", {}, "data.layout: image is for arrays"),
    "an unknown layout": ("source: t.csv, target: t, layout: imgae", {}, "did you mean 'image'?"),
    "a third axis of time": ("source: t.csv, target: t, time_axis: 3", {}, "data.time_axis: 3 is not known"),
    "a table with time behind": (
        "source: s.npz, time_axis: 2", {"s.npz": npz(x=np.ones((ROWS, 3)), y=np.arange(ROWS) % 2)},
        "data.time_axis: 2 is for arrays of (samples, features, time), got (40, 3)",
    ),
    "prepare without a function": ("source: t.csv, prepare: own.py", {}, "must name a function in a Python file, such"),
    "prepare that is not there": ("source: t.csv, prepare: 'own.py:weeks'", {}, "own.py has no function 'weeks'"),
    "prepare in no file": ("source: t.csv, prepare: 'mine.py:weeks'", {}, "mine.py:weeks: no such file"),
    "prepare that returns nothing": ("source: t.csv, prepare: 'own.py:nothing'", {}, "got None; does it end with"),
    "prepare that returns a number": ("source: t.csv, prepare: 'own.py:number'", {}, "(X, y) or (x_train, y_train,"),
    "prepare of two arguments": ("source: t.csv, prepare: 'own.py:two'", {}, "must take one argument"),
    "words among sequences": ("source: 'own.py:ragged'", {}, "must hold sequences of numbers, got ['x', 2.0] in row 2"),
    "an input that is nothing": ("source: t.csv, target: t, inputs: {one: {}}", {}, "got none of them"),
    "an input by a bad name": ("source: t.csv, target: t, inputs: {'my input': [a]}", {}, "must be letters, digits"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_in_a_source_is_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, files, words = CASES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASWEEP_HOME", str(tmp_path / "mlruns"))
    everything = {"t.csv": TABLE.encode(), "own.py": OWN.encode(), "e.yaml": f"study: s\ndata: {{{data}}}\n".encode()}
    for path, content in (everything | files).items():
        place = tmp_path / path
        if path.endswith("/"):
            place.mkdir(parents=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    before = contents(tmp_path)
    assert_refused(run_here("run", "e.yaml", "--executor", "inline"), words)
    left = {path: digest for path, digest in contents(tmp_path).items() if "__pycache__" not in path}
    assert left == before
