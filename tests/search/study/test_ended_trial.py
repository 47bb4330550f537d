"""An ended trial that is packed is the trial that Optuna has, in a fraction of the memory."""

from __future__ import annotations

import copy
import math
import pickle
import tracemalloc
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from search.study.ended_trial import EndedTrial, Packer, whole
from search.study.journal import ReadOnlyJournal, StudyJournal
from search.study.long_study import LongJournal


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of trials that ended in every way, and one that has not."""
    file = tmp_path_factory.mktemp("ended") / "journal.log"
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(study_name="any", storage=LongJournal(StudyJournal(str(file))), sampler=sampler)
    study.enqueue_trial({"rate": 0.5})
    for number in range(60):
        trial = study.ask()
        trial.suggest_float("rate", 0, 1)
        if number % 3:  # a condition
            trial.suggest_categorical("kind", ["a", None, True, 2, "relu"])
        trial.suggest_int("units", 4, 64, log=True)
        trial.set_user_attr("begin", {"seed": number, "fixed": {"layers": 2}})
        for step in range(1, 40):
            trial.report(math.inf if step % 7 == 0 else number / step, step)
        match number % 4:
            case 0 | 1:
                trial.set_constraint("diverged", 1.0)
                study.tell(trial, number * 0.5)
            case 2:
                study.tell(trial, state=TrialState.PRUNED)
            case _:
                study.tell(trial, state=TrialState.FAIL)
    study.ask()
    return file


def trials_of(storage: JournalStorage) -> list[FrozenTrial]:
    return optuna.load_study(study_name="any", storage=storage).get_trials(deepcopy=False)


def test_each_is_what_optuna_has(journal: Path) -> None:
    ours, optunas = trials_of(LongJournal(StudyJournal(str(journal)))), trials_of(own_storage(journal))
    assert {type(trial) for trial in ours[:-1]} == {EndedTrial}
    assert type(ours[-1]) is FrozenTrial, "it may still change"
    for trial, other in zip(ours, optunas, strict=True):
        assert vars(whole(trial)) == vars(other)
        assert list(trial.params.items()) == list(other.params.items())
        assert (trial.value, trial.last_step, trial.duration) == (other.value, other.last_step, other.duration)
        assert (trial.user_attrs, trial.system_attrs) == (other.user_attrs, other.system_attrs)
        assert (trial.distributions, trial.intermediate_values) == (other.distributions, other.intermediate_values)
        sent = pickle.loads(pickle.dumps(trial))  # noqa: S301 - made in this line
        for copied in (copy.copy(trial), copy.deepcopy(trial), sent):
            assert copied == other
            assert whole(copied) == other
    assert ours[0] != optunas[1]


def own_storage(journal: Path) -> JournalStorage:
    """Optuna's own storage of a journal."""
    return JournalStorage(ReadOnlyJournal(str(journal)))


def test_nobody_changes_it_by_what_it_gives_away(journal: Path) -> None:
    (ended, *_) = trials_of(LongJournal(StudyJournal(str(journal))))
    ended.user_attrs["begin"]["seed"] = 77
    ended.intermediate_values.clear()
    ended.params.clear()
    assert ended == trials_of(own_storage(journal))[0]


def test_a_nan_stays_one() -> None:
    trial = optuna.create_trial(state=TrialState.FAIL, intermediate_values={1: math.nan})
    assert math.isnan(Packer().pack(trial).intermediate_values[1])


def test_equal_distributions_are_kept_once(journal: Path) -> None:
    ours = trials_of(LongJournal(StudyJournal(str(journal))))
    assert len({id(trial.distributions) for trial in ours[:-1]}) == 2, "with and without the conditional one"


def test_a_journals_trials_take_a_fraction_of_the_memory(journal: Path) -> None:
    assert bytes_of(LongJournal, journal) < bytes_of(JournalStorage, journal) / 3


def bytes_of(storage: type[JournalStorage], journal: Path) -> int:
    """The memory that an open journal takes."""
    tracemalloc.start()
    try:
        opened = storage(StudyJournal(str(journal)))
        assert opened.get_all_studies()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_where_all_are_looked_at_again_and_again_none_is_packed(journal: Path) -> None:
    trials = trials_of(LongJournal(StudyJournal(str(journal)), packed=False))
    assert {type(trial) for trial in trials} == {FrozenTrial}
