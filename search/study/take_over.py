"""What becomes of the trials that an earlier process of a study left in training?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import optuna

from search.study.proposals import Proposal, Proposer, left_running
from search.study.recorder import run_status
from search.study.records import ATTEMPTS, RUN, VERDICT, TrialEnd, to_rows
from search.study.store import is_ours_to_close
from tracking import RunStatus


@dataclass(frozen=True)
class Left:
    """A trial that was left in training.

    Attributes:
        run_id: its run in the record, where that is known.
        end: how it is over; None if it goes on, from its first epoch.
        note: what there is to say about it.
    """

    proposal: Proposal
    run_id: str | None
    end: TrialEnd | None
    note: str


def left_behind(
    study: optuna.Study, proposer: Proposer, run_ids: Mapping[int, str], *, total: int, shared: bool, unit: str
) -> Iterator[Left]:
    """Take up the trials that an earlier process left: they go on, or are over.

    A verdict that was written but not seen to be carried out is carried out; what lies beyond the total is closed.

    Args:
        run_ids: trial number to the run in the record that was left running.
        total: of the study, which may have been lowered.
        shared: whether other coordinators may be running trials of the same study at this moment.
        unit: what a report stands for: ``epoch``, ``fold`` or ``round``.
    """
    for trial in left_running(study):
        if not is_ours_to_close(trial, shared=shared):
            continue
        run_id = run_ids.get(trial.number) or trial.user_attrs.get(RUN)
        proposal = proposer.resume(trial)
        if VERDICT in trial.user_attrs:
            end = TrialEnd("stopped", trial.user_attrs[VERDICT], epochs=len(trial.intermediate_values))
            yield Left(proposal, run_id, end, "")
            continue
        attempts = [*trial.user_attrs.get(ATTEMPTS, [])]
        if trial.number in run_ids or not attempts:  # a run that is still open: nobody said goodbye
            attempts.append(f"interrupted after {unit} {trial.last_step or 0}: its coordinator ended")
            proposal.trial.set_user_attr(ATTEMPTS, attempts)
        over = trial.number >= total
        closed = TrialEnd("failed", f"{attempts[-1]}; the total is lower now") if over else None
        yield Left(proposal, run_id, closed, attempts[-1])


def finished_states(study: optuna.Study) -> dict[int, tuple[RunStatus, str]]:
    """Trial number to status and reason, of those that are over; by it the record closes runs that it left open."""
    rows = to_rows(study.get_trials(deepcopy=False))
    return {row.number: run_status(row) for row in rows if row.state != "running"}
