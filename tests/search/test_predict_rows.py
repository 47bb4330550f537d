"""Are new rows brought to the form in which a model takes them, from every kind of file?"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from search.data import DataConfig, load_dataset
from search.errors import DataError
from search.portable import Preprocessor
from search.reuse.rows import read_rows

ROWS = 40
Y = np.arange(ROWS) % 2
RNG = np.random.default_rng(2)
IMAGES = RNG.integers(0, 256, (ROWS, 8, 8), np.uint8)
BEATS = RNG.normal(size=(ROWS, 2, 5))  # two channels, time behind


def prepared(folder: Path, **config: Any) -> Preprocessor:
    return load_dataset(DataConfig.model_validate(config), seed=0, folder=folder).preprocessor


def in_bundle(preprocessor: Preprocessor, folder: Path) -> Preprocessor:
    """As it comes back from a model's folder."""
    preprocessor.save(folder)
    return Preprocessor.load(folder)


@pytest.fixture
def image_model(tmp_path: Path) -> Preprocessor:
    for i, pixels in enumerate(IMAGES):
        place = tmp_path / "set" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02d}.png")
    return prepared(tmp_path, source="set")


def test_a_folder_of_images_is_predicted_with_its_files_names(image_model: Preprocessor, tmp_path: Path) -> None:
    rows, told = read_rows(str(tmp_path / "set"), image_model)
    assert told is not None
    assert told["file"].tolist()[:2] == ["a/00.png", "a/02.png"]
    assert image_model.transform(rows).shape == (ROWS, 8, 8)
    rows, told = read_rows(str(tmp_path / "set" / "b" / "01.png"), image_model)
    assert told is not None
    assert (rows.shape, told["file"].tolist()) == ((1, 8, 8), ["01.png"])
    np.testing.assert_array_equal(rows[0], IMAGES[1])


def test_idx_and_arrays_of_images_are_predicted(image_model: Preprocessor, tmp_path: Path) -> None:
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", *IMAGES.shape)
    (tmp_path / "new-images-idx3-ubyte").write_bytes(head + IMAGES.tobytes())
    np.savez(tmp_path / "new.npz", test_images=IMAGES, test_labels=Y)
    np.save(tmp_path / "new.npy", IMAGES)
    for name in ("new-images-idx3-ubyte", "new.npz", "new.npy"):
        rows, told = read_rows(str(tmp_path / name), image_model)
        assert told is None
        np.testing.assert_array_equal(rows, IMAGES)


def test_a_missing_image_is_one_line(image_model: Preprocessor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        read_rows(str(tmp_path / "none.png"), image_model)


def test_time_is_turned_to_where_the_model_has_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", X=BEATS, y=Y)
    model = in_bundle(prepared(tmp_path, source="t.npz", time_axis=2, layout="sequence"), tmp_path / "model")
    rows, _ = read_rows(str(tmp_path / "t.npz"), model)
    np.testing.assert_array_equal(rows, BEATS.swapaxes(1, 2))
    assert model.transform(rows).shape == (ROWS, 5, 2)


def test_several_inputs_are_found_by_the_names_of_their_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", pixels=IMAGES, beats=BEATS, y=Y)
    inputs = {"image": "pixels", "pulse": {"array": "beats", "time_axis": 2, "layout": "sequence"}}
    model = in_bundle(prepared(tmp_path, source="t.npz", inputs=inputs), tmp_path / "model")
    rows, _ = read_rows(str(tmp_path / "t.npz"), model)
    assert {name: array.shape for name, array in model.transform(rows).items()} == {
        "image": (ROWS, 8, 8),
        "pulse": (ROWS, 5, 2),
    }
    np.savez(tmp_path / "less.npz", pixels=IMAGES)
    with pytest.raises(DataError, match="holds no array 'beats' for one of the model's inputs"):
        read_rows(str(tmp_path / "less.npz"), model)


def test_a_table_is_cut_as_the_training_table_was(tmp_path: Path) -> None:
    days = pd.date_range("2021-01-01", periods=ROWS).strftime("%Y-%m-%d")
    frame = pd.DataFrame({"day": days, "a": RNG.normal(size=ROWS), "y": RNG.normal(size=ROWS)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = {"source": "t.csv", "target": "y", "time": "day", "windows": {"length": 3, "horizon": 1}}
    model = in_bundle(prepared(tmp_path, **config), tmp_path / "model")
    frame.iloc[-5:].to_csv(tmp_path / "new.csv", index=False)
    rows, told = read_rows(str(tmp_path / "new.csv"), model)
    assert told is not None
    assert told["day"].tolist() == days[-3:].tolist()
    assert model.transform(rows).shape == (3, 3, 2)
    np.testing.assert_allclose(rows[-1, :, 0], frame["a"].iloc[-3:], rtol=1e-6)
