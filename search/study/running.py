"""What does the coordinator know of a trial in training?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search.messages import EpochReport, TrialJob
from search.study.proposals import Proposal


@dataclass
class Running:
    """A trial in training.

    Attributes:
        reported: the last step (epoch, or round where there are several) that an earlier attempt reported; the same
            seed repeats the same values up to it.
        rounds: the metrics of each epoch of each round begun.
        values: the objective of each round that has ended, where there are several.
        run_id: the run in the record with which it goes on; announced: whether its record has begun.
    """

    proposal: Proposal
    job: TrialJob
    began: float
    reported: int
    rounds: list[list[Mapping[str, float]]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    verdict: str = ""
    gave_up: str = ""
    run_id: str | None = None
    announced: bool = False

    @property
    def epochs(self) -> int:
        """Epochs trained so far, over all rounds."""
        return sum(map(len, self.rounds))

    def add(self, report: EpochReport) -> None:
        """Take in the metrics of an epoch."""
        while len(self.rounds) < report.round:
            self.rounds.append([])
        self.rounds[report.round - 1].append(report.metrics)
