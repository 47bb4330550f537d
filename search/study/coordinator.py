"""How does a study run: who trains next, what is told to whom, and when is it over?"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from statistics import fmean

import optuna
from optuna.trial import TrialState

from search.custom.pins import unasked
from search.custom.space import OpenSpace
from search.executors.protocol import Executor
from search.home import StudyFolder
from search.messages import (
    Decision,
    EpochReport,
    Event,
    JobLost,
    RoundReport,
    ScoreResult,
    Suggest,
    Suggested,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerReady,
)
from search.study.endings import Endings
from search.study.explain import explain
from search.study.importance import importances
from search.study.keep import ModelShelf, drop_outputs
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.proposals import Proposal, Proposer
from search.study.recorder import Recorder, Snapshot, run_status
from search.study.records import VERDICT, TrialEnd, log_params, to_rows, trial_end
from search.study.running import Running
from search.study.stop import StopRequest
from search.study.take_over import Left, left_behind
from search.study.worker_failure import failure_of
from tracking import RunStatus

_POLL_SECONDS = 0.2
_SWITCH_SECONDS = 0.0005
_PATIENCE_WITH_STOPPING_SECONDS = 4.0


class Coordinator:
    """Runs one study to its total. It alone writes to the study and to the record."""

    def __init__(
        self,
        plan: Plan,
        folder: StudyFolder,
        study: optuna.Study,
        proposer: Proposer,
        executor: Executor,
        recorder: Recorder,
        observer: Observer,
        stop: StopRequest,
    ) -> None:
        self._plan, self._folder, self._study = plan, folder, study
        self._proposer, self._executor, self._recorder, self._observer = proposer, executor, recorder, observer
        self._stop = stop
        self._running: dict[int, Running] = {}
        self._waiting: list[Left] = []
        self._endings = Endings(study, proposer, recorder, observer)
        tracking = plan.experiment.tracking
        self.shelf = ModelShelf(
            folder,
            to_rows(study.get_trials(deepcopy=False)),
            count=tracking.keep_models,
            disk_bytes=tracking.model_disk,
            direction=plan.direction,
        )
        self._ending = ""
        self._stopping_since = 0.0
        self._search = plan.experiment.search
        self._prunes = not isinstance(study.pruner, optuna.pruners.NopPruner)
        self._deadline = time.monotonic() + self._search.timeout if self._search.timeout else None

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

    def run(self) -> str:
        """Run until the total is reached or something ends the study; returns how it ended."""
        with _prompt_threads():
            return self._run()

    def _run(self) -> str:
        while True:
            self._check_time()
            self._fill()
            self._endings.record()
            if not self._running:
                self._close_waiting()
                return self._ending or "complete"
            for event in self._executor.events(_POLL_SECONDS):
                self._handle(event)
            self._recorder.refresh(self.snapshot)

    def snapshot(self) -> Snapshot:
        """What the study's pictures show at this moment."""
        trials = self._study.get_trials(deepcopy=False)
        curves = {trial.number: list(trial.intermediate_values.values()) for trial in trials}
        logs = log_params(trials) if isinstance(self._plan.space, OpenSpace) else frozenset()
        return Snapshot(to_rows(trials), lambda: importances(self._study), curves, logs)

    # -- handing out ------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        while not self._ending and len(self._running) < self._executor.capacity:
            if self._waiting:
                left = self._waiting.pop(0)
                self._submit(left.proposal, left.run_id)
                continue
            if self._count_begun() >= self._search.trials:
                return
            proposal = self._proposer.propose()
            if proposal is None:
                if not self._running:
                    self._ending = "exhausted"
                return
            if proposal.duplicate_of is not None:
                self._copy(proposal, proposal.duplicate_of)
            else:
                self._submit(proposal, None)

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
            save_if_better_than=None if several else self.shelf.value_to_beat(),
            outputs_to=self._folder.outputs(proposal.number) if several else None,
            attempt=attempt,
        )
        reported = self._endings.frozen(proposal).last_step or 0
        running = Running(proposal, job, time.monotonic(), reported, run_id=run_id, announced=announced)
        self._running[proposal.number] = running
        if not isinstance(self._plan.space, OpenSpace):
            self._announce(running)
        self._executor.submit(job)

    def _announce(self, running: Running) -> None:
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
        copied = replace(end, reason=reason, seconds=0.0, duplicate_of=number, run_id=None, attempts=1)
        self._endings.tell(proposal, copied)

    # -- listening --------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        match event:
            case WorkerReady():
                for running in self._running.values():
                    if not running.rounds:
                        running.began = time.monotonic()  # a trial's time does not include loading TensorFlow
                self._observer.worker_ready(event.import_seconds)
            case WorkerBug():
                raise failure_of(event)
            case EpochReport():
                if event.number in self._running:
                    self._on_epoch(self._running[event.number], event)
            case RoundReport():
                if event.number in self._running:
                    self._on_round(self._running[event.number], event)
            case Suggest():
                if event.number in self._running:
                    self._on_suggest(self._running[event.number], event)
            case TrialResult():
                if event.number in self._running:
                    self._on_result(self._running.pop(event.number), event)
            case JobLost():
                if event.number in self._running:
                    self._on_loss(self._running.pop(event.number), event)
            case ScoreResult():
                raise AssertionError("nothing is scored while trials run")
            case _:
                raise AssertionError(f"unexpected while trials run: {event}")

    def _on_epoch(self, running: Running, report: EpochReport) -> None:
        if self._ending:
            self._executor.answer(report.number, Decision(stop=True))
            return
        self._announce(running)
        running.add(report)
        if self._plan.rounds == 1:
            self._recorder.epoch(report.number, report.epoch, report.metrics)
            self._judge(running, report.epoch, report.metrics[self._plan.objective], running.job.epochs)
        self._executor.answer(report.number, Decision(stop=bool(running.verdict)))
        self._observer.epoch(report)

    def _on_round(self, running: Running, report: RoundReport) -> None:
        if self._ending:
            self._executor.answer(report.number, Decision(stop=True))
            return
        running.values.append(report.value)
        mean = fmean(running.values)
        self._recorder.round(report, mean)
        self._judge(running, report.round, mean, self._plan.rounds)
        self._executor.answer(report.number, Decision(stop=bool(running.verdict)))
        self._observer.round(report)

    def _judge(self, running: Running, step: int, value: float, last: int) -> None:
        """Report a value to the study, and ask its pruner whether the trial is worth going on with."""
        trial = running.proposal.trial
        # Report before asking: the last report becomes a pruned trial's value.
        if step > running.reported:
            trial.report(value, step)
        undecided = running.reported <= step < last
        # What a study starts with is what the rest is measured against, so it always runs to its end.
        pinned = running.proposal.number < len(self._plan.pins)
        if self._prunes and undecided and not pinned and trial.should_prune():
            running.verdict = self._explain(running.proposal, step)
            trial.set_user_attr(VERDICT, running.verdict)

    def _on_suggest(self, running: Running, asked: Suggest) -> None:
        """A user's own model asks for a hyperparameter while it is built."""
        proposal = running.proposal
        pinned = self._plan.pins[proposal.number] if proposal.number < len(self._plan.pins) else {}
        running.proposal, value = self._proposer.answered(proposal, asked, pinned)
        self._executor.answer(asked.number, Suggested(value))

    def _on_result(self, running: Running, result: TrialResult) -> None:
        self._announce(running)
        if result.outcome == "stopped" and not running.verdict:
            self._interrupted(running)
            return
        end = TrialEnd(
            result.outcome,
            running.verdict or result.reason,
            result.best_epoch,
            result.epochs,
            round(result.seconds, 4),
            result.parameters,
            attempts=running.job.attempt,
            value=result.value,
            values=result.values,
            threshold=result.threshold,
        )
        if result.outcome == "completed" and result.value is None:
            end = TrialEnd("failed", f"no epoch had a finite {self._plan.objective}", epochs=result.epochs)
        self._endings.tell(running.proposal, end, running.rounds)
        if self._plan.rounds > 1:
            count = self._plan.experiment.tracking.keep_models
            drop_outputs(self._folder, to_rows(self._study.get_trials(deepcopy=False)), count, self._plan.direction)
        if end.outcome == "completed" and result.model is not None and result.value is not None:
            self.shelf.put(result.number, result.value, self._recorder)

    def _on_loss(self, running: Running, lost: JobLost) -> None:
        proposal, attempt = running.proposal, running.job.attempt
        if self._ending:
            self._announce(running)
            self._interrupted(running)
        elif running.gave_up or not lost.may_retry or attempt > 1:
            self._announce(running)
            reason = running.gave_up or lost.reason + (", twice" if attempt > 1 else "")
            seconds = round(time.monotonic() - running.began, 3)
            end = TrialEnd("failed", reason, epochs=running.epochs, seconds=seconds, attempts=attempt)
            self._endings.tell(proposal, end, running.rounds)
        else:
            self._observer.notice(f"trial {proposal.number}: {lost.reason}; it is tried once more")
            self._submit(proposal, running.run_id, attempt=attempt + 1, announced=running.announced)

    # -- ending -----------------------------------------------------------------------------------------------

    def _check_time(self) -> None:
        now = time.monotonic()
        if not self._ending:
            if self._stop.reason:
                self._begin_to_stop("interrupted", self._stop.reason)
            elif self._deadline is not None and now > self._deadline:
                self._begin_to_stop("timeout", f"the study's timeout of {self._search.timeout:g}s is over")
        elif now - self._stopping_since > _PATIENCE_WITH_STOPPING_SECONDS:
            for number in list(self._running):
                self._executor.cancel(number, "it did not stop in time")
        limit = self._search.trial_timeout
        for number, running in self._running.items():
            if limit is not None and now - running.began > limit and not running.gave_up:
                running.gave_up = f"over time: still training after {limit:g}s (search.trial_timeout)"
                self._executor.cancel(number, running.gave_up)

    def _begin_to_stop(self, ending: str, reason: str) -> None:
        self._ending, self._stopping_since = ending, time.monotonic()
        self._observer.stopping(reason)

    def _interrupted(self, running: Running) -> None:
        """A trial that was cut short: over for good at a timeout, to be gone on with after Ctrl-C."""
        done = running.epochs if self._plan.rounds == 1 else len(running.values)
        reached = f"after {self._plan.step_unit} {done}"
        if self._ending == "timeout":
            seconds = round(time.monotonic() - running.began, 3)
            reason = f"stopped {reached}: the study's timeout was over"
            end = TrialEnd("failed", reason, epochs=running.epochs, seconds=seconds)
            self._endings.tell(running.proposal, end, running.rounds)
        else:
            self._endings.leave(running.proposal, f"interrupted {reached}; 'run' goes on with it")

    def _close_waiting(self) -> None:
        """See to the trials that were taken over and had no time to begin again: their runs are still open."""
        for left in self._waiting:
            self._recorder.start(left.proposal, left.run_id)
            if self._ending == "timeout":
                reason = f"{left.note}; the study's timeout was over before it began again"
                self._endings.tell(left.proposal, TrialEnd("failed", reason))
            else:
                self._endings.leave(left.proposal, "interrupted before it began again; 'run' goes on with it")
        self._waiting.clear()
        self._endings.record()

    def _explain(self, proposal: Proposal, step: int) -> str:
        return explain(
            self._search.pruner,
            self._study,
            self._endings.frozen(proposal),
            step,
            self._plan.direction,
            self._plan.objective,
            unit=self._plan.step_unit,
        )


@contextmanager
def _prompt_threads() -> Iterator[None]:
    """Let the coordinator have the interpreter soon after it asks, though the record's thread is drawing.

    Python hands over after 5 ms by default, and every write to disk here hands over once: a trial's bookkeeping would
    take 65 ms instead of 25.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def finished_states(study: optuna.Study) -> dict[int, tuple[RunStatus, str]]:
    """Trial number to status and reason, of those that are over."""
    rows = to_rows(study.get_trials(deepcopy=False))
    return {row.number: run_status(row) for row in rows if row.state != "running"}
