"""Is a loss, named or the user's own, what it is said to be, and does what is wrong with it read as one line?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.training.threads import limit_threads
from spaces import DataSpec, SpaceError, Task
from spaces.catalog import DEFAULT_LOSS, LOSSES
from spaces.losses import build_loss, check_loss
from spaces.model_config import LossConfig

SPECS: dict[Task, DataSpec] = {
    "binary": DataSpec.single((3,), 1, "binary"),
    "multiclass": DataSpec.single((3,), 4, "multiclass"),
    "regression": DataSpec.single((3,), 1, "regression"),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    limit_threads(1)


def value(name: str, task: Task, y: Any, p: Any, **settings: float) -> float:
    return float(build_loss(LossConfig(name=name, settings=settings), SPECS[task])(np.array(y), np.array(p, "float32")))


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, loss in LOSSES.items() for task in loss.tasks])
def test_every_loss_of_the_catalog_is_built_for_its_tasks_and_loads_again(name: str, task: Task) -> None:
    import keras

    settings = {key: float(quantity.neutral) for key, quantity in LOSSES[name].settings.items()}  # type: ignore[arg-type]
    loss = build_loss(LossConfig(name=name, settings=settings), SPECS[task])
    y, p = {
        "binary": ([[0.0], [1.0]], [[0.2], [0.9]]),
        "multiclass": ([2, 0], [[0.1, 0.2, 0.6, 0.1], [0.3, 0.3, 0.2, 0.2]]),
        "regression": ([[0.5], [-1.0]], [[0.7], [1.0]]),
    }[task]
    got = float(loss(np.array(y), np.array(p, "float32")))
    assert got > 0
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(np.array(y), np.array(p, "float32"))) == pytest.approx(got)


@pytest.mark.parametrize("task", SPECS)
def test_without_a_loss_a_task_has_its_own(task: Task) -> None:
    assert build_loss(None, SPECS[task]).name == build_loss(LossConfig(name=DEFAULT_LOSS[task]), SPECS[task]).name


def test_the_asymmetric_loss_charges_each_side_its_own_price() -> None:
    # Two too many at 1, one too few at 3: (2 + 3) / 2.
    assert value("asymmetric", "regression", [[5.0], [5.0]], [[7.0], [4.0]], cost=1.0, profit=3.0) == pytest.approx(2.5)
    # At equal prices it is the absolute error.
    y, p = [[1.0], [2.0], [3.0]], [[1.5], [0.0], [3.0]]
    assert value("asymmetric", "regression", y, p) == pytest.approx(value("mae", "regression", y, p))


def test_the_asymmetric_loss_is_smallest_at_the_newsvendors_quantile() -> None:
    demand = np.random.default_rng(0).gamma(3.0, 2.0, (4001, 1)).astype(np.float32)
    orders = np.linspace(0, 20, 401)
    costs = [value("asymmetric", "regression", demand, np.full_like(demand, x), cost=1.0, profit=4.0) for x in orders]
    assert orders[int(np.argmin(costs))] == pytest.approx(np.quantile(demand, 4 / 5), abs=0.1)


def test_focal_and_smoothed_losses_are_those_of_their_formulas() -> None:
    p = [[0.1, 0.2, 0.6, 0.1], [0.25, 0.25, 0.25, 0.25]]
    # -(1 - p)^gamma log p of the true class.
    expected = np.mean([-((1 - 0.6) ** 2) * np.log(0.6), -((1 - 0.25) ** 2) * np.log(0.25)])
    assert value("focal", "multiclass", [2, 0], p, focal_gamma=2.0) == pytest.approx(expected, rel=1e-5)
    assert value("focal", "multiclass", [2, 0], p, focal_gamma=0.0) == pytest.approx(
        value("sparse_categorical_crossentropy", "multiclass", [2, 0], p), rel=1e-5
    )
    # Smoothing by 0.2 over four classes: 0.85 on the true one, 0.05 on each other.
    smoothed = -(0.85 * np.log(0.6) + 0.05 * (2 * np.log(0.1) + np.log(0.2)))
    assert value("categorical_crossentropy", "multiclass", [2], p[:1], label_smoothing=0.2) == pytest.approx(
        smoothed, rel=1e-5
    )
    # alpha 0.5 halves both classes alike.
    assert value("focal", "binary", [[1.0]], [[0.8]], focal_gamma=2.0, focal_alpha=0.5) == pytest.approx(
        0.5 * 0.2**2 * -np.log(0.8), rel=1e-4
    )


# -- the user's own -------------------------------------------------------------------------------------------------


def write(folder: Path, body: str) -> str:
    file = folder / "own.py"
    file.write_text(f"from keras import ops\n\n\n{body}\n", encoding="utf-8")
    return f"{file}:mine"


def test_a_users_function_is_the_loss_and_its_model_loads_without_the_file(tmp_path: Path) -> None:
    import keras

    name = write(tmp_path, "def mine(y_true, y_pred):\n    return 2 * ops.mean(ops.abs(y_pred - y_true), axis=-1)")
    assert value(name, "regression", [[1.0], [2.0]], [[2.0], [2.0]]) == pytest.approx(1.0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", build_loss(LossConfig(name=name), SPECS["regression"]))
    model.save(tmp_path / "m.keras")
    (tmp_path / "own.py").unlink()
    x = np.ones((2, 3), np.float32)
    loaded = keras.saving.load_model(tmp_path / "m.keras", compile=False, safe_mode=True)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_loss_may_import_its_neighbours_whose_changes_count(tmp_path: Path) -> None:
    name = write(
        tmp_path, "import prices\n\ndef mine(y_true, y_pred):\n    return prices.HIGH * ops.abs(y_pred - y_true)"
    )
    for price in (2, 5):
        (tmp_path / "prices.py").write_text(f"HIGH = {price}.0\n")
        assert value(name, "regression", [[1.0]], [[2.0]]) == pytest.approx(price)
    assert "prices" not in sys.modules


@pytest.mark.parametrize("rank", ["", ", axis=-1", ", axis=-1, keepdims=True"])
def test_a_loss_may_be_a_mean_or_one_number_a_sample(rank: str, tmp_path: Path) -> None:
    name = write(tmp_path, f"def mine(y_true, y_pred):\n    return ops.mean(ops.square(y_pred - y_true){rank})")
    assert value(name, "regression", [[1.0], [2.0]], [[3.0], [2.0]]) == pytest.approx(2.0)


def test_a_class_of_keras_losses_does_too(tmp_path: Path) -> None:
    body = "import keras\n\n\nclass mine(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
    name = write(tmp_path, body + "        return ops.mean(ops.abs(y_pred - y_true), axis=-1)")
    assert value(name, "regression", [[1.0]], [[3.0]]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def mine(y_true, y_pred):\n    ops.mean(y_pred - y_true)", "returned nothing; it must return one number"),
        ("def mine(y_true, y_pred):\n    return 'low'", "returned str ("),
        ("def mine(y_true, y_pred):\n    return ops.zeros((3, 2))", "returned the shape (3, 2) for 2 samples; it must"),
        ("def mine(y_true, y_pred):\n    return 1 / 0", "raised ZeroDivisionError: division by zero (line 5)"),
        ("def mine(y_true):\n    return 0", "raised TypeError: mine() takes 1 positional argument but 2 were given"),
        ("def mine(y_true, y_pred):\n    return ops.log(y_true - 1.0)", "returned a value that is not finite"),
        ("def other(y_true, y_pred):\n    return 0", "has no function 'mine'; Allowed: other"),
        ("mine = 3", "is int, not a function of (y_true, y_pred)"),
        ("def mine(y_true", "is not valid Python"),
    ],
)
def test_what_is_wrong_with_a_users_loss_is_one_line(body: str, message: str, tmp_path: Path) -> None:
    name = write(tmp_path, body)
    with pytest.raises(SpaceError) as caught:
        build_loss(LossConfig(name=name), SPECS["regression"])
    assert message in str(caught.value)
    assert "own.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(SpaceError) as caught:
        check_loss(f"{tmp_path}/no.py:mine", "regression", "space.loss")
    assert str(caught.value).startswith(f"space.loss: there is no such file: {tmp_path}/no.py; write")


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("hubber", "regression", "training.loss: there is no loss 'hubber'; did you mean 'huber'? "),
        ("huber", "binary", "training.loss: huber is not defined for a binary task; "),
    ],
)
def test_a_loss_that_does_not_exist_for_the_task_is_refused(name: str, task: Task, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        check_loss(name, task, "training.loss")
    assert str(caught.value).startswith(message)
