"""What does small data look like that has the columns of the real sets, and something to learn in it?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 200


def table(seed: int, numbers: tuple[str, ...]) -> tuple[np.random.Generator, pd.DataFrame]:
    """200 rows of standard normal numbers."""
    draw = np.random.default_rng(seed)
    return draw, pd.DataFrame(draw.normal(size=(ROWS, len(numbers))).round(3), columns=list(numbers))


def pima(folder: Path) -> Path:
    names = ("pregnancies", "glucose", "blood_pressure", "skin_thickness", "insulin", "bmi", "pedigree", "age")
    draw, frame = table(1, names)
    frame["class"] = np.where(frame["glucose"] + frame["bmi"] + draw.normal(size=ROWS) > 0, "positive", "negative")
    return _csv(frame, folder)


def fraud(folder: Path) -> Path:
    draw, frame = table(2, (*(f"V{number}" for number in range(1, 29)), "Amount"))
    frame["Class"] = (frame["V1"] + frame["V2"] + draw.normal(0, 0.5, ROWS) > 1.8).astype(int)
    return _csv(frame.assign(Time=np.arange(ROWS), source="here"), folder)


def mammography(folder: Path) -> Path:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(ROWS, 6)).astype(np.float32)
    return _npz(folder, X=x, y=(x[:, 0] + draw.normal(0, 0.5, ROWS) > 1.2).astype(np.int8))


def fashion_mnist(folder: Path) -> Path:
    draw = np.random.default_rng(4)
    y = np.arange(200, dtype=np.uint8) % 10
    x = draw.integers(0, 60, (200, 28, 28)).astype(np.uint8)
    for image, label in zip(x, y, strict=True):
        image[2 * label : 2 * label + 6, 4:24] += 150
    return _npz(folder, x_train=x[:150], y_train=y[:150], x_test=x[150:], y_test=y[150:])


def fonts(folder: Path) -> Path:
    draw = np.random.default_rng(10)
    labels = np.repeat(list("aBcD1"), 20)
    x = draw.integers(0, 40, (100, 36, 36)).astype(np.uint8)
    for image, label in zip(x, labels, strict=True):
        image[ord(label) % 30 : ord(label) % 30 + 4] += 200
    return _npz(folder, x=x, y=labels)


def weather(folder: Path) -> Path:
    draw = np.random.default_rng(5)
    days = pd.date_range("1970-01-01", periods=7 * ROWS, freq="D")
    warmth = 60 - 25 * np.cos(2 * np.pi * (days.day_of_year.to_numpy() - 20) / 365) + draw.normal(0, 5, len(days))
    columns = {
        "DATE": days.strftime("%Y-%m-%d"),
        "PRCP": draw.gamma(0.2, 0.5, len(days)).round(2),
        "SNWD": np.where(warmth < 35, 1.2, 0),
        "TMAX": (warmth + 8).round(),
        "TMIN": (warmth - 8).round(),
        "AWND": np.where(np.arange(len(days)) < 700, np.nan, 10.1),
    }
    return _csv(pd.DataFrame(columns), folder)


def names(folder: Path) -> Path:
    draw = np.random.default_rng(6)
    endings = {"Italian": "ini", "Russian": "ov", "Greek": "akis", "Irish": "ö'd"}
    rows = [
        ("".join(draw.choice(list("abcdefgklmnoprst"), draw.integers(3, 9))).title() + ending, language)
        for language, ending in endings.items()
        for _ in range(40)
    ]
    return _csv(pd.DataFrame(rows, columns=["name", "language"]), folder)


def vowels(folder: Path) -> Path:
    draw = np.random.default_rng(7)

    def recordings(count: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(count) % 3
        x = draw.normal(0, 0.3, (count, 12, steps)).astype(np.float32) + y[:, None, None]
        for recording in x:
            recording[:, draw.integers(7, steps + 1) :] = np.nan
        return x, (y + 1).astype(str)

    (x_train, y_train), (x_test, y_test) = recordings(90, 16), recordings(60, 19)
    return _npz(folder, X_train=x_train, y_train=y_train, X_test=x_test, y_test=y_test, len_test=np.zeros(60))


def adult(folder: Path) -> Path:
    draw, frame = table(8, ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"))
    for name in ("workclass", "occupation", "native_country"):
        frame[name] = draw.choice(["Private", "Craft", "?"], ROWS)
    frame["income"] = np.where(frame["age"] + (frame["workclass"] == "Craft") > 0.6, ">50K", "<=50K")
    return _csv(frame.assign(split=np.where(np.arange(ROWS) < 150, "train", "test")), folder)


def california(folder: Path) -> Path:
    draw, frame = table(9, ("longitude", "latitude", "total_bedrooms", "median_income"))
    frame["ocean_proximity"] = draw.choice(["INLAND", "NEAR BAY"], ROWS)
    frame["median_house_value"] = 2e5 + 5e4 * (frame["median_income"] + (frame["ocean_proximity"] == "INLAND"))
    frame.loc[::20, "total_bedrooms"] = np.nan
    return _csv(frame, folder)


def _csv(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "data.csv"
    frame.to_csv(path, index=False)
    return path


def _npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


# By example; those that are not here bring their own data.
LOOK_ALIKES: dict[str, Callable[[Path], Path]] = {
    "pima": pima,
    "fraud": fraud,
    "mammography": mammography,
    "fashion_mnist": fashion_mnist,
    "fashion_mnist_cnn": fashion_mnist,
    "fonts": fonts,
    "fonts_linear": fonts,
    "fonts_mlp": fonts,
    "weather": weather,
    "names": names,
    "vowels": vowels,
    "adult": adult,
    "california": california,
}
