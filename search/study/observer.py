"""What does a study tell whoever watches it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from search.messages import EpochReport, RoundReport
from search.pictures.rows import TrialRow
from search.study.profile import Profile
from spaces import Params
from spaces.metrics import Direction


@dataclass(frozen=True)
class StudyOpened:
    """A study is about to run.

    Attributes:
        finished: trials that earlier runs finished; total: the study's total.
        sampler, pruner: sentences that say which and why.
        rounds: trainings of one trial; unit: what they are called (``fold`` or ``round``), ``epoch`` for a single one.
    """

    study: str
    total: int
    finished: int
    workers: int
    objective: str
    direction: Direction
    sampler: str
    pruner: str
    epochs: int
    timeout_seconds: float | None
    rounds: int = 1
    unit: str = "epoch"


@dataclass(frozen=True)
class StudyEnded:
    """A run of a study is over.

    Attributes:
        ending: ``complete`` (the total is reached), ``exhausted`` (every config of the space is tried), ``timeout``
            or ``interrupted``.
        best: the best trial, if one completed; scores: its metrics on the test part.
        left: trials that the total still lacks.
        profile: where the time went; None where nothing was trained.
    """

    ending: str
    objective: str
    direction: Direction
    best: TrialRow | None
    scores: Mapping[str, float]
    left: int
    seconds: float
    rows: tuple[TrialRow, ...]
    parent_run: str | None
    profile: Profile | None = None


class Observer(Protocol):
    """Shows a study while it runs. Calls must return at once."""

    def opened(self, study: StudyOpened) -> None: ...

    def notice(self, text: str) -> None: ...

    def worker_ready(self, seconds: float) -> None: ...

    def trial_started(self, number: int, params: Params) -> None: ...

    def epoch(self, report: EpochReport) -> None: ...

    def round(self, report: RoundReport) -> None: ...

    def trial_finished(self, row: TrialRow) -> None: ...

    def stopping(self, reason: str) -> None: ...

    def finishing(self, doing: str) -> None: ...

    def ended(self, study: StudyEnded) -> None: ...


class Silent:
    """Shows nothing."""

    def opened(self, study: StudyOpened) -> None: ...

    def notice(self, text: str) -> None: ...

    def worker_ready(self, seconds: float) -> None: ...

    def trial_started(self, number: int, params: Params) -> None: ...

    def epoch(self, report: EpochReport) -> None: ...

    def round(self, report: RoundReport) -> None: ...

    def trial_finished(self, row: TrialRow) -> None: ...

    def stopping(self, reason: str) -> None: ...

    def finishing(self, doing: str) -> None: ...

    def ended(self, study: StudyEnded) -> None: ...
