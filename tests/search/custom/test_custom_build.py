"""Does a user's own model train like one of ours, and is one that cannot train refused before it does?"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from custom_models import HYPERMODEL, OPTUNA, OWN_STEP, TWO_BRANCHES, end, write

from search.custom.source import find_source
from search.custom.space import OpenSpace
from search.data.dataset import Part
from search.errors import ModelError
from search.messages import Decision, EpochReport, ScoreJob, Suggest, Suggested, TrialJob, TrialResult, WorkerSetup
from search.training.seeds import round_seed
from search.training.threads import limit_threads
from search.training.trial import run_trial, score
from search.training.worker_data import WorkerData
from spaces import DataSpec
from spaces.data_spec import InputSpec
from spaces.model_config import ModelConfig
from spaces.suggesters import Sampled

HYPER_NAMES = ["num_layers", "layer 0/units", "layer 0/activation", "dropout", "lr", "batch_size"]
SIGMOID = "outputs = keras.layers.Dense(1, activation='sigmoid')(x)\n"
COMPILED = "model = keras.Model(inputs, outputs)\nmodel.compile('adam', 'binary_crossentropy')\nreturn model"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    limit_threads(1)


def rows(samples: int, task: str) -> Part:
    rng = np.random.default_rng(samples)
    x = rng.normal(size=(samples, 5)).astype(np.float32)
    if task == "multiclass":
        return Part(x, np.argmax(x[:, :3], axis=1).astype(np.int32))
    return Part(x, (x[:, :1] + x[:, 1:2] > 0).astype(np.float32))


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    save(tmp_path, rows(48, "binary"), rows(30, "binary"))
    return tmp_path


def save(folder: Path, train: Part, validation: Part) -> None:
    for name, part in {"train": train, "validation": validation, "test": validation}.items():
        np.save(folder / f"y_{name}.npy", part.y)
        if isinstance(part.x, Mapping):
            for key, array in part.x.items():
                np.save(folder / f"x_{name}.{key}.npy", array)
                np.save(folder / f"x_sample.{key}.npy", array[:3])
        else:
            np.save(folder / f"x_{name}.npy", part.x)
            np.save(folder / "x_sample.npy", part.x[:3])


def setup(folder: Path, **changes: Any) -> WorkerSetup:
    base = WorkerSetup(folder, DataSpec.single((5,), 1, "binary"), ("accuracy",), "val_accuracy", "maximize", None, 1)
    return replace(base, **changes)


def config(folder: Path, name: str = "build", **values: Any) -> ModelConfig:
    return OpenSpace("custom", (), find_source(f"m.py:{name}", folder)).config({}, values)


def job(folder: Path, name: str = "build", **changes: Any) -> TrialJob:
    return replace(TrialJob(2, config(folder, name), seed=11, epochs=3, early_stopping=0), **changes)


def play(
    running: Generator[Any, Any, TrialResult], suggester: Any = None
) -> tuple[dict[str, Any], list[Mapping[str, float]], TrialResult]:
    """Values asked for, the metrics of each epoch, and the result."""
    suggester = suggester or Sampled(3)
    asked: dict[str, Any] = {}
    epochs = []
    try:
        report = next(running)
        while True:
            if isinstance(report, Suggest):
                asked[report.name] = report.domain.suggest(suggester, report.name)
                report = running.send(Suggested(asked[report.name]))
                continue
            if isinstance(report, EpochReport):
                epochs.append(report.metrics)
            report = running.send(Decision())
    except StopIteration as ended:
        return asked, epochs, ended.value


def train(folder: Path, the: TrialJob, **changes: Any) -> tuple[dict[str, Any], list[Mapping[str, float]], TrialResult]:
    made = setup(folder, code=the.config.custom.source if the.config.custom else "", **changes)
    return play(run_trial(the, made, WorkerData(folder)))


@pytest.mark.parametrize(
    ("text", "name", "names"),
    [
        (HYPERMODEL, "hypermodel", HYPER_NAMES),
        (OPTUNA, "build", ["units", "lr"]),
        (OWN_STEP, "build", ["units", "slope"]),
    ],
    ids=["hypermodel", "optuna", "own train_step"],
)  # fmt: skip
def test_a_model_trains_and_the_same_values_give_the_same_numbers(
    arrays: Path, text: str, name: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(arrays))  # `import optuna` is the real one; keras_tuner is not installed
    write(arrays, text)
    asked, epochs, result = train(arrays, job(arrays, name))
    assert [one for one in asked if not one.startswith("layer 1/")] == names
    assert result.outcome == "completed"
    assert {"loss", "val_loss", "val_accuracy"} <= set(epochs[0])
    # As a worker with known values builds it (train, a second attempt): nothing is asked, and not one digit differs.
    again, same, _ = train(arrays, job(arrays, name, config=config(arrays, name, **asked)))
    assert (again, same) == ({}, epochs)
    part = dict(list(asked.items())[:1])
    rest, same, _ = play(
        run_trial(job(arrays, name, config=config(arrays, name, **part)), setup(arrays), WorkerData(arrays)),
        _Known(asked),
    )
    assert (list(rest), same) == (names[1:] if len(names) == len(asked) else list(asked)[1:], epochs)


class _Known:
    """Suggests recorded values."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._values[name])

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._values[name])

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._values[name]


