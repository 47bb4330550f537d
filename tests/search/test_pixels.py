"""Are images that lie on disk as bytes trained on, scored and looked at as the numbers that they stand for?"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_training import config

from search.custom.build import build_known
from search.data import DataConfig, load_dataset
from search.data.dataset import Part
from search.data.pixels import numbers_of
from search.messages import WorkerSetup
from search.study.arrays import write_arrays
from search.training.compiled import CompiledLoop
from search.training.direct import layers, scope
from search.training.direct.loop import DirectLoop
from search.training.fitting import FitLoop
from search.training.lean import LeanLoop
from search.training.look import chosen_rows
from search.training.loops import epoch_order, nbytes
from search.training.scoring import score_part
from search.training.threads import limit_threads
from search.training.worker_data import WorkerData
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.builders import build
from spaces.data_spec import InputSpec
from spaces.model_config import CustomModel
from spaces.suggesters import Sampled

SPEC = DataSpec((InputSpec((6, 5), "image"),), 3, "multiclass")
RNG = np.random.default_rng(3)
PIXELS = RNG.integers(0, 256, (83, 6, 5), np.uint8)
CLASSES = (PIXELS[:, 2, 2] // 86).astype(np.int32)
KINDS = [DirectLoop, LeanLoop, CompiledLoop, FitLoop]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def setup_of(folder: Path = Path("arrays"), threads: int = 1) -> WorkerSetup:
    setup = WorkerSetup(folder, SPEC, ("accuracy",), "val_loss", "minimize", None, 1)
    return replace(setup, threads=threads)


def trained(kind: Any, x: NDArray[Any], model_config: ModelConfig, threads: int = 1) -> list[Any]:
    """Metrics of two epochs, and the weights."""
    train, validation, setup = Part(x[:60], CLASSES[:60]), Part(x[60:], CLASSES[60:]), setup_of(threads=threads)
    model = kind.new_model(model_config, setup, seed=5)
    training = kind(model, model_config, train, validation, setup, epochs=2)
    found: list[Any] = []
    for epoch in (1, 2):
        found += [training.train(epoch_order(3, epoch, 60)), training.validate()]
    found += training.weights()
    training.release()
    return found


def assert_equal(one: list[Any], two: list[Any]) -> None:
    assert len(one) == len(two) > 4
    for left, right in zip(one, two, strict=True):
        np.testing.assert_equal(left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_dense_networks_train_alike(kind: Any) -> None:
    model_config = config(batch_norm=True, dropout=0.2, input_dropout=0.1)
    assert_equal(trained(kind, PIXELS, model_config), trained(kind, numbers_of(PIXELS), model_config))


@pytest.mark.parametrize("kind", [LeanLoop, CompiledLoop, FitLoop])
def test_convolutions_train_alike(kind: Any) -> None:
    space = parse_space({"conv_layers": 1, "filters": {"choice": [3]}, "layers": 0, "batch_size": 16}, family="cnn")
    model_config = resolve(space.suggest(Sampled(0)), family="cnn")
    assert_equal(trained(kind, PIXELS, model_config), trained(kind, numbers_of(PIXELS), model_config))


@pytest.mark.parametrize("ones", ["in a row of the inputs", "apart"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_team_and_a_bias_apart_train_alike(members: int, ones: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if members > 1 and sys.platform != "linux":
        pytest.skip("a team is forked on Linux only")
    monkeypatch.setattr(scope, "_LEAST_PRODUCTS", 1)
    monkeypatch.setattr(scope, "_LEAST_SAMPLES", 1)
    monkeypatch.setattr(layers, "_MOST_COPIED", 0 if ones == "apart" else 2**15)
    model_config = config(batch_norm=True)
    numbers = trained(DirectLoop, numbers_of(PIXELS), model_config, members)
    assert_equal(trained(DirectLoop, PIXELS, model_config, members), numbers)


def test_models_are_scored_and_looked_at_alike() -> None:
    model, bytes_part, numbers = build(config(), SPEC, (), seed=1), Part(PIXELS, CLASSES), numbers_of(PIXELS)
    scores = [score_part(model, part, setup_of(), config(), None) for part in (bytes_part, Part(numbers, CLASSES))]
    assert scores[0] == scores[1]
    inputs, _ = chosen_rows(bytes_part, SPEC, 7)
    np.testing.assert_array_equal(inputs["input"], numbers[:7])
    assert inputs["input"].dtype == np.float32


OWN_MODEL = """
import keras

