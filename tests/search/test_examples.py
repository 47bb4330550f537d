"""Do the examples load, check and run, on small data that looks like what each is about?"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from example_data import LOOK_ALIKES
from typer.testing import CliRunner

from search.cli.app import app
from search.experiment import load_experiment
from search.home import Home
from search.portable import PortableModel
from search.study.run import run_study
from search.training.threads import limit_threads
from tracking import MemoryTracker

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
# More rounds would only be longer, not different.
SHORT: dict[str, dict[str, Any]] = {
    "pima": {"validation.folds": 2},
    "averaging": {"validation.folds": 2},
    "xor": {"validation.repeats": 2},
}
# One of each kind of data and of each family: a check trains the smallest and the largest model of a space.
CHECKED = ("adult", "fashion_mnist_cnn", "fonts_linear", "keras_tuner", "stock", "weather")


def module(name: str) -> ModuleType:
    """An example's Python file."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_is_searched_and_where_it_starts(name: str) -> None:
    experiment = load_experiment(FOLDER / f"{name}.yaml")
    assert experiment.study == name


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    limit_threads(1)
    changes: dict[str, Any] = {
        "training.epochs": 1,
        "search.trials": 2,
        "search.executor": "inline",
        "search.pruner": "none",
        "tracking.keep_models": 1,
        **SHORT.get(name, {}),
    }
    if name in LOOK_ALIKES:
        changes["data.source"] = str(LOOK_ALIKES[name](tmp_path))
    experiment = load_experiment(FOLDER / f"{name}.yaml", changes)
    ended = run_study(experiment, home=Home(tmp_path / "home"), folder=FOLDER, tracker=MemoryTracker())
    assert [row.state for row in ended.rows] == ["complete", "complete"]
    by_hand = ended.rows[0]
    assert by_hand.params["learning_rate" if "learning_rate" in by_hand.params else "lr"] in (1e-3, 1e-2)
    assert ended.scores or experiment.data.test is None


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_checked(name: str, tmp_path: Path) -> None:
    copy = ["--data", str(LOOK_ALIKES[name](tmp_path))] if name in LOOK_ALIKES else []
    done = CliRunner().invoke(app, ["check", str(FOLDER / f"{name}.yaml"), "--models", "0", *copy])
    assert done.exit_code == 0, done.output
    assert "it will run" in done.output


def test_weeks_sum_the_rain_and_average_the_rest() -> None:
    days = pd.date_range("1970-01-01", periods=16, freq="D")
    frame = pd.DataFrame({"DATE": days.astype(str), "PRCP": 0.5, "SNWD": 2.0, "TMAX": range(16), "TMIN": 30})
    weeks = module("weather").weeks(frame)
    assert weeks["rain"].tolist() == [3.5, 3.5]  # 7 x 0.5; the last two days are no week
    assert weeks["warmest"].tolist() == [3, 10]
    assert weeks["week"].tolist() == [0, 7]
    assert set(weeks["season"]) == {"winter"}


def test_font_images_of_one_drawing_stay_in_one_part() -> None:
    parts = module("fonts").load()
    assert [x.shape for x, _ in parts] == [(1674, 36, 36), (558, 36, 36), (558, 36, 36)]
    assert [set(np.unique(y, return_counts=True)[1]) for _, y in parts] == [{27}, {9}, {9}]  # 3, 1, 1 fonts x 9 places
    images = np.concatenate([x for x, _ in parts])
    assert len({image.tobytes() for image in images}) == 2790
    assert not images[:, [0, -1]].any(), "nothing is cut off"
    assert not images[:, :, [0, -1]].any()


def test_the_census_without_a_split_gets_one_and_with_one_keeps_it() -> None:
    people = pd.DataFrame({"hours-per-week": range(3000), "class": ">50K"})
    made = module("adult").columns(people)
    assert list(made.columns) == ["hours_per_week", "income", "split"]
    assert abs((made["split"] == "test").mean() - 1 / 3) < 0.03
    assert (module("adult").columns(made.assign(split="train"))["split"] == "train").all()


def test_a_shortage_costs_three_times_what_a_surplus_costs() -> None:
    limit_threads(1)
    loss = module("stock").money_lost(np.array([[10.0], [10.0]]), np.array([[8.0], [12.0]]))
    assert np.asarray(loss).tolist() == [6.0, 2.0]  # 3 x 2 short, 1 x 2 over


def test_a_shop_that_loses_more_by_a_shortage_orders_more(tmp_path: Path) -> None:
    limit_threads(1)
    days = module("stock").load()
    ordered = {}
    for loss in ("stock.py:money_lost", "mse"):
        changes = {"space.loss": loss, "training.epochs": 5, "search.trials": 1, "search.executor": "inline"}
        experiment = load_experiment(FOLDER / "stock.yaml", changes)
        home = Home(tmp_path / loss.rpartition(":")[2])
        run_study(experiment, home=home, folder=FOLDER, tracker=MemoryTracker())
        predicted = PortableModel.load(home.study("stock").best).predict(days.drop(columns="demand").head(1000))
        ordered[loss] = np.asarray(predicted["prediction"], float)
    demand = days["demand"].head(1000)
    # 3 / (1 + 3): three days in four the order should suffice, where the mean suffices on about half of them.
    assert ordered["stock.py:money_lost"].mean() > 1.08 * ordered["mse"].mean()
    assert (demand <= ordered["stock.py:money_lost"]).mean() == pytest.approx(0.75, abs=0.06)
    assert (demand <= ordered["mse"]).mean() == pytest.approx(0.55, abs=0.08)
