"""How does a study stand?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.home import Home
from search.pictures.rows import TrialRow, count_states, ranked
from search.study.reading import StoredStudy, read_study
from search.study.records import ENDING, SCORES
from spaces.metrics import Direction


@dataclass(frozen=True)
class Standing:
    """A study at this moment, as ``list --json`` and ``show --json`` print it.

    Attributes:
        status: ``running``, ``complete``, ``timed out``, ``interrupted`` or ``unfinished``; note: what there is to add.
        finished: trials that are over, out of ``total``; states: how many in each state.
        best: value of the best trial, with its spread over the rounds; None where none completed.
        test: metrics of its model on the test part; empty where it was not scored.
    """

    study: str
    status: str
    note: str
    finished: int
    total: int
    states: Mapping[str, int]
    objective: str
    direction: Direction
    best: float | None
    spread: float | None
    best_trial: int | None
    test: Mapping[str, float]


def standing_of(home: Home, name: str) -> Standing:
    """How a study of this home stands.

    Raises:
        StudyError: if there is no such study, or it cannot be read.
    """
    return stands(read_study(home, name), running=home.study(name).is_locked())


def stands(study: StoredStudy, *, running: bool) -> Standing:
    """How a study that has been read stands; ``running`` is whether a process is at it."""
    rows, facts = study.rows, study.facts
    best = _best(rows, facts.direction)
    finished = sum(row.state != "running" for row in rows)
    total = int(facts.experiment["search"]["trials"])
    status, note = _status(study.attrs.get(ENDING, ""), running=running, all_done=finished >= total)
    return Standing(
        study=study.name,
        status=status,
        note=note,
        finished=finished,
        total=total,
        states={
            ("interrupted" if state == "running" and not running else state): count
            for state, count in count_states(rows).items()
        },
        objective=facts.objective,
        direction=facts.direction,
        best=best.value if best else None,
        spread=best.spread if best else None,
        best_trial=best.number if best else None,
        test=study.attrs.get(SCORES, {}).get(str(best.number), {}) if best else {},
    )


def _best(rows: Sequence[TrialRow], direction: Direction) -> TrialRow | None:
    ranking = ranked(rows, direction)
    return ranking[0] if ranking else None


def _status(ending: str, *, running: bool, all_done: bool) -> tuple[str, str]:
    """How a study stands, and what is to be said about it; ``ending`` is how its last run ended, if it did."""
    if running:
        return "running", ""
    if all_done:
        return "complete", ""
    match ending:
        case "exhausted":
            return "complete", "every config of its space is tried"
        case "timeout":
            return "timed out", "'run' goes on with it"
        case "interrupted":
            return "interrupted", "'run' goes on with it"
    return "unfinished", ""
