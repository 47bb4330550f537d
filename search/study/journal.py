"""How is a study's journal written, and what is done where a power cut or a kill left its last line torn?"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search.errors import StudyError
from search.study.journal_rows import WholeLines, parse_lines

# Optuna's numbers of operations on the study itself (made, deleted, its attributes, trials discarded), and of a trial's
# change of state.
_OF_STUDY, _STATE = frozenset({0, 1, 2, 3, 10}), 6


class StudyJournal(JournalFileBackend):
    """Optuna's journal file for one writer, who holds the study's lock.

    Optuna waits for the disk at every record, takes a lock of its own, and reads back what it wrote. Here only records
    of the study itself, and those that end a trial, wait; what is in the file before them is on the disk then too. A
    process that is killed loses nothing (the system has the bytes), and after a power cut at most the trials in
    training are begun again. A worker that has ended a trial has its next one sooner for it. Where the reading ended is
    all that is kept of the file; Optuna notes down where every record begins.
    """

    def __init__(self, file_path: str) -> None:
        super().__init__(file_path)
        self._read_to = 0, 0  # records, and their bytes
        self._unread: deque[bytes] | None = None  # what was appended since; None until the file was read to its end
        self._unwritten: list[bytes] = []
        self._decided = False  # whether one of those must be on the disk
        self._gathers = False
        self._failure: OSError | None = None  # of the writing that was the last

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, each a line; Optuna's hook."""
        lines = [json.dumps(log, separators=(",", ":")).encode() + b"\n" for log in logs]
        self._unwritten.extend(lines)
        if self._unread is not None:
            self._unread.extend(lines)
        decided = any(map(_decides, logs))
        self._decided = self._decided or decided
        if decided or not self._gathers:
            self._write()
        if not self._gathers:
            self._sync()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the records of a while in one piece, as to open the file takes longer than most of them.

        Those that the disk is waited for are written at once, so that what follows from them may be done, and are
        waited for at the end.
        """
        self._gathers = True
        try:
            yield
        finally:
            self._gathers = False
            self._write()
            self._sync()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Read the records from one on, which is as a rule where the last reading ended; Optuna's hook."""
        goes_on = log_number_from == self._read_to[0]
        number, place = self._read_to if goes_on else (0, 0)
        if goes_on and self._unread is not None:
            while self._unread:
                line = self._unread.popleft()
                number, place = number + 1, place + len(line)
                self._read_to = number, place  # before the record is used, which may be refused
                yield json.loads(line)
            return
        self._write()
        self._unread = None
        with open(self._file_path, "rb") as stream:
            stream.seek(place)
            for line in WholeLines(stream):
                number, place = number + 1, place + len(line)
                if number > log_number_from:
                    self._read_to = number, place
                    yield json.loads(line)
        self._unread = deque()

    def _write(self) -> None:
        if not self._unwritten:
            return
        lines, self._unwritten = b"".join(self._unwritten), []
        if self._failure is not None:  # a record behind one that is torn would make a line of both
            raise self._failure
        try:
            with open(self._file_path, "ab") as stream:
                stream.write(lines)
        except OSError as error:
            self._failure = error
            raise

    def _sync(self) -> None:
        if self._decided:
            self._decided = False
            with open(self._file_path, "ab") as stream:
                os.fsync(stream.fileno())


def _decides(log: dict[str, Any]) -> bool:
    ends_trial = log["op_code"] == _STATE and TrialState(log["state"]).is_finished()
    return log["op_code"] in _OF_STUDY or ends_trial


class ReadOnlyJournal(JournalFileBackend):
    """Reads a journal that another process may be writing at this moment."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Refuse; Optuna's hook."""
        raise StudyError("a query tried to write to the study")


def repair_journal(journal: Path) -> str | None:
    """Cut off a last line that was never finished; Optuna would put the next record right behind it.

    A record counts from the moment its line is complete, so nothing that was recorded is lost. The torn piece is
    kept beside the journal. Call this only while the study is locked. Returns a sentence about what was done.

    Raises:
        StudyError: if a complete line is not a record; that is not the mark of an interrupted write.
    """
    if not journal.exists():
        return None
    _remove_stale_locks(journal)
    lines = check_lines(journal)
    if not lines.torn:
        return None
    aside = journal.with_name(f"{journal.name}.torn")
    with aside.open("ab") as stream:
        stream.write(lines.torn + b"\n")
    with journal.open("r+b") as stream:
        stream.truncate(lines.size)
        os.fsync(stream.fileno())
    return f"the journal's last line was never finished; {len(lines.torn)} bytes were set aside in {aside.name}"


def check_lines(journal: Path) -> WholeLines:
    """Read all of a journal, and see that each line is a record.

    Raises:
        StudyError: naming the first that is none.
    """
    with journal.open("rb") as stream:
        lines = WholeLines(stream)
        for _ in parse_lines(lines, journal):
            pass
    return lines


def _remove_stale_locks(journal: Path) -> None:
    # Optuna's own lock is a symbolic link; one that a killed process left would block for half a minute. The study's
    # lock is held here, so nobody else is writing.
    for left in journal.parent.glob(f"{journal.name}.lock*"):
        left.unlink(missing_ok=True)