def test_what_fit_decides_is_what_trains(arrays: Path) -> None:
    tail = (
        "\n\nclass M:\n    def build(self, hp):\n        return build(hp)\n"
        "    def fit(self, hp, model, *args, **kwargs):\n"
        "        return model.fit(*args, batch_size={batch}, epochs={epochs}, shuffle={shuffle},"
        " class_weight={weight}, **kwargs)\n"
    )
    runs = {}
    for key, (batch, epochs, shuffle, weight) in {
        "as our own": ("None", "hp.Fixed('epochs', 9)", "True", "None"),
        "one batch": ("48", "2", "True", "None"),
        "in order": ("None", "3", "False", "None"),
        "weighted": ("None", "3", "True", "{0: 1.0, 1: 5.0}"),
    }.items():
        text = end(SIGMOID + COMPILED) + tail.format(batch=batch, epochs=epochs, shuffle=shuffle, weight=weight)
        write(arrays, text)
        asked, runs[key], _ = train(arrays, job(arrays, "M"))
        assert ("epochs" in asked) == (key == "as our own")
    assert [len(epochs) for epochs in runs.values()] == [3, 2, 3, 3]  # no more than the experiment allows
    losses = [epochs[0]["loss"] for epochs in runs.values()]
    assert len(set(losses)) == 4
    write(arrays, end(SIGMOID + COMPILED))
    _, plain, _ = train(arrays, job(arrays))
    assert plain == runs["as our own"]


def test_a_saved_model_of_ones_own_classes_is_scored_again(arrays: Path) -> None:
    write(arrays, OWN_STEP)
    target = arrays / "best.keras"
    _, epochs, result = train(arrays, job(arrays, save_to=target))
    assert result.model == target
    source = str(find_source("m.py:build", arrays))
    scored = score(ScoreJob(2, target), setup(arrays, code=source), WorkerData(arrays))
    assert scored.metrics["accuracy"] == pytest.approx(max(one["val_accuracy"] for one in epochs))


def test_a_model_that_is_not_compiled_gets_the_tasks_loss_and_adam(arrays: Path) -> None:
    write(arrays, end(SIGMOID + "return keras.Model(inputs, outputs)"))
    _, left, _ = train(arrays, job(arrays))
    write(arrays, end(SIGMOID + COMPILED))
    _, told, _ = train(arrays, job(arrays))
    assert [one["val_loss"] for one in left] == [one["val_loss"] for one in told]
    assert "accuracy" in left[0]


def test_inputs_go_in_by_their_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def part(samples: int) -> Part:
        x = {"waves": rng.normal(size=(samples, 6, 2)), "numbers": rng.normal(size=(samples, 5))}
        y = (x["numbers"][:, :1] + x["waves"][:, 0, :1] > 0).astype(np.float32)
        return Part({name: array.astype(np.float32) for name, array in x.items()}, y)

    save(tmp_path, part(60), part(30))
    write(tmp_path, TWO_BRANCHES)
    inputs = (InputSpec((5,), name="numbers"), InputSpec((6, 2), "sequence", name="waves"))
    spec = DataSpec(inputs, 1, "binary")
    target = tmp_path / "best.keras"
    asked, epochs, _ = train(tmp_path, job(tmp_path, save_to=target, epochs=8), spec=spec)
    assert list(asked) == ["left", "right"]
    assert epochs[-1]["loss"] < epochs[0]["loss"]
    assert score(ScoreJob(2, target), setup(tmp_path, spec=spec), WorkerData(tmp_path)).metrics["accuracy"] > 0.4
    one = DataSpec((InputSpec((5,), name="numbers"), InputSpec((6, 2), name="wavs")), 1, "binary")
    for array in tmp_path.glob("x_*.waves.npy"):
        array.rename(str(array).replace("waves", "wavs"))
    with pytest.raises(ModelError, match="has the inputs numbers, waves, but the data's are numbers, wavs"):
        train(tmp_path, job(tmp_path), spec=one)


