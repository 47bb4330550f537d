"""What do those who run a study share?"""

from __future__ import annotations

from dataclasses import dataclass

import optuna

from search.executors.protocol import Executor
from search.home import StudyFolder
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.proposals import Proposer
from search.study.recorder import Recorder


@dataclass(frozen=True)
class Parts:
    """One run of a study: what is planned, where it is kept, who is asked for trials, who trains, records and watches.

    Attributes:
        study: results are told to it; the proposer may be shown another view of it (see long_study.py).
    """

    plan: Plan
    folder: StudyFolder
    study: optuna.Study
    proposer: Proposer
    executor: Executor
    recorder: Recorder
    observer: Observer
