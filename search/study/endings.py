"""How does a trial's end reach the study, the record and whoever watches?"""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from search.pictures.rows import TrialRow
from search.study.parts import Parts
from search.study.proposals import Proposal
from search.study.recorder import History
from search.study.records import ATTEMPTS, END, RUN, TrialEnd, to_row
from search.study.store import quiet_optuna

_LAST_RUN_ID_SECONDS = 10.0  # of a trial that is to go on with its run later, and no worker waits


class Endings:
    """Tells the study first, then the record: Optuna decides, MLflow follows."""

    def __init__(self, parts: Parts) -> None:
        self._study, self._proposer = parts.study, parts.proposer
        self._recorder, self._observer = parts.recorder, parts.observer
        self._ended: list[tuple[Proposal, TrialRow, Sequence[History]]] = []

    def tell(self, proposal: Proposal, end: TrialEnd, rounds: Sequence[History] = ()) -> TrialRow:
        """Tell how a trial ended; ``rounds`` holds the metrics of each epoch of each of its rounds."""
        trial = proposal.trial
        trial.set_user_attr(END, end.to_attr())
        with quiet_optuna():
            match end.outcome:
                case "completed":
                    self._study.tell(trial, end.value, TrialState.COMPLETE)
                case "stopped":
                    self._study.tell(trial, state=TrialState.PRUNED)
                case "diverged":
                    # Pruned and infeasible: the sampler learns to keep away, and it never ranks.
                    trial.set_constraint("diverged", 1.0)
                    self._study.tell(trial, state=TrialState.PRUNED)
                case _:
                    self._study.tell(trial, state=TrialState.FAIL)
        if end.outcome != "failed" and end.duplicate_of is None:
            self._proposer.finished(proposal)
        row = to_row(self.frozen(proposal))
        self._ended.append((proposal, row, rounds))
        self._observer.trial_finished(row)
        return row

    def leave(self, proposal: Proposal, reason: str) -> None:
        """Leave a trial to be gone on with by a later run, under its number."""
        earlier = proposal.trial.user_attrs.get(ATTEMPTS, [])
        proposal.trial.set_user_attr(ATTEMPTS, [*earlier, reason])
        self._recorder.interrupt(proposal.number, reason)
        run_id = self._recorder.run_id(proposal.number, _LAST_RUN_ID_SECONDS)
        if run_id is not None:
            proposal.trial.set_user_attr(RUN, run_id)
        self._observer.trial_finished(to_row(self.frozen(proposal)))

    def record(self) -> None:
        """Record the trials that have ended; called when the workers are busy again and nobody waits for it."""
        for proposal, row, rounds in self._ended:
            self._recorder.finish(proposal, row, rounds)
        self._ended.clear()

    def frozen(self, proposal: Proposal) -> FrozenTrial:
        """The trial as the study has it now."""
        return self._study._storage.get_trial(proposal.trial._trial_id)
