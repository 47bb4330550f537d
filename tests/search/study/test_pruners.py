"""Pruners: what an experiment may say, when each stops a trial, and why."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from pydantic import ValidationError

from search.errors import ExperimentError
from search.study.explain import Cut, cut, explain
from search.study.pruners import make_pruner, rungs
from search.study.strategy_config import (
    PRUNER_SETTINGS,
    Direction,
    PrunerConfig,
    choose_pruner,
    default_grace,
)

THRESHOLD = {"name": "threshold", "lower": 0.2, "upper": 0.8}
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
BUILDABLE: list[object] = [
    *(name for name in PRUNER_SETTINGS if name != "threshold"),
    THRESHOLD,
    *({"name": "patient", "inner": name} for name in ("halving", "hyperband", "median", "percentile")),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@dataclass(frozen=True)
class Stop:
    """A stopped trial: its number, the epoch, the sentence and the comparison behind it."""

    number: int
    epoch: int
    text: str
    cut: Cut


def play(
    value: object, curves: Sequence[Sequence[float]], direction: Direction, parallel: int = 1, name: str = "s"
) -> tuple[list[Stop], optuna.Study]:
    """Train curves in turn, `parallel` at a time and epoch by epoch, as the coordinator does."""
    config = PrunerConfig.model_validate(value)
    epochs = max(map(len, curves))
    pruner, _ = make_pruner(config, epochs=epochs, direction=direction)
    study = optuna.create_study(storage=InMemoryStorage(), pruner=pruner, direction=direction, study_name=name)
    stops = []
    for first in range(0, len(curves), parallel):
        running = {study.ask(): curve for curve in curves[first : first + parallel]}
        for epoch in range(1, epochs + 1):
            for trial, curve in list(running.items()):
                trial.report(curve[epoch - 1], epoch)
                if epoch == len(curve):
                    last = curve[-1]
                    study.tell(
                        trial,
                        None if math.isnan(last) else last,
                        state=None if not math.isnan(last) else TrialState.FAIL,
                    )
                    del running[trial]
                elif trial.should_prune():
                    frozen = study._storage.get_trial(trial._trial_id)
                    arguments = (config, study, frozen, epoch, direction, "score")
                    stops.append(Stop(trial.number, epoch, explain(*arguments), cut(*arguments)))
                    study.tell(trial, state=TrialState.PRUNED)
                    del running[trial]
    return stops, study


def flat(*values: float, epochs: int = 10) -> list[list[float]]:
    return [[value] * epochs for value in values]


# --- what an experiment may say


@pytest.mark.parametrize("name", [name for name in PRUNER_SETTINGS if name != "threshold"])
def test_a_name_alone_is_a_config_with_its_defaults(name: str) -> None:
    config = PrunerConfig.model_validate(name)
    assert config == PrunerConfig.model_validate({"name": name})
    assert config.model_dump(exclude={"name"}, exclude_none=True) == {
        key: value for key, value in PRUNER_SETTINGS[name].items() if value is not None
    }


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("halfing", "unknown pruner 'halfing'; did you mean 'halving'?"),
        ({"name": "halving", "graze": 3}, "pruner 'halving' has no setting 'graze'; did you mean 'grace'?"),
        ({"name": "halving", "percentile": 3}, "pruner 'halving' has no setting 'percentile'"),
        ({"name": "none", "grace": 3}, "it takes none"),
        ({"grace": 3}, "needs a name"),
        (None, "pruner: auto"),
        ({"name": "halving", "factor": 1}, "greater than or equal to 2"),
        ({"name": "halving", "grace": 0}, "greater than or equal to 1"),
        ({"name": "hyperband", "factor": 2.5}, "valid integer"),
        ({"name": "percentile", "percentile": 101}, "less than or equal to 100"),
        ({"name": "percentile", "percentile": -1}, "greater than or equal to 0"),
        ({"name": "median", "startup_trials": -1}, "greater than or equal to 0"),
        ({"name": "median", "interval": 0}, "greater than or equal to 1"),
        ({"name": "patient", "patience": 0}, "greater than or equal to 1"),
        ({"name": "patient", "min_delta": -0.1}, "greater than or equal to 0"),
        ({"name": "patient", "inner": "threshold"}, "'halving', 'hyperband', 'median' or 'percentile'"),
        ("threshold", "threshold needs lower, upper or both"),
        ({"name": "threshold", "lower": 0.9, "upper": 0.1}, "lower must be below upper"),
        ({"name": "threshold", "lower": float("nan")}, "finite number"),
        ([1], "valid dictionary"),
    ],
)
def test_a_mistake_is_told(value: object, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PrunerConfig.model_validate(value)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["halving", "hyperband", "median", "percentile"])
@pytest.mark.parametrize("grace", [10, 11])
def test_a_grace_as_long_as_the_training_is_refused(name: str, grace: int) -> None:
    with pytest.raises(ExperimentError, match=r"search\.pruner\.grace: must be below training\.epochs \(10\)"):
        make_pruner(PrunerConfig(name=name, grace=grace), epochs=10, direction="minimize")  # type: ignore[arg-type]


@pytest.mark.parametrize("epochs", [1, 2, 3, 30, 1000])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("value", BUILDABLE, ids=str)
def test_every_pruner_is_built_for_any_length_with_one_sentence(
    value: object, epochs: int, direction: Direction
) -> None:
    config = PrunerConfig.model_validate(value)
    _, text = make_pruner(config, epochs=epochs, direction=direction)
    assert "\n" not in text
    assert ("auto:" in text) == (config.name == "auto")
    if config.name != "auto":
        assert text.startswith(f"{config.name}: ")
    play(value, flat(0.5, 0.4, 0.6, epochs=min(epochs, 30)), direction)


@pytest.mark.parametrize(("epochs", "name"), [(1, "none"), (2, "none"), (3, "halving"), (150, "halving")])
def test_auto_prunes_unless_there_is_nothing_to_save(epochs: int, name: str) -> None:
    chosen, reason = choose_pruner(PrunerConfig(name="auto"), epochs=epochs)
    assert chosen.name == name
    assert reason


def test_rungs_and_grace() -> None:
    assert rungs(1, 3, 27) == [1, 3, 9]  # 27 is the last epoch: nothing left to save
    assert rungs(3, 3, 150) == [3, 9, 27, 81]
    assert rungs(1, 2, 1) == []
    assert all(default_grace(n) < max(n, 2) for n in range(1, 500))


# --- when each stops a trial, and why


def test_halving_tells_rung_cut_and_rivals() -> None:
    # At epoch 1 the sixth value, 0.1, meets 6 // 3 = 2 survivors: the cut is the second best, 0.6.
    stops, _ = play({"name": "halving", "grace": 1}, flat(0.2, 0.5, 0.6, 0.7, 0.65, 0.1), "maximize")
    assert [stop.number for stop in stops] == [4, 5]
    assert stops[0].text == "score 0.65 at epoch 1 is below 0.7, the cut of the best third of 5 trials there (rung 1)"
    assert stops[1].text == "score 0.1 at epoch 1 is below 0.65, the cut of the best third of 6 trials there (rung 1)"


def test_halving_at_a_later_rung() -> None:
    curves = [[0.5, 0.5, 0.9, 0.9], [0.6, 0.6, 0.6, 0.9]]
    stops, _ = play({"name": "halving", "grace": 1}, curves, "maximize")
    assert [stop.text for stop in stops] == [
        "score 0.6 at epoch 3 is below 0.9, the cut of the best of 2 trials there (rung 2)"
    ]


def test_halving_tells_that_a_value_was_no_number() -> None:
    stops, _ = play({"name": "halving", "grace": 2}, [[0.5] * 5, [0.1, math.nan, 0.1, 0.1, 0.1]], "minimize")
    assert [stop.text for stop in stops] == ["score not a number at epoch 2"]


def test_hyperband_tells_the_bracket() -> None:
    values = [0.5 + 0.01 * i for i in range(40)]
    stops, _ = play({"name": "hyperband", "grace": 1}, flat(*values), "minimize")
    assert {re.search(r"rung \d of bracket (\d)", stop.text)[1] for stop in stops} >= {"1", "2"}  # type: ignore[index]
    # Each of the 3 brackets (from epochs 1, 3 and 9) lets its first trial through; every later one is worse.
    assert len(stops) == 40 - 3


def test_median_tells_the_median_of_completed_trials() -> None:
    value = {"name": "median", "startup_trials": 3, "grace": 4}
    stops, _ = play(value, [*flat(0.5, 0.6, 0.7), [0.1, 0.55, 0.2, 0.2, 0.2, 0.2]], "maximize")
    assert [stop.text for stop in stops] == [
        "score 0.55 (its best, at epoch 2) is below 0.6, the median of 3 completed trials at epoch 4"
    ]


def test_percentile_tells_its_bar() -> None:
    value = {"name": "percentile", "startup_trials": 1, "grace": 2, "percentile": 20}
    # The best 20 % of 1, 2, 3, 4, 5, 6 (lower is better) end at 1 + 0.2 * 5 = 2.
    stops, _ = play(value, flat(6, 5, 4, 3, 2, 1, 2.5), "minimize")
    assert (
        stops[-1].text == "score 2.5 at epoch 2 is above 2, the bar of the best 20 % of 6 completed trials at epoch 2"
    )


def test_patient_tells_the_best_epoch() -> None:
    stops, _ = play({"name": "patient", "patience": 2}, [[0.5, 0.9, 0.8, 0.85, 0.7, 0.6, 0.6]], "maximize")
    assert [stop.text for stop in stops] == [
        "score 0.85, the best of the 3 epochs up to 5, is below 0.9, its best at epoch 2"
    ]


def test_patient_with_another_pruner_tells_both() -> None:
    value = {"name": "patient", "patience": 1, "inner": "median"}
    falling = [0.4, 0.3, 0.2, 0.1, 0.1, 0.1]
    stops, _ = play(value, [*flat(0.5, 0.6, 0.7, 0.8, 0.9, epochs=6), falling], "maximize")
    assert [stop.text for stop in stops] == [
        "score 0.3, the best of the 2 epochs up to 3, is below 0.4, its best at epoch 1; "
        "score 0.4 (its best, at epoch 1) is below 0.7, the median of 5 completed trials at epoch 3"
    ]


@pytest.mark.parametrize(
    ("curve", "text"),
    [
        ([0.1, 0.1, 0.1, 0.1], "score 0.1 at epoch 2 is below 0.2, the lower bound"),
        ([0.1, 0.9, 0.1, 0.1], "score 0.9 at epoch 2 is above 0.8, the upper bound"),
        ([0.5, 0.5, math.nan, 0.1], "score not a number at epoch 3"),
    ],
)
def test_threshold_tells_the_bound(curve: list[float], text: str) -> None:
    stops, _ = play({**THRESHOLD, "grace": 2}, [curve], "maximize")
    assert [stop.text for stop in stops] == [text]


def test_figures_that_are_nearly_equal_are_written_out() -> None:
    assert (
        str(Cut("loss {}", 0.12345678, "above", 0.12345677, "the cut"))
        == "loss 0.12345678 is above 0.12345677, the cut"
    )
    assert str(Cut("loss {}", 123456.0, "above", 2.0, "the cut")) == "loss 123456 is above 2, the cut"


@pytest.mark.parametrize("value", ["none"])
def test_a_pruner_that_stops_nothing_has_nothing_to_explain(value: str) -> None:
    stops, study = play(value, flat(0.5, 0.1, 0.9), "maximize")
    assert stops == []
    with pytest.raises(ValueError, match="stops no trial"):
        explain(PrunerConfig.model_validate(value), study, study.trials[0], 3, "maximize", "score")


# --- the stated reason is the true one

VALUES = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 0.5, 1.0, math.nan]))
CURVES = st.lists(st.lists(VALUES, min_size=12, max_size=12), min_size=4, max_size=14)
STOPPING: list[dict[str, Any]] = [
    {"name": "auto"},
    {"name": "halving", "grace": 1},
    {"name": "halving", "grace": 2, "factor": 2},
    {"name": "hyperband", "grace": 1},
    {"name": "hyperband", "grace": 1, "factor": 2},
    {"name": "median", "startup_trials": 1},
    {"name": "median", "startup_trials": 0, "interval": 3, "grace": 2},
    {"name": "percentile", "percentile": 30, "startup_trials": 2},
    {"name": "patient", "patience": 1},
    {"name": "patient", "patience": 2, "min_delta": 0.25},
    {"name": "patient", "patience": 1, "inner": "halving"},
    {"name": "patient", "patience": 1, "inner": "hyperband"},
    {"name": "patient", "patience": 1, "inner": "median"},
    {"name": "threshold", "lower": 0.25, "upper": 0.75},
    {"name": "threshold", "upper": 0.75, "grace": 3},
]
FIGURES = re.compile(r"score (\S+?),?(?: .*?)? is (below|above) (\S+), ")


# numpy warns inside Optuna's pruners when all of a trial's reports are NaN.
@pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")
@pytest.mark.parametrize("value", STOPPING, ids=str)
@given(curves=CURVES, direction=st.sampled_from(DIRECTIONS), parallel=st.sampled_from([1, 3]))
@settings(max_examples=15, deadline=None)
def test_the_stated_value_is_on_the_losing_side_of_the_stated_cut(
    value: dict[str, Any], curves: list[list[float]], direction: Direction, parallel: int
) -> None:
    stops, study = play(value, curves, direction, parallel)
    for stop in stops:
        assert 1 <= stop.epoch < 12
        assert f"epoch {stop.epoch}" in stop.text or f"up to {stop.epoch}" in stop.text
        assert "\n" not in stop.text
        if math.isnan(stop.cut.value):
            assert "not a number" in stop.text
            continue
        losing = "below" if direction == "maximize" else "above"
        assert stop.cut.side == losing or value["name"] == "threshold"
        below = stop.cut.side == "below"
        assert (stop.cut.value < stop.cut.bound) if below else (stop.cut.value > stop.cut.bound)
        stated = FIGURES.match(stop.text)
        assert stated is not None, stop.text
        # The printed figures, too, must lie as the sentence says, whatever the rounding.
        written, side, bar = float(stated[1]), stated[2], float(stated[3])
        assert side == stop.cut.side
        assert (written < bar) if below else (written > bar)
        assert stop.cut.value in study.trials[stop.number].intermediate_values.values()
