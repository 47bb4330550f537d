"""What does a study that is on disk say of itself and its trials, without loading what only a search needs?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.home import Home, StudyFolder
from search.pictures.rows import TrialRow
from search.study.journal_rows import read_rows
from search.study.records import STUDY, StudyFacts, TrialNotes, notes_of, to_rows
from search.study.whereabouts import never_begun, whereabouts


@dataclass(frozen=True)
class StoredStudy:
    """A study as it was when it was read.

    Attributes:
        attrs: what was noted on it (see records.py).
        rows: the trials that have begun, by number.
        notes: number of a finished trial to what else is known of it.
    """

    name: str
    facts: StudyFacts
    attrs: Mapping[str, Any]
    rows: Sequence[TrialRow]
    notes: Callable[[int], TrialNotes]


def read_study(home: Home, name: str) -> StoredStudy:
    """A study for reading only, from its journal or from the database that keeps it.

    Raises:
        StudyError: if there is no such study, naming the nearest, or it cannot be read.
    """
    if whereabouts(home, name) is not None:
        return _from_database(home, name)
    return _from_journal(home, home.study(name))


def _from_journal(home: Home, folder: StudyFolder) -> StoredStudy:
    read = read_rows(folder.journal, folder.rows)
    if read.name != folder.name or STUDY not in read.attrs:
        raise never_begun(home, folder.name)
    return StoredStudy(folder.name, StudyFacts(**read.attrs[STUDY]), read.attrs, read.rows, read.notes.__getitem__)


def _from_database(home: Home, name: str) -> StoredStudy:
    from search.study.store import load_study

    study, facts = load_study(home, name)
    trials = study.get_trials(deepcopy=False)
    return StoredStudy(name, facts, study.user_attrs, to_rows(trials), lambda number: notes_of(trials[number]))
