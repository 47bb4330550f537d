"""Where is a study kept: in its folder's journal, or in a database?"""

from __future__ import annotations

import os

from search.errors import StudyError
from search.files import write_text_whole
from search.home import Home, StudyFolder


def whereabouts(home: Home, name: str) -> str | None:
    """The URL of the database that keeps a study, None for its journal.

    Raises:
        StudyError: if there is no such study, naming the nearest.
    """
    folder = home.study(name)
    given = os.environ.get("KERASWEEP_STORAGE")
    if folder.storage_note.exists():
        return given or folder.storage_note.read_text(encoding="utf-8").strip()
    if not folder.journal.exists():
        from spaces.errors import nearest

        known = home.studies()
        there = nearest(name, known) if known else "there is none yet; 'kerasweep run FILE' makes one"
        raise StudyError(f"there is no study '{name}' in {home.path}; {there}")
    return None


def note_storage(folder: StudyFolder, url: str) -> None:
    """Remember where the study is, for `show` and `best`; a password stays in the environment or the file."""
    from tracking.urls import redact_url

    write_text_whole(folder.storage_note, redact_url(url) + "\n")


def never_begun(home: Home, name: str) -> StudyError:
    """The error for a study that has a place, and nothing in it."""
    return StudyError(f"study '{name}' in {home.path} was never begun; run it again")
