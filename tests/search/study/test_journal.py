"""Does the study's journal wait for the disk where it must, and hold no more in memory than Optuna's storage needs?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage

from search.study.journal import StudyJournal


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each time that the disk was waited for."""
    seen: list[int] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        seen.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", count)
    return seen


def test_a_trial_waits_for_the_disk_once_when_it_ends(tmp_path: Path, waits: list[int]) -> None:
    journal = StudyJournal(str(tmp_path / "journal.log"))
    study = optuna.create_study(study_name="any", storage=JournalStorage(journal))
    assert waits, "a study that is made is on the disk"
    waits.clear()
    study.enqueue_trial({"x": 0.5})
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("config", "any")
    trial.report(1.0, 1)
    assert not waits
    study.tell(trial, 1.0)
    assert len(waits) == 1
    study.set_user_attr("scores", 1)
    assert len(waits) == 2


def test_a_reading_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    journal = StudyJournal(str(tmp_path / "journal.log"))
    study = optuna.create_study(study_name="any", storage=JournalStorage(journal))
    for value in range(30):
        study.add_trial(optuna.create_trial(value=float(value)))
    assert [trial.value for trial in study.trials] == [float(value) for value in range(30)]
    records = list(journal.read_logs(0))
    assert (len(records), journal._log_number_offset) == (31, {0: 0}), "where each record begins is not kept"
    again = StudyJournal(str(tmp_path / "journal.log"))
    assert len(optuna.load_study(study_name="any", storage=JournalStorage(again)).trials) == 30
    for first in (3, 31, 0, 12):
        assert list(again.read_logs(first)) == records[first:]


def test_what_was_just_written_is_not_read_from_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "journal.log"
    study = optuna.create_study(study_name="any", storage=JournalStorage(StudyJournal(str(file))))
    with file.open("r+b") as stream:
        stream.write(b"x")  # whoever reads from the start would stumble
    study.set_user_attr("more", {"1": [2.5, float("inf")]})
    assert study.user_attrs == {"more": {"1": [2.5, float("inf")]}}
    last = json.loads(file.read_bytes().splitlines()[-1])
    assert last["user_attr"] == {"more": {"1": [2.5, float("inf")]}}


def test_records_that_are_gathered_are_written_in_one_piece_at_the_latest_when_a_trial_ends(
    tmp_path: Path, waits: list[int]
) -> None:
    file = tmp_path / "journal.log"
    journal = StudyJournal(str(file))
    study = optuna.create_study(study_name="any", storage=JournalStorage(journal))
    size = file.stat().st_size
    waits.clear()

    def trials_on_file() -> list[optuna.trial.FrozenTrial]:
        return optuna.load_study(study_name="any", storage=JournalStorage(StudyJournal(str(file)))).trials

    with journal.together():
        for value in range(3):
            trial = study.ask()
            trial.report(1.0, 1)
            assert study.trials[-1].intermediate_values == {1: 1.0}
            assert file.stat().st_size == size
            study.tell(trial, float(value))
            assert trials_on_file() == study.trials, "whoever is killed now has told it"
            size = file.stat().st_size
        trial = study.ask()
        assert (file.stat().st_size, waits) == (size, [])
    assert len(waits) == 1
    assert trials_on_file() == study.trials


def test_what_was_gathered_is_kept_whatever_happens(tmp_path: Path) -> None:
    file = tmp_path / "journal.log"
    journal = StudyJournal(str(file))
    study = optuna.create_study(study_name="any", storage=JournalStorage(journal))

    def tell() -> None:
        with journal.together():
            study.ask()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell()
    again = optuna.load_study(study_name="any", storage=JournalStorage(StudyJournal(str(file))))
    assert len(again.trials) == 1


def test_behind_a_record_that_could_not_be_written_comes_no_other(tmp_path: Path) -> None:
    file = tmp_path / "journal.log"
    study = optuna.create_study(study_name="any", storage=JournalStorage(StudyJournal(str(file))))
    written = file.read_bytes()
    file.rename(tmp_path / "away")
    file.mkdir()  # cannot be appended to
    with pytest.raises(IsADirectoryError):
        study.set_user_attr("first", 1)
    file.rmdir()
    (tmp_path / "away").rename(file)
    with pytest.raises(IsADirectoryError):
        study.set_user_attr("second", 2)
    assert file.read_bytes() == written
