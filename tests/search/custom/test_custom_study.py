"""Does a study of a user's own model keep the promises of every study? (Real tiny models, in this process.)"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from custom_models import HYPERMODEL, OWN_STEP, end, write
from program import assert_refused, contents, run_here, run_process

from search.errors import SearchError, StudyError
from search.experiment import parse_experiment
from search.forecast import forecast
from search.home import Home
from search.portable import PortableModel
from search.reuse.lookup import best_of
from search.reuse.retrain import retrain
from search.study.importance import importances
from search.study.observer import Silent, StudyEnded
from search.study.plan import make_plan
from search.study.records import log_params
from search.study.run import run_study
from search.study.stop import StopRequest
from search.study.store import load_study
from search.study.worker_failure import WorkerFailure
from search.yaml_file import read_yaml
from tracking import Memory, MemoryTracker

SIGMOID = (
    "model = keras.Model(inputs, keras.layers.Dense(1, activation='sigmoid')(x))\n"
    "model.compile('adam', 'binary_crossentropy')\nreturn model"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a model file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return furnish(tmp_path)


def furnish(folder: Path) -> Path:
    x = np.random.default_rng(0).normal(size=(90, 5))
    frame = pd.DataFrame(x, columns=list("abcde"))
    frame["t"] = (x[:, 0] + x[:, 1] > 0).astype(int)
    frame.to_csv(folder / "t.csv", index=False)
    write(folder, HYPERMODEL)
    return folder


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Numbers, states, values and params of a study that nothing disturbed."""
    return values(run(furnish(tmp_path_factory.mktemp("straight"))))


def content(**changes: Any) -> dict[str, Any]:
    return {
        "study": "own",
        "data": {"source": "t.csv", "target": "t"},
        "model": "m.py:MyHyperModel",
        "training": {"epochs": 3},
        "search": {"trials": 3, "seed": 3, "executor": "inline", "pruner": "none"},
        "tracking": {"keep_models": 1},
        **changes,
    }


class Words(MemoryTracker):
    """Keeps words and numbers, and leaves the pictures undrawn."""

    def finish_trial(self, number: int, status: Any, metrics: Any, tags: Any, produce: Any = None) -> None:
        super().finish_trial(number, status, metrics, tags)

    def log_study_files(self, produce: Any) -> None:
        self.check()


def run(
    place: Path,
    home: str = "home",
    *,
    tracker: MemoryTracker | None = None,
    observer: Silent | None = None,
    stop: StopRequest | None = None,
    **changes: Any,
) -> StudyEnded:
    return run_study(
        parse_experiment(content(**changes), "e.yaml"),
        home=Home(place / home),
        folder=place,
        tracker=tracker or Words(Memory()),
        observer=observer,
        stop=stop,
    )


class Listening(Silent):
    """Remembers notices, and asks for a stop after so many epochs."""

    def __init__(self, stop: StopRequest | None = None, after: int = 0) -> None:
        self.notices: list[str] = []
        self._stop, self._left = stop, after

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def epoch(self, report: Any) -> None:
        self._left -= 1
        if self._stop is not None and self._left == 0:
            self._stop.reason = "told to"


def values(ended: StudyEnded) -> list[tuple[Any, ...]]:
    return [(row.number, row.state, row.value, dict(row.params)) for row in ended.rows]


def test_a_study_names_records_and_keeps_what_the_model_asked_for(place: Path) -> None:
    memory, heard = Memory(), Listening()
    start = [{"num_layers": 1, "layer 0/units": 8, "lr": 0.05, "nonsense": 1}]
    ended = run(place, tracker=MemoryTracker(memory), observer=heard, start_with=start)
    assert ended.ending == "complete"
    first = dict(ended.rows[0].params)
    assert (first["num_layers"], first["layer 0/units"], first["lr"]) == (1, 8, 0.05)  # though lr lies outside
    assert set(first) == {"num_layers", "layer 0/units", "layer 0/activation", "dropout", "lr", "batch_size"}
    assert [notice for notice in heard.notices if "start_with" in notice] == [
        "start_with[0]: the model did not ask for nonsense; it asked for num_layers, layer 0/units, "
        "layer 0/activation, dropout, lr, batch_size"
    ]
    recorded = [run.params for run in memory.runs if "lr" in run.params]
    assert len(recorded) == 3
    assert memory.runs[0].files["user_code/m.py"].decode() == HYPERMODEL
    assert {"layer 0/units", "seed", "epochs"} <= set(recorded[0])
    study, facts = load_study(Home(place / "home"), "own")
    assert facts.experiment["model"] == f"{place / 'm.py'}:MyHyperModel"
    assert log_params(study.get_trials()) == {"lr"}
    assert set(importances(study)) <= set().union(*(row.params for row in ended.rows))
    # The file imports keras_tuner, which is not installed: the model loads all the same.
    rows = pd.read_csv(place / "t.csv").drop(columns="t")
    assert len(PortableModel.load(Home(place / "home").study("own").best).predict(rows)) == 90