@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    def __init__(self, **others):
        super().__init__(**others)
        self.flat, self.end = keras.layers.Flatten(), keras.layers.Dense(3, "softmax")

    def call(self, x):
        if "float32" not in str(x.dtype):
            raise TypeError(f"was given {x.dtype}")
        return self.end(self.flat(x))

def build(hp):
    model = Own()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""


def test_a_model_of_the_users_own_is_checked_with_numbers(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN_MODEL)
    setup = replace(setup_of(), code=f"{tmp_path / 'own.py'}:build")
    own = CustomModel(source=setup.code, digest="", values={})
    custom = config().model_copy(update={"family": "custom", "hidden": (), "custom": own})
    model = build_known(custom, setup, Part(PIXELS, CLASSES), seed=1)
    assert model.count_params() == 93


def test_what_a_device_would_hold_is_counted_in_numbers() -> None:
    assert nbytes(Part(PIXELS, CLASSES)) == nbytes(Part(numbers_of(PIXELS), CLASSES)) == 4 * 83 * 31


def written(tmp_path: Path, x: NDArray[Any]) -> tuple[Any, WorkerData]:
    np.savez(tmp_path / "images.npz", x=x, y=CLASSES)
    config = DataConfig(source="images.npz", layout="image")
    dataset = load_dataset(config, seed=1, folder=tmp_path)
    write_arrays(dataset, tmp_path / "arrays")
    return dataset, WorkerData(tmp_path / "arrays")


def test_images_of_bytes_are_written_as_bytes(tmp_path: Path) -> None:
    dataset, data = written(tmp_path, PIXELS)
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test())):
        assert part is not None
        assert part.x.dtype == np.uint8  # type: ignore[union-attr]
        np.testing.assert_array_equal(numbers_of(part.x), dataset.parts[name].x)
    raw = dataset.raw_part("train")
    np.testing.assert_array_equal(dataset.train.x, dataset.preprocessor.transform(raw))
    assert data.joined().x.dtype == np.uint8  # type: ignore[union-attr]
    sample = data.sample()
    np.testing.assert_array_equal(sample, dataset.train.x[:5])


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_images_of_other_numbers_are_written_as_a_model_is_given_them(tmp_path: Path, kind: Any) -> None:
    dataset, data = written(tmp_path, PIXELS.astype(kind))
    assert data.train.x.dtype == np.float32  # type: ignore[union-attr]
    np.testing.assert_array_equal(data.train.x, dataset.train.x)


def test_masks_of_zeros_and_ones_are_no_pixels(tmp_path: Path) -> None:
    dataset, data = written(tmp_path, PIXELS % 2)
    assert data.train.x.dtype == np.float32  # type: ignore[union-attr]
    np.testing.assert_array_equal(data.train.x, dataset.train.x)


def test_of_several_inputs_only_images_are_bytes(tmp_path: Path) -> None:
    np.savez(tmp_path / "both.npz", image=PIXELS, size=RNG.normal(size=(83, 2)), y=CLASSES)
    inputs = {"image": {"array": "image"}, "size": {"array": "size"}}
    dataset = load_dataset(DataConfig(source="both.npz", inputs=inputs), seed=1, folder=tmp_path)
    write_arrays(dataset, tmp_path / "arrays")
    x: Any = WorkerData(tmp_path / "arrays").train.x
    assert {name: array.dtype.name for name, array in x.items()} == {"image": "uint8", "size": "float32"}
    for name, array in dataset.train.x.items():
        np.testing.assert_array_equal(numbers_of(x)[name], array)
