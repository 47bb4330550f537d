"""Does the study's journal wait for the disk where it must, and hold no more in memory than Optuna's storage needs?"""

from __future__ import annotations

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
    with (tmp_path / "journal.log").open("r+b") as stream:
        stream.write(b"x")  # whoever reads from the start would stumble
    study.set_user_attr("more", 1)
    assert [record["user_attr"] for record in again.read_logs(31)] == [{"more": 1}]