def test_the_best_is_rebuilt_to_the_last_digit_and_predicts(place: Path) -> None:
    write(place, OWN_STEP)
    ended = run(place, model="m.py:build")
    assert ended.best is not None
    home = Home(place / "home")
    best = best_of(home, "own")
    assert best.model.custom is not None
    assert best.model.custom.values == best.params
    bundle = home.study("own").best
    assert (bundle / "user_code" / "m.py").read_text() == OWN_STEP
    assert read_yaml(bundle / "best.yaml")["model"]["custom"]["digest"] == best.model.custom.digest
    predicted = PortableModel.load(bundle).predict(pd.read_csv(place / "t.csv").drop(columns="t"))
    assert list(predicted.columns) == ["prediction", "probability_0", "probability_1"]
    again = retrain(best, place / "model")
    assert (again.value, again.epoch) == (ended.best.value, ended.best.best_epoch)
    assert again.notices == ()
    # A file that has changed since is told, and what it asks for beyond what is known is named.
    write(place, OWN_STEP + "\n# changed\n")
    changed = retrain(best, place / "model")
    assert changed.value == ended.best.value
    assert changed.notices[0].startswith("m.py has changed since the study (")
    write(place, OWN_STEP.replace('hp.Int("units", 2, 8)', 'hp.Int("width", 2, 8)'))
    with pytest.raises(SearchError, match="the model asks for 'width', which is not among them"):
        retrain(best, place / "model")
    (place / "m.py").unlink()
    with pytest.raises(SearchError, match="there is no such file"):
        retrain(best, place / "model")


def test_a_study_trains_a_model_of_ones_own_in_folds(place: Path) -> None:
    write(place, end(SIGMOID))
    one = {**content()["search"], "trials": 1}
    changes = {"validation": {"folds": 2}, "training": {"epochs": 1}, "objective": "val_loss"}
    (row,) = run(place, model="m.py:build", search=one, **changes).rows
    assert (row.state, len(set(row.values)), row.value) == ("complete", 2, pytest.approx(np.mean(row.values)))
    assert (Home(place / "home").study("own").best / "model.keras").is_file()


def test_a_study_that_was_interrupted_goes_on_as_if_never_stopped(place: Path, straight: list[tuple[Any, ...]]) -> None:
    stop = StopRequest()
    broken = run(place, "other", observer=Listening(stop, after=4), stop=stop)  # in the second trial
    assert broken.ending == "interrupted"
    assert values(run(place, "other")) == straight


def test_a_bug_stops_the_study_which_goes_on_once_it_is_mended(place: Path, straight: list[tuple[Any, ...]]) -> None:
    bug = HYPERMODEL.replace(
        "        learning_rate = ", "        if hp.get('num_layers'): 1 / 0\n        learning_rate = "
    )
    write(place, bug)
    for _ in range(2):
        with pytest.raises(WorkerFailure, match=r'm\.py", line \d+, in build[\s\S]*ZeroDivisionError'):
            run(place, "other")
    study, _ = load_study(Home(place / "other"), "own")
    (left,) = study.get_trials()
    assert {"num_layers", "layer 0/units"} <= set(left.params)  # what was asked for before the bug is kept
    write(place, HYPERMODEL)
    mended = run(place, "other")
    assert values(mended) == straight


def test_samplers_other_than_tpe_draw_as_it_goes_too(place: Path) -> None:
    ended = run(place, training={"epochs": 1}, search={**content()["search"], "sampler": "qmc"})
    assert [row.state for row in ended.rows] == ["complete"] * 3


def test_a_name_that_means_something_else_in_a_later_trial_is_told(place: Path) -> None:
    write(place, HYPERMODEL.replace('["relu", "tanh"]', '["relu", "tanh"] if hp.values["num_layers"] > 1 else ["elu"]'))
    start = [{"num_layers": 1}, {"num_layers": 2}]
    with pytest.raises(StudyError, match=r"trial 1: the model asks for 'layer 0/activation' as one of .* another name"):
        run(place, start_with=start)


