"""Who trains next, and what is a trial's job?

First come the trials that an earlier process left in training, then new ones, until the study has its total or every
config of its space has been tried. A config that was trained already is not trained again: the trial gets a copy of its
result.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from optuna.trial import TrialState

from search.custom.pins import unasked
from search.custom.space import OpenSpace
from search.messages import TrialJob
from search.study.endings import Endings
from search.study.judge import Judge
from search.study.keep import ModelShelf
from search.study.parts import Parts
from search.study.proposals import Proposal
from search.study.records import TrialEnd, trial_end
from search.study.running import Running
from search.study.take_over import Left, left_behind


class Dispatcher:
    """Hands trials out to the executor, as far as it has room.

    Attributes:
        running: the trials in training, by number; whoever hears of a trial's end takes it out.
        is_exhausted: whether every config of the space has been tried.
    """

    def __init__(self, parts: Parts, endings: Endings, shelf: ModelShelf, judge: Judge) -> None:
        self._plan, self._folder, self._study = parts.plan, parts.folder, parts.study
        self._proposer, self._executor = parts.proposer, parts.executor
        self._recorder, self._observer = parts.recorder, parts.observer
        self._endings, self._shelf, self._judge = endings, shelf, judge
        self._search = parts.plan.experiment.search
        self._waiting: list[Left] = []
        self.running: dict[int, Running] = {}
        self.is_exhausted = False

    def take_over(self, run_ids: Mapping[int, str]) -> None:
        """Take up the trials that an earlier process left: go on with them, or close them.

        Args:
            run_ids: trial number to the run in the record that was left running.
        """
        shared, total = self._search.storage is not None, self._search.trials
        unit = self._plan.step_unit
        for left in left_behind(self._study, self._proposer, run_ids, total=total, shared=shared, unit=unit):
            if left.end is None:
                self._observer.notice(f"trial {left.proposal.number}: {left.note}; it goes on from its start")
                self._waiting.append(left)
            else:
                self._recorder.start(left.proposal, left.run_id)
                self._endings.tell(left.proposal, left.end)

    def fill(self) -> None:
        """Hand out as many trials as the executor has room for and the study's total allows."""
        while len(self.running) < self._executor.capacity:
            if self._waiting:
                left = self._waiting.pop(0)
                self._submit(left.proposal, left.run_id)
                continue
            if self._count_begun() >= self._search.trials:
                return
            proposal = self._proposer.propose()
            if proposal is None:
                self.is_exhausted = not self.running
                return
            if proposal.duplicate_of is not None:
                self._copy(proposal, proposal.duplicate_of)
            else:
                self._submit(proposal, None)

    def retry(self, running: Running) -> None:
        """Hand a trial out once more, whose worker was lost."""
        attempt = running.job.attempt + 1
        self._submit(running.proposal, running.run_id, attempt=attempt, announced=running.announced)

    def _count_begun(self) -> int:
        # Asked of the study each time: other coordinators may share its database.
        return sum(trial.state != TrialState.WAITING for trial in self._study.get_trials(deepcopy=False))

    def _submit(self, proposal: Proposal, run_id: str | None, attempt: int = 1, *, announced: bool = False) -> None:
        training, several = self._plan.experiment.training, self._plan.rounds > 1
        job = TrialJob(
            number=proposal.number,
            config=proposal.config,
            seed=proposal.seed,
            epochs=training.epochs,
            early_stopping=training.early_stopping,
            # Of several rounds no model is the trial's: the best config's is trained when the search is over.
            save_to=None if several else self._folder.model(proposal.number),
            weights_to=None if several else self._folder.weights(proposal.number),
            save_if_better_than=None if several else self._shelf.value_to_beat(),
            outputs_to=self._folder.outputs(proposal.number) if several else None,
            attempt=attempt,
            judged=self._judge.judged(proposal.number),
        )
        for left in (job.save_to, job.weights_to):  # by an attempt that was killed before it was told
            if left is not None:
                left.unlink(missing_ok=True)
        reported = self._endings.frozen(proposal).last_step or 0
        running = Running(proposal, job, time.monotonic(), reported, run_id=run_id, announced=announced)
        self.running[proposal.number] = running
        if not isinstance(self._plan.space, OpenSpace):
            self.announce(running)
        self._executor.submit(job)

    def announce(self, running: Running) -> None:
        """Begin the trial's record, once: a user's own model is built before its params are known."""
        if running.announced:
            return
        running.announced = True
        proposal = running.proposal
        self._recorder.start(proposal, running.run_id)
        self._observer.trial_started(proposal.number, proposal.params)
        if isinstance(self._plan.space, OpenSpace) and proposal.number < len(self._plan.pins):
            notice = unasked(self._plan.pins[proposal.number], proposal.params, proposal.number)
            if notice:
                self._observer.notice(notice)

    def _copy(self, proposal: Proposal, number: int) -> None:
        """Give a trial the result of the finished one with an equal config."""
        twin = next(t for t in self._study.get_trials(deepcopy=False) if t.number == number)
        end = trial_end(twin)
        assert end is not None, "a config counts as trained when its end is written"
        self._recorder.start(proposal, None)
        self._observer.trial_started(proposal.number, proposal.params)
        if end.outcome == "stopped" and twin.last_step is not None:
            proposal.trial.report(twin.intermediate_values[twin.last_step], twin.last_step)
        reason = f"same config as trial {number}, not trained again" + (f": {end.reason}" if end.reason else "")
        copied = replace(end, reason=reason, seconds=0.0, duplicate_of=number, attempts=1)
        self._endings.tell(proposal, copied)

    def close_waiting(self, ending: str) -> None:
        """See to the trials that were taken over and had no time to begin again: their runs are still open."""
        for left in self._waiting:
            self._recorder.start(left.proposal, left.run_id)
            if ending == "timeout":
                reason = f"{left.note}; the study's timeout was over before it began again"
                self._endings.tell(left.proposal, TrialEnd("failed", reason))
            else:
                self._endings.leave(left.proposal, "interrupted before it began again; 'run' goes on with it")
        self._waiting.clear()
