"""What is read of a journal without Optuna is what Optuna would say, from whichever place on it is read."""

from __future__ import annotations

import random
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalStorage

from search.errors import StudyError
from search.study import journal_rows
from search.study.journal import ReadOnlyJournal, StudyJournal
from search.study.journal_rows import read_rows
from search.study.records import ATTEMPTS, BEGIN, END, TrialEnd, notes_of, to_rows

OUTCOMES = {"completed": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A study of sixty steps: trials enqueued, begun, reported on, ended in any order, left and begun again."""
    file = tmp_path / "journal.log"
    study = optuna.create_study(
        study_name="any", storage=JournalStorage(StudyJournal(str(file))), sampler=optuna.samplers.RandomSampler(seed=1)
    )
    study.set_user_attr("kerasweep.study", {"objective": "val_accuracy"})
    draw, running = random.Random(3), list[optuna.Trial]()
    for step in range(300):
        match draw.choice(["enqueue", "ask", "ask", "report", "report", "leave", "tell", "tell"]):
            case "enqueue":
                study.enqueue_trial({"rate": draw.random(), "kind": "b"})
            case "ask":
                running.append(begin(study, draw))
            case "report" if running:
                trial = draw.choice(running)
                value = draw.choice([draw.random(), float("nan")])
                trial.report(value, len(trial._cached_frozen_trial.intermediate_values) + 1)
            case "leave" if running:
                draw.choice(running).set_user_attr(ATTEMPTS, [f"interrupted at step {step}"])
            case "tell" if running:
                end(study, running.pop(draw.randrange(len(running))), draw)
    study.set_user_attr("kerasweep.scores", {"3": {"accuracy": 0.5}})
    return file


def begin(study: optuna.Study, draw: random.Random) -> optuna.Trial:
    trial = study.ask()
    trial.suggest_float("rate", 0, 1)
    trial.suggest_categorical("kind", ["a", "b", None, True, 2])
    trial.suggest_int("units", 4, 64, log=True)
    trial.set_user_attr(BEGIN, {"seed": draw.randrange(99), "fixed": {"layers": 2}, "config": f"{trial.number}"})
    return trial


def end(study: optuna.Study, trial: optuna.Trial, draw: random.Random) -> None:
    outcome = draw.choice(list(OUTCOMES))
    values = (0.25, 0.75) if draw.random() < 0.5 else ()
    told = TrialEnd(outcome, "why", 1, 2, 0.5, 17, value=0.5, values=values, threshold=draw.choice([None, 0.4]))
    trial.set_user_attr(END, told.to_attr())
    study.tell(trial, 0.5 if outcome == "completed" else None, optuna.trial.TrialState[OUTCOMES[outcome]])


def trials_of(journal: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="any", storage=JournalStorage(ReadOnlyJournal(str(journal)))).get_trials()


def check_equal(journal: Path, kept: Path) -> None:
    read, trials = read_rows(journal, kept), trials_of(journal)
    assert repr(read.rows) == repr(to_rows(trials))
    for number, notes in read.notes.items():
        assert notes == notes_of(trials[number])


def test_rows_are_those_of_optuna(journal: Path, tmp_path: Path) -> None:
    check_equal(journal, tmp_path / "rows.json")
    read = read_rows(journal, tmp_path / "rows.json")
    assert read.name == "any"
    assert read.attrs == {
        "kerasweep.study": {"objective": "val_accuracy"},
        "kerasweep.scores": {"3": {"accuracy": 0.5}},
    }
    assert {row.state for row in read.rows} == {"complete", "pruned", "failed", "running"}
    assert not (tmp_path / "rows.json").exists(), "so little is not worth keeping"


def test_from_any_line_on_the_kept_rows_are_gone_on_with(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_rows, "_WORTH_KEEPING", 1)
    whole, growing, kept = journal.read_bytes(), tmp_path / "growing.log", tmp_path / "rows.json"
    lines = whole.splitlines(keepends=True)
    for count in (*range(1, len(lines), 7), len(lines)):
        growing.write_bytes(b"".join(lines[:count]))
        read = read_rows(growing, kept)
        assert read.lines == count
    check_equal(growing, kept)
    growing.write_bytes(whole + whole[:50])
    assert read_rows(growing, kept).offset == len(whole), "a line that is being written is left for later"


def test_kept_rows_of_another_journal_are_not_used(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_rows, "_WORTH_KEEPING", 1)
    kept, lines = tmp_path / "rows.json", journal.read_bytes().splitlines(keepends=True)
    read_rows(journal, kept)
    # Restored from a backup, and grown by other trials since.
    last_ended = max(number for number, line in enumerate(lines) if b'"op_code":6' in line)
    journal.write_bytes(b"".join(lines[:last_ended] + lines[last_ended + 1 :]))
    check_equal(journal, kept)
    for damage in (b"", b"{", b"[]", b'{"format":1}', kept.read_bytes()[:-40]):
        kept.write_bytes(damage)
        check_equal(journal, kept)


def test_where_rows_cannot_be_kept_they_are_read(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_rows, "_WORTH_KEEPING", 1)
    (tmp_path / "file").touch()
    check_equal(journal, tmp_path / "file" / "rows.json")


@pytest.mark.parametrize("damage", [b"{}", b"[1]", b"{", b"7", b"{},{}"])
def test_a_damaged_line_is_named(journal: Path, tmp_path: Path, damage: bytes) -> None:
    lines = journal.read_bytes().splitlines()
    lines[4] = damage
    journal.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(StudyError, match=r"journal\.log: line 5 is damaged and is not a record"):
        read_rows(journal, tmp_path / "rows.json")
