"""Which trials of the study are open, so that a call for one that is not is caught where it is made?"""

from __future__ import annotations

from tracking.records import StudyRecord


class Session:
    """The caller's side of a tracker: its study and its open trials."""

    def __init__(self) -> None:
        """Begin without a study."""
        self.study: StudyRecord | None = None
        self.closed = False
        self._open: set[int] = set()

    def require_study(self) -> None:
        """Raise ValueError unless the study is open."""
        if self.study is None or self.closed:
            raise ValueError("the record of this study is closed" if self.closed else "open_study comes first")

    def start(self, number: int) -> None:
        """Note a trial as open; ValueError if it is open already."""
        self.require_study()
        if number in self._open:
            raise ValueError(f"trial {number} is open already: finish it before it is started again")
        self._open.add(number)

    def require_open(self, number: int) -> None:
        """Raise ValueError unless the trial is open."""
        if number not in self._open:
            raise ValueError(f"trial {number} is not open: start it before anything is recorded for it")

    def finish(self, number: int) -> None:
        """Note a trial as over; ValueError unless it is open."""
        self.require_open(number)
        self._open.remove(number)
