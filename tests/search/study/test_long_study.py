"""A study of thousands of trials: what its sampler and pruner are shown, and that the storage lists what is there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.study import run as run_module
from search.study.ended_trial import EndedTrial, Packer
from search.study.importance import importances
from search.study.journal import ReadOnlyJournal, StudyJournal
from search.study.long_study import BEST, LATEST, MOST, MOST_STARTUP, GivenTrials, LongJournal, LongStudy
from search.study.proposals import Proposer
from search.study.run import run_study
from tracking import MemoryTracker


def study_of(values: list[float], direction: str = "maximize") -> optuna.Study:
    """A study in memory whose finished trials have these values."""
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(seed=1))
    study.add_trials([create_trial(value=value, intermediate_values={1: value}) for value in values])
    return study


def test_a_short_study_is_shown_whole() -> None:
    study = study_of([float(i) for i in range(MOST)])
    assert LongStudy(study).get_trials() == study.get_trials()


def test_what_is_shown_is_unpacked_once(tmp_path: Path) -> None:
    storage = LongJournal(StudyJournal(str(tmp_path / "journal.log")))
    study = optuna.create_study(study_name="any", storage=storage, direction="maximize")
    study.add_trials([create_trial(value=float(i % 100), intermediate_values={1: 0.5}) for i in range(2 * MOST)])
    long = LongStudy(study)
    first = long.get_trials(deepcopy=False)
    assert {type(trial) for trial in first} == {FrozenTrial}
    for _ in range(LATEST - 1):
        study.tell(study.ask(), 0.5)
    again = {id(trial) for trial in long.get_trials(deepcopy=False)}
    assert again.issuperset(map(id, first)), "the choice stays for a while"
    assert len(again) == len(first) + LATEST - 1, "and those that began since are shown"
    study.ask()
    assert len(long.get_trials(deepcopy=False)) <= MOST + 1


def test_a_study_that_is_gone_on_with_shows_what_it_would_have_shown() -> None:
    study = study_of([float(i % 100) for i in range(MOST)])
    long = LongStudy(study)
    for _ in range(3 * LATEST):
        study.tell(long.ask(), 0.5)
        resumed = LongStudy(study)
        assert resumed.get_trials(deepcopy=False) == long.get_trials(deepcopy=False)


def test_given_trials_are_weighed_as_optuna_weighs_a_study() -> None:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(50):
        trial = study.ask()
        value = trial.suggest_float("rate", 0, 1) + 0.1 * trial.suggest_int("units", 1, 4)
        study.tell(trial, value)
    pack = Packer().pack
    given = GivenTrials([pack(trial) for trial in study.trials], "maximize")
    assert importances(given) == importances(study)
    assert list(importances(given)) == ["rate", "units"]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_of_a_long_study_the_best_the_open_and_an_even_choice_are_shown(direction: str) -> None:
    draw = random.Random(1)
    values = [draw.random() for _ in range(7 * MOST)]
    study = study_of(values, direction)
    long = LongStudy(study)
    running = [long.ask().number, study.ask().number]
    shown = {trial.number for trial in long.get_trials(deepcopy=False)}

    ranking = sorted(range(len(values)), key=values.__getitem__, reverse=direction == "maximize")
    assert shown.issuperset(ranking[:BEST])
    assert shown.issuperset(running)
    assert MOST - 2 * BEST <= len(shown) <= MOST + len(running)
    in_each_seventh = [sum(number // MOST == part for number in shown) for part in range(7)]
    assert max(in_each_seventh) - min(in_each_seventh) <= BEST + 2

    study.tell(running[0], 2.0 if direction == "maximize" else -1.0)
    completed = {trial.number for trial in long.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    assert running[0] in completed, "the new best is shown at once"
    assert running[1] not in completed


def test_a_pruner_learns_from_what_is_shown() -> None:
    study = study_of([float(i % 100) for i in range(3 * MOST)])
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    good, poor = LongStudy(study).ask(), LongStudy(study).ask()
    good.report(80.0, 1)
    poor.report(20.0, 1)
    assert not good.should_prune()
    assert poor.should_prune()


def test_the_storage_lists_what_optunas_own_lists(tmp_path: Path) -> None:
    journal = str(tmp_path / "journal.log")
    study = optuna.create_study(
        study_name="any", storage=LongJournal(StudyJournal(journal)), sampler=optuna.samplers.RandomSampler(seed=1)
    )
    draw, open_trials = random.Random(2), list[optuna.Trial]()
    for _ in range(60):
        match draw.choice(["enqueue", "ask", "ask", "report", "tell", "tell"]):
            case "enqueue":
                study.enqueue_trial({"x": draw.random()})
            case "ask":
                open_trials.append(study.ask())
                open_trials[-1].suggest_float("x", 0, 1)
            case "report" if open_trials:
                trial = draw.choice(open_trials)
                trial.report(draw.random(), len(trial._cached_frozen_trial.intermediate_values) + 1)
            case "tell" if open_trials:
                trial = open_trials.pop(draw.randrange(len(open_trials)))
                study.tell(trial, draw.random())
        for states in (None, (TrialState.COMPLETE,), (TrialState.WAITING, TrialState.RUNNING)):
            assert study.get_trials(states=states) == listed(journal, states)
    assert len(study.trials) > 20


def listed(journal: str, states: tuple[TrialState, ...] | None) -> list[FrozenTrial]:
    """As Optuna's own storage lists the trials of a journal."""
    storage = JournalStorage(ReadOnlyJournal(journal))
    return optuna.load_study(study_name="any", storage=storage).get_trials(states=states)


@pytest.mark.parametrize(
    ("search", "chooses", "packs"),
    [
        ({}, True, True),
        ({"sampler": "cmaes"}, False, False),
        ({"sampler": {"name": "tpe", "startup_trials": MOST_STARTUP + 1}}, False, False),
        ({"pruner": {"name": "median", "startup_trials": MOST_STARTUP + 1}}, False, False),
        ({"pruner": "hyperband"}, True, False),
    ],
)
def test_who_needs_all_trials_is_shown_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: dict[str, Any], chooses: bool, packs: bool
) -> None:
    content = {"study": "iris", "data": {"source": "sklearn:iris"}, "search": {"trials": 1, **search}}
    asked: list[optuna.Study] = []

    class Noting(Proposer):
        def __init__(self, study: optuna.Study, *given: Any, **named: Any) -> None:
            asked.append(study)
            super().__init__(study, *given, **named)

    monkeypatch.setattr(run_module, "Proposer", Noting)
    run_study(
        parse_experiment(content, "iris.yaml"),
        home=Home(tmp_path),
        tracker=MemoryTracker(),
        executor=SimulatedExecutor(lambda config, seed, epoch: 0.5),
    )
    assert isinstance(asked[0], LongStudy) == chooses
    (trial,) = asked[0]._storage.get_all_trials(0, deepcopy=False)
    assert isinstance(trial, EndedTrial) == packs