@pytest.mark.parametrize(
    ("text", "name", "validation", "way"),
    [(HYPERMODEL, "hypermodel", "repeats", "through fit"), (OWN_STEP, "build", "folds", "compiled")],
    ids=["a hypermodel, repeats, through fit", "own train_step, folds, compiled"],
)
def test_a_later_round_is_the_training_that_it_would_be_alone(
    tmp_path: Path, text: str, name: str, validation: str, way: str
) -> None:
    write(tmp_path, text)
    save(tmp_path, rows(48, "binary"), rows(30, "binary"))
    second = tmp_path
    if validation == "folds":
        second = tmp_path / "round_2"
        for folder, samples in ((tmp_path / "round_1", 48), (second, 40)):
            folder.mkdir()
            save(folder, rows(samples, "binary"), rows(samples - 18, "binary"))
    memory = 10 if way == "through fit" else None
    the = job(tmp_path, name, epochs=2)
    asked, together, result = train(tmp_path, the, rounds=2, resampled=validation == "folds", in_memory_bytes=memory)
    known = replace(the, config=config(tmp_path, name, **asked), seed=round_seed(the.seed, 2))
    more, alone, single = train(second, known, in_memory_bytes=memory)
    assert (more, alone, single.value) == ({}, together[2:], result.values[1])
    assert together[:2] != together[2:]


MULTI = DataSpec.single((5,), 3, "multiclass")
THREE = "outputs = keras.layers.Dense(3, activation='softmax')(x)\n"
REFUSED: list[tuple[str, str, str]] = [
    ("returns nothing", "model = keras.Model(inputs, x)", "m.py:build: returned None; end it with 'return model'"),
    ("returns a score", "return 0.93", "got float (0.93); kerasweep trains the model itself"),
    ("returns a layer", "return keras.layers.Dense(3)", "must return a keras.Model, got Dense"),
    ("three outputs for two classes", THREE + COMPILED.replace("binary", "categorical"),
     "gives outputs of shape (None, 3), but the data's task (binary) needs (None, 1); end it with"),
    ("two outputs", "outputs = [keras.layers.Dense(1)(x)] * 2\n" + COMPILED, "has 2 outputs, but"),
    ("logits", "outputs = keras.layers.Dense(1)(x)\n" + COMPILED, "that are no probabilities; end it with Dense(1"),
    ("other inputs", "inputs = keras.Input((7,))\nx = inputs\n" + SIGMOID + COMPILED,
     "takes inputs of shape (None, 7), but the data has (None, 5)"),
    ("no loss", SIGMOID + "model = keras.Model(inputs, outputs)\nmodel.compile('adam')\nreturn model",
     "was compiled without a loss"),
    ("a lambda", "x = keras.layers.Lambda(lambda v: v * 2)(x)\n" + SIGMOID + COMPILED, "has a Lambda layer"),
    ("min above max", "hp.Int('more', 5, 1)", "hp.Int('more'): min_value must be at most max_value, got 5 and 1"),
    ("another range", "hp.Int('units', 2, 9)", "hp 'units': was asked for as"),
    ("a tuner", "import keras_tuner\nkeras_tuner.Hyperband(build, 'val_accuracy')", "keras_tuner.Hyperband: is not"),
]  # fmt: skip


