"""Does every data section that docs/data.md shows read data of the kind that it speaks of?"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from documents import ROOT, blocks
from PIL import Image

from search.data import DataConfig, load_dataset

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = blocks(PAGE, "yaml")
ROWS = 120


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def write_tables(folder: Path, rng: np.random.Generator) -> None:
    number = np.arange(ROWS)
    pima = table(id=number, glucose=rng.normal(size=ROWS), age=number % 50, diabetes=number % 2)
    days = pd.date_range("2020-01-01", periods=3 * ROWS).strftime("%Y-%m-%d")
    warm = 60 + 30 * np.sin(np.arange(3 * ROWS) / 8)
    tables = {
        "pima": pima,
        "holdout": pima.iloc[:30],
        "visits": table(patient=number // 4, pulse=rng.normal(size=ROWS), ill=number % 2),
        "weather": table(DATE=days, PRCP=rng.random(3 * ROWS), TMAX=warm.round(1), TMIN=(warm - 9).round(2)),
        "stations": table(
            station=["north", "south"] * ROWS,
            day=np.repeat(np.arange(ROWS), 2),
            temperature=rng.normal(size=2 * ROWS),
            wind=rng.normal(size=2 * ROWS),
            rain=rng.random(2 * ROWS),
        ),
        "names": table(name=[f"{'mc' if i % 2 else 'van '}{i}" for i in number], language=number % 2),
        "houses": table(
            rooms=number % 6,
            area=rng.normal(size=ROWS),
            advert=[f"nice house near street {i}" for i in number],
            price=rng.random(ROWS),
        ),
    }
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)


def write_arrays(folder: Path, rng: np.random.Generator) -> None:
    y = np.arange(ROWS) % 3
    images = rng.integers(0, 256, (ROWS, 12, 10), np.uint8)
    vowels = rng.normal(size=(ROWS, 2, 9))
    vowels[::2, :, 6:] = np.nan
    parts = {"x_train": vowels[:90, :, :8], "y_train": y[:90], "x_test": vowels[90:], "y_test": y[90:]}
    np.savez(folder / "digits.npz", x=images, y=y)
    np.savez(folder / "vowels.npz", **parts)  # type: ignore[arg-type]
    np.savez(folder / "patients.npz", pixels=images, beats=rng.normal(size=(ROWS, 2, 9)), y=y)
    (folder / "mnist").mkdir()
    for part, rows in (("train", slice(0, 90)), ("t10k", slice(90, ROWS))):
        for kind, values in (("images-idx3", images[rows]), ("labels-idx1", y[rows].astype(np.uint8))):
            head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
            content = head + values.tobytes()
            (folder / "mnist" / f"{part}-{kind}-ubyte").write_bytes(content)
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        pack(folder / "mnist" / name)
    for i, pixels in enumerate(images):
        place = folder / "flowers" / ("rose", "tulip", "daisy")[i % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[: 12 - i % 2]).save(place / f"{i}.png")


def pack(path: Path) -> None:
    import gzip

    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    write_tables(place, rng)
    write_arrays(place, rng)
    for code in blocks(PAGE, "python"):
        (place / code.splitlines()[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    return place


EXPECTED = {
    "pima.csv": ["numbers"],
    "visits.csv": ["numbers"],
    "weather.csv": ["numbers", "sequence"],
    "digits.npz": ["image"],
    "mnist": ["image"],
    "mnist/train-images-idx3-ubyte.gz": ["image"],
    "flowers": ["image"],
    "vowels.npz": ["sequence"],
    "stations.csv": ["sequence"],
    "names.csv": ["tokens"],
    "houses.csv": ["numbers", "tokens"],
    "patients.npz": ["image", "sequence"],
    "load.py:load": ["sequence"],
    "scans.py:load": ["image", "numbers"],
}


@pytest.mark.parametrize("section", range(len(SECTIONS)))
def test_every_section_of_the_page_reads_its_data(section: int, folder: Path) -> None:
    config = DataConfig.model_validate(yaml.safe_load(SECTIONS[section])["data"])
    data = load_dataset(config, seed=0, folder=folder)
    kinds = {one.kind for one in data.spec.inputs}
    assert kinds <= set(EXPECTED[config.source])
    assert data.test is not None
    assert min(len(data.train), len(data.validation), len(data.test)) > 0


def test_the_page_shows_every_kind() -> None:
    assert {yaml.safe_load(text)["data"]["source"] for text in SECTIONS} == set(EXPECTED)


def test_every_key_of_the_section_is_on_the_page() -> None:
    assert [name for name in DataConfig.model_fields if name not in ("split", "task") and name not in PAGE] == []