def test_a_value_to_start_with_must_be_one_that_the_model_allows(place: Path) -> None:
    with pytest.raises(
        StudyError, match=r"start_with: layer 0/activation must be one of \['relu', 'tanh'\], got 'elu'"
    ):
        run(place, start_with=[{"layer 0/activation": "elu"}])


def test_a_metric_that_the_model_is_compiled_with_may_be_the_objective(place: Path) -> None:
    write(
        place,
        HYPERMODEL.replace(
            'metrics=["accuracy"]', 'metrics=[keras.metrics.SpecificityAtSensitivity(0.5, name="mine")]'
        ),
    )
    one = {**content()["search"], "trials": 1}
    ended = run(place, objective={"metric": "val_mine", "direction": "maximize"}, search=one)
    assert [row.state for row in ended.rows] == ["complete"]
    with pytest.raises(SearchError, match=r"objective: the model does not report 'val_other'; it reports .*val_mine"):
        run(place, "other", objective={"metric": "val_other", "direction": "maximize"})


def test_a_forecast_builds_the_smallest_and_the_largest(place: Path) -> None:
    plan = make_plan(parse_experiment(content(), "e.yaml"), place="e.yaml", folder=place)
    tried = {one.name: one for one in forecast(plan, random_models=0).tried}
    assert tried["smallest"].params["layer 0/units"] == 4
    assert tried["largest"].params["layer 1/units"] == 16
    assert tried["smallest"].parameters < tried["largest"].parameters


HEAD = "study: s\ndata: {source: t.csv, target: t}\nmodel: m.py:MyHyperModel\n"
RUN = ("run", "e.yaml", "--executor", "inline")
MISTAKES: list[tuple[str, str, str]] = [
    ("no file", HEAD.replace("m.py", "n.py"), "e.yaml: model: n.py:MyHyperModel: there is no such file"),
    ("no function", HEAD.replace("MyH", "MyF"), "e.yaml: model: m.py defines no 'MyFyperModel'; did you mean 'My"),
    ("no name", HEAD.replace(":MyHyperModel", ""), "must name a Python file and what builds the model in it"),
    ("three parameters", HEAD.replace("m.py:MyHyperModel", "three.py:build"), "takes 3 parameters (hp, width, depth)"),
    ("broken Python", HEAD.replace("m.py:MyHyperModel", "broken.py:build"), "broken.py, line 1: is not valid Python"),
    ("a grid", HEAD + "search: {sampler: grid}\n", "e.yaml: search.sampler: a grid lists all configs beforehand"),
    ("a space of layers", HEAD + "space: {layers: {int: [1, 3]}}\n", "e.yaml: space.layers:"),
    ("start with a list", HEAD + "start_with: [{units: [1, 2]}]\n", "start_with[0].units: must be a number, a word"),
]  # fmt: skip


@pytest.mark.parametrize("case", [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(place: Path, case: tuple[str, str]) -> None:
    text, words = case
    write(place, text, "e.yaml")
    write(place, "def build(hp, width, depth): ...\n", "three.py")
    write(place, "def build(hp:\n", "broken.py")
    before = contents(place)
    assert_refused(run_here(*RUN), words)
    assert contents(place) == before


def test_a_model_that_does_not_fit_the_data_is_told_in_one_line_from_a_worker(place: Path) -> None:
    write(place, HYPERMODEL.replace("Dense(1, activation", "Dense(3, activation"))
    write(place, HEAD, "e.yaml")
    assert_refused(
        run_here(*RUN, "--quiet"), "m.py:MyHyperModel: gives outputs of shape (None, 3), but the data's task"
    )


def test_workers_and_this_process_agree_to_the_last_digit(place: Path, straight: list[tuple[Any, ...]]) -> None:
    # This process has one thread; a single worker would have all.
    rest = "training: {epochs: 3, threads: 1}\nsearch: {trials: 3, seed: 3, pruner: none}\n"
    write(place, HEAD.replace("study: s", "study: own") + rest, "e.yaml")
    ran = run_process("run", "e.yaml", "--workers", "1", "--quiet", folder=place)
    assert ran.code == 0, ran.err
    home = Home(place / "home")
    there = [(t.number, t.value, t.params) for t in load_study(home, "own")[0].get_trials()]
    assert there == [(number, value, params) for number, _, value, params in straight]
    best = best_of(home, "own")
    assert retrain(best, place / "model").value == best.value
    assert "m.py:MyHyperModel" in run_here("show", "own", "--json").out