@pytest.mark.parametrize("case", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_model_that_cannot_train_here_is_refused_in_one_line(arrays: Path, case: tuple[str, str]) -> None:
    line, words = case
    write(arrays, end(line))
    with pytest.raises(ModelError) as caught:
        train(arrays, job(arrays))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_classes_reach_a_loss_of_keras_in_the_form_that_it_takes(tmp_path: Path) -> None:
    save(tmp_path, rows(48, "multiclass"), rows(30, "multiclass"))
    runs = []
    for loss in (
        "'sparse_categorical_crossentropy'",
        "'categorical_crossentropy'",
        "keras.losses.CategoricalCrossentropy()",
    ):
        metrics = "['accuracy', 'categorical_accuracy']" if "sparse" not in loss else "['accuracy']"
        write(tmp_path, end(THREE + COMPILED.replace("'binary_crossentropy'", f"{loss}, metrics={metrics}")))
        runs.append(train(tmp_path, job(tmp_path), spec=MULTI)[1])
    sparse, one_hot, by_class = ([epoch["val_loss"] for epoch in epochs] for epochs in runs)
    assert one_hot == pytest.approx(sparse, rel=1e-5)
    assert one_hot == by_class
    assert runs[1][-1]["accuracy"] == runs[1][-1]["categorical_accuracy"] == pytest.approx(runs[0][-1]["accuracy"])


def test_a_loss_that_cannot_be_computed_is_told_before_training(arrays: Path) -> None:
    write(arrays, end(SIGMOID + COMPILED.replace("binary", "sparse_categorical")))
    with pytest.raises(ModelError, match=r"its loss does not fit targets of shape \(None, 1\) and outputs of shape"):
        train(arrays, job(arrays))
    head = "def loss(y_true, y_pred):\n    raise ValueError('no such thing')\n"
    write(arrays, end(SIGMOID + COMPILED.replace("'binary_crossentropy'", "loss"), head=head))
    with pytest.raises(ValueError, match="no such thing"):
        train(arrays, job(arrays))


def test_a_layer_that_cannot_be_loaded_again_is_refused_before_it_trains(arrays: Path) -> None:
    layer = (
        "class Scale(keras.layers.Layer):\n    def __init__(self, table):\n        super().__init__()\n"
        "        self.table = table\n    def call(self, x):\n        return x * self.table(x)\n"
    )
    write(arrays, end("x = Scale(lambda x: 2.0)(x)\n" + SIGMOID + COMPILED, head=layer))
    with pytest.raises(ModelError, match="cannot be saved and loaded again, so it could not predict"):
        train(arrays, job(arrays))


FITS: list[tuple[str, str, str]] = [
    ("callbacks", "return model.fit(x, y, callbacks=[print])", "fit: callbacks are not supported"),
    ("another argument", "return model.fit(x, y, steps_per_epoch=3)", "model.fit(steps_per_epoch=...) is not"),
    ("changed data", "return model.fit(x * 2, y)", "fit: works on x; let a layer of the model do that"),
    ("other data", "return model.fit([1], y)", "fit: changes x"),
    ("a loop of its own", "return 0.5", "never calls model.fit()"),
    ("its own score", "model.fit(x, y); return 0.5", "must return what model.fit() returns"),
    ("the history", "return model.fit(x, y).history['loss'][-1]", "looks into what model.fit() returned"),
    ("an evaluation", "return model.evaluate(x, y)", "model.evaluate() has no data yet"),
    ("no samples a step", "return model.fit(x, y, batch_size=0)", "batch_size must be a whole number of at least 1"),
    ("a class too many", "return model.fit(x, y, class_weight={7: 1})", "class_weight must name classes 0 to 1"),
]  # fmt: skip


@pytest.mark.parametrize("case", [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_a_fit_that_cannot_be_had_is_named(arrays: Path, case: tuple[str, str]) -> None:
    line, words = case
    text = end(SIGMOID + COMPILED) + (
        "\nclass M:\n    def build(self, hp):\n        return build(hp)\n"
        f"    def fit(self, hp, model, x, y, **kwargs):\n        {line}\n"
    )
    write(arrays, text)
    with pytest.raises(ModelError) as caught:
        train(arrays, job(arrays, "M"))
    assert words in str(caught.value)


def test_a_bug_of_the_users_keeps_its_traceback(arrays: Path) -> None:
    write(arrays, end("return undefined_name"))
    with pytest.raises(NameError, match="undefined_name") as caught:
        train(arrays, job(arrays))
    assert any(entry.path.name == "m.py" for entry in caught.traceback if hasattr(entry.path, "name"))


def test_a_file_is_found_by_its_neighbours_and_leaves_nothing_behind(arrays: Path) -> None:
    import sys

    write(arrays, "import keras\nWIDTH = 3\n", "blocks_of_mine.py")
    write(arrays, end(SIGMOID + COMPILED, head="import blocks_of_mine"))
    _, _, result = train(arrays, job(arrays))
    assert result.outcome == "completed"
    assert "blocks_of_mine" not in sys.modules
    assert str(arrays) not in sys.path
