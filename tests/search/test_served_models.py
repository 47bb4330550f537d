"""Does a model of every kind of input predict raw rows: from its bundle, from a file, and through MLflow?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, load_dataset
from search.data.dataset import Dataset
from search.errors import DataError
from search.home import Home
from search.portable import PortableModel
from search.reuse.bundle import CODE_PACKAGE, write_bundle
from search.reuse.predict import predict_file
from search.training.threads import limit_threads
from tracking import BestModelRecord, MlflowTracker, StudyRecord, local_uri

ROWS = 24
RNG = np.random.default_rng(0)
Y = np.arange(ROWS) % 2
TABLE = pd.DataFrame(
    {
        "size": RNG.normal(size=ROWS),
        "colour": ["red", "blue", "grey"] * (ROWS // 3),
        "note": [f"{'good' if y else 'bad'} thing no. {i}" for i, y in enumerate(Y)],
        "t": np.where(Y, "yes", "no"),
    }
)
IMAGES = RNG.integers(0, 256, (ROWS, 8, 8), np.uint8)
STEPS = RNG.normal(size=(ROWS, 6, 2)).astype(np.float32)
STEPS[::3, 4:] = np.nan
OWN_LAYER = """
import keras

class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x
"""


@dataclass(frozen=True)
class Case:
    """A source, its configuration, and new rows in the forms that they may come in."""

    write: Callable[[Path], str]
    config: dict[str, Any] = field(default_factory=dict)
    rows: Any = None
    file: Callable[[Path], str] | None = None
    own_code: bool = False


def csv(frame: pd.DataFrame, name: str) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        frame.to_csv(folder / name, index=False)
        return str(folder / name)

    return write


def npz(name: str, **arrays: Any) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        np.savez(folder / name, **arrays)
        return str(folder / name)

    return write


SERIES = pd.DataFrame(
    {"day": range(1, 61), "size": RNG.normal(size=60), "warm": RNG.normal(size=60), "t": np.arange(60) // 2 % 2}
)
NEW = TABLE.drop(columns="t").head(5)
TEXTS = np.array(TABLE["note"].head(5), str)
NAMED = {"picture": IMAGES[:5], "series": STEPS[:5], "more": RNG.normal(size=(5, 3)), "words": TEXTS}
SOURCE = {"picture": IMAGES, "series": STEPS, "more": RNG.normal(size=(ROWS, 3)), "words": np.array(TABLE["note"], str)}

CASES = {
    "table": Case(csv(TABLE, "t.csv"), {"target": "t", "drop": ["note"]}, NEW[["size", "colour"]], csv(NEW, "new.csv")),
    "image": Case(npz("i.npz", x=IMAGES, y=Y), {}, IMAGES[:5], npz("new.npz", x=IMAGES[:5])),
    "sequence": Case(npz("s.npz", x=STEPS, y=Y), {}, STEPS[:5], npz("new.npz", x=STEPS[:5])),
    "sequence by its last axis": Case(
        npz("c.npz", x=STEPS.swapaxes(1, 2), y=Y),
        {"time_axis": 2},
        STEPS[:5],
        npz("new.npz", x=STEPS[:5].swapaxes(1, 2)),
    ),
    "tokens": Case(
        csv(TABLE[["note", "t"]], "n.csv"), {"target": "t", "text": "note"}, NEW[["note"]], csv(NEW, "new.csv")
    ),
    "table with a text": Case(csv(TABLE, "t.csv"), {"target": "t", "text": "note"}, NEW, csv(NEW, "new.csv")),
    "inputs of columns": Case(
        csv(TABLE, "t.csv"),
        {"target": "t", "inputs": {"plain": ["size", "colour"], "words": {"text": "note", "tokens": "words"}}},
        NEW,
        csv(NEW, "new.csv"),
    ),
    "inputs by name": Case(
        npz("m.npz", y=Y, **SOURCE), {"inputs": {name: name for name in SOURCE}}, NAMED, npz("new.npz", **NAMED)
    ),
    "windows of a table": Case(
        csv(SERIES, "w.csv"),
        {"target": "t", "time": "day", "windows": {"length": 3}},
        np.stack([SERIES[["size", "warm"]].to_numpy(np.float32)[i : i + 3] for i in range(3)]),
        csv(SERIES.head(5), "new.csv"),
    ),
    "own layer": Case(
        csv(TABLE, "t.csv"), {"target": "t", "drop": ["note"]}, NEW[["size", "colour"]], csv(NEW, "new.csv"), True
    ),
}


def tiny_model(dataset: Dataset, own: Any = None) -> Any:
    """An untrained model of the data's inputs; whether it is any good does not matter here."""
    import keras

    inputs, joined = {}, []
    for one in dataset.spec.inputs:
        x = inputs[one.name] = keras.Input(one.shape, name=one.name, dtype="int32" if one.kind == "tokens" else None)
        if one.kind == "tokens":
            x = keras.layers.Embedding(one.vocabulary, 3)(x)
        elif one.kind == "image":
            x = keras.layers.Reshape((*one.shape, 1))(x)
        joined.append(keras.layers.Flatten()(x))
    x = keras.layers.Concatenate()(joined) if len(joined) > 1 else joined[0]
    x = own()(x) if own is not None else x
    several = len(inputs) > 1
    return keras.Model(inputs if several else inputs["input"], keras.layers.Dense(1, "sigmoid")(x))


class Best:
    """Stands for the best config, whose text is all that a bundle takes of it."""

    def to_text(self) -> str:
        return "study: s\n"


def bundle_of(case: Case, folder: Path) -> tuple[Path, Dataset]:
    dataset = load_dataset(DataConfig(source=case.write(folder), **case.config), seed=0, folder=folder)
    code: tuple[Path, ...] = ()
    own = None
    if case.own_code:
        code = (folder / "own_layers.py",)
        code[0].write_text(OWN_LAYER)
        space: dict[str, Any] = {}
        exec(OWN_LAYER, space)
        own = space["Doubled"]
    tiny_model(dataset, own).save(folder / "model.keras")
    best: Any = Best()
    write_bundle(
        folder / "bundle", model=folder / "model.keras", preprocessor=dataset.preprocessor, best=best, code=code
    )
    return folder / "bundle", dataset


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Dataset]]:
    limit_threads(1)
    return {name: bundle_of(case, tmp_path_factory.mktemp("served")) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, tuple[Path, Dataset]]) -> dict[str, str]:
    """One MLflow store with all models in it; their addresses."""
    home = tmp_path_factory.mktemp("store")
    uri = local_uri(home)
    addresses = {}
    tracker = MlflowTracker(uri, None)
    tracker.open_study(StudyRecord("kinds"))
    parent = tracker.parent_run(None)
    for number, (name, (bundle, dataset)) in enumerate(bundles.items()):
        output = PortableModel.load(bundle).predict(dataset.sample)
        spec = dataset.spec
        tracker.log_best_model(
            BestModelRecord(
                folder=bundle,
                code=bundle / CODE_PACKAGE,
                input_example=dataset.sample,
                output_example=output,
                requirements=("keras",),
                name=f"model{number}",
                any_length=frozenset(one.name for one in spec.inputs if one.kind == "sequence" and one.masked),
            )
        )
        addresses[name] = f"runs:/{parent}/model{number}"
    tracker.close("FINISHED")
    return {"uri": uri, **addresses}


@pytest.mark.parametrize("name", list(CASES))
def test_mlflow_predicts_raw_rows_as_the_bundle_does(
    name: str, bundles: dict[str, tuple[Path, Dataset]], store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store["uri"])
    rows = CASES[name].rows
    expected = PortableModel.load(bundles[name][0]).predict(rows)
    served = mlflow.pyfunc.load_model(store[name])
    pd.testing.assert_frame_equal(served.predict(rows), expected)
    assert len(expected) == len(rows if isinstance(rows, pd.DataFrame | np.ndarray) else rows["words"])
    assert served.metadata.signature is not None
    assert served.metadata.saved_input_example_info is not None


@pytest.mark.parametrize("name", list(CASES))
def test_a_file_of_new_rows_is_predicted(name: str, bundles: dict[str, tuple[Path, Dataset]], tmp_path: Path) -> None:
    file = CASES[name].file
    assert file is not None
    predicted = predict_file(Home(tmp_path), str(bundles[name][0]), file(tmp_path))
    expected = PortableModel.load(bundles[name][0]).predict(CASES[name].rows)
    if name == "windows of a table":
        assert predicted.pop("day").tolist() == [3, 4, 5]  # the last day of each window
    pd.testing.assert_frame_equal(predicted, expected)


def test_a_folder_of_images_is_predicted_by_name(bundles: dict[str, tuple[Path, Dataset]], tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "new").mkdir()
    for number, image in enumerate(IMAGES[:3]):
        Image.fromarray(image).save(tmp_path / "new" / f"{number}.png")
    predicted = predict_file(Home(tmp_path), str(bundles["image"][0]), str(tmp_path / "new"))
    assert predicted.pop("file").tolist() == ["0.png", "1.png", "2.png"]
    pd.testing.assert_frame_equal(predicted, PortableModel.load(bundles["image"][0]).predict(IMAGES[:3]))


@pytest.mark.parametrize(
    ("name", "arrays", "words"),
    [
        ("inputs by name", {"picture": IMAGES[:2]}, "holds no array 'series' for one of the model's inputs; Allowed"),
        ("sequence", {}, "holds no array; save one as X"),
        ("sequence", {"x": STEPS[:, :, :1]}, r"the array must have the shape (rows, steps, 2), got (24, 6, 1)"),
        ("tokens", {"x": STEPS}, "the texts of 'note' must be one a row"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(
    name: str, arrays: dict[str, Any], words: str, bundles: dict[str, tuple[Path, Dataset]], tmp_path: Path
) -> None:
    np.savez(tmp_path / "new.npz", **arrays)
    with pytest.raises(DataError) as caught:
        predict_file(Home(tmp_path), str(bundles[name][0]), str(tmp_path / "new.npz"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sequences_of_any_length_are_served(
    bundles: dict[str, tuple[Path, Dataset]], store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store["uri"])
    served = mlflow.pyfunc.load_model(store["sequence"])
    [tensor] = served.metadata.signature.inputs.to_dict()
    assert tensor["tensor-spec"] == {"dtype": "float32", "shape": (-1, -1, 2)}
    assert len(served.predict(STEPS[:4, :3])) == 4
    longer = np.concatenate([STEPS[1:3], STEPS[1:3]], axis=1)  # 12 steps, of which the first 6 count
    pd.testing.assert_frame_equal(served.predict(longer), served.predict(STEPS[1:3]))


def test_a_bundle_holds_no_pickle_and_names_its_own_code(bundles: dict[str, tuple[Path, Dataset]]) -> None:
    folder = bundles["own layer"][0]
    assert (folder / "user_code" / "own_layers.py").is_file()
    assert PortableModel.load(folder).code == ("own_layers.py",)
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle")]
