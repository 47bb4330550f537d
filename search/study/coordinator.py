"""How does a study run: who trains next, what is told to whom, and when is it over?"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import optuna
from optuna.trial import TrialState

from search.errors import SearchError
from search.executors.protocol import Executor
from search.home import StudyFolder
from search.messages import (
    Decision,
    EpochReport,
    Event,
    JobLost,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerBug,
    WorkerReady,
)
from search.pictures.rows import TrialRow
from search.study.explain import explain
from search.study.importance import importances
from search.study.keep import ModelShelf
from search.study.observer import Observer
from search.study.plan import Plan
from search.study.proposals import Proposal, Proposer, left_running
from search.study.recorder import Recorder, Snapshot, run_status
from search.study.records import ATTEMPTS, END, RUN, VERDICT, TrialEnd, to_row, to_rows
from search.study.stop import StopRequest
from search.study.store import is_ours_to_close, quiet_optuna
from search.study.worker_failure import WorkerFailure
from tracking import RunStatus

_POLL_SECONDS = 0.2
_SWITCH_SECONDS = 0.0005
_PATIENCE_WITH_STOPPING_SECONDS = 4.0
# The record is joined to the study by its tags; the run's id on the trial is a convenience, not worth a wait.
_RUN_ID_SECONDS = 0.05
_LAST_RUN_ID_SECONDS = 10.0  # of a trial that is to go on with its run later, and no worker waits


@dataclass
class _Running:
    """A trial in training."""

    proposal: Proposal
    job: TrialJob
    began: float
    reported: int  # the last epoch that an earlier attempt reported; the same seed repeats the same values up to it
    history: list[Mapping[str, float]] = field(default_factory=list)
    verdict: str = ""
    gave_up: str = ""


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
        self._running: dict[int, _Running] = {}
        self._waiting: list[tuple[Proposal, str | None]] = []
        self._ended: list[tuple[Proposal, TrialRow, list[Mapping[str, float]]]] = []
        tracking = plan.experiment.tracking
        self._shelf = ModelShelf(
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
        """Take up the trials that an earlier process left: go on with them, or close them beyond the total.

        Args:
            run_ids: trial number to the run in the record that was left running.
        """
        shared = self._search.storage is not None
        for left in left_running(self._study):
            if not is_ours_to_close(left, shared=shared):
                continue
            run_id = run_ids.get(left.number) or left.user_attrs.get(RUN)
            proposal = self._proposer.resume(left)
            if VERDICT in left.user_attrs:
                # The verdict was written, its execution was not seen: the trial is over.
                self._recorder.start(proposal, run_id)
                epochs = len(left.intermediate_values)
                self._tell(proposal, "stopped", TrialEnd("stopped", left.user_attrs[VERDICT], epochs=epochs), [])
                continue
            attempts = [*left.user_attrs.get(ATTEMPTS, [])]
            if left.number in run_ids or not attempts:  # a run that is still open: nobody said goodbye
                attempts.append(f"interrupted after epoch {left.last_step or 0}: its coordinator ended")
                proposal.trial.set_user_attr(ATTEMPTS, attempts)
            if left.number >= self._search.trials:
                self._recorder.start(proposal, run_id)
                self._tell(proposal, "failed", TrialEnd("failed", f"{attempts[-1]}; the total is lower now"), [])
                continue
            self._observer.notice(f"trial {left.number}: {attempts[-1]}; it goes on from its start")
            self._waiting.append((proposal, run_id))

    def run(self) -> str:
        """Run until the total is reached or something ends the study; returns how it ended."""
        with _prompt_threads():
            return self._run()

    def _run(self) -> str:
        while True:
            self._check_time()
            self._fill()
            self._record_ended()
            if not self._running:
                return self._ending or "complete"
            for event in self._executor.events(_POLL_SECONDS):
                self._handle(event)
            self._recorder.refresh(self.snapshot)

    def score_best(self, best: TrialRow) -> ScoreResult:
        """Score the best model on the test part, in a worker.

        Raises:
            SearchError: if its worker dies twice.
        """
        job = ScoreJob(best.number, self._folder.model(best.number))
        for _ in range(2):
            self._executor.submit(job)
            while True:
                events = self._executor.events(_POLL_SECONDS)
                for event in events:
                    if isinstance(event, ScoreResult):
                        return event
                    if isinstance(event, WorkerBug):
                        raise WorkerFailure(event.traceback)
                if any(isinstance(event, JobLost) for event in events):
                    break
        raise SearchError(f"trial {best.number}: its model could not be scored, the worker died twice; run again")

    def snapshot(self) -> Snapshot:
        """What the study's pictures show at this moment."""
        trials = self._study.get_trials(deepcopy=False)
        curves = {trial.number: list(trial.intermediate_values.values()) for trial in trials}
        return Snapshot(to_rows(trials), lambda: importances(self._study), curves)

    def has_model(self, number: int) -> bool:
        """Whether the model file of a trial is there."""
        return self._folder.model(number).exists()

    # -- handing out ------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        while not self._ending and len(self._running) < self._executor.capacity:
            if self._waiting:
                self._submit(*self._waiting.pop(0))
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

    def _submit(self, proposal: Proposal, run_id: str | None, attempt: int = 1) -> None:
        training = self._plan.experiment.training
        job = TrialJob(
            number=proposal.number,
            config=proposal.config,
            seed=proposal.seed,
            epochs=training.epochs,
            early_stopping=training.early_stopping,
            save_to=self._folder.model(proposal.number),
            save_if_better_than=self._shelf.value_to_beat(),
            attempt=attempt,
        )
        if attempt == 1:
            self._recorder.start(proposal, run_id)
            self._observer.trial_started(proposal.number, proposal.params)
        reported = self._frozen(proposal).last_step or 0
        self._running[proposal.number] = _Running(proposal, job, time.monotonic(), reported)
        self._executor.submit(job)

    def _copy(self, proposal: Proposal, number: int) -> None:
        """Give a trial the result of the finished one with an equal config."""
        twin = next(t for t in self._study.get_trials(deepcopy=False) if t.number == number)
        end = TrialEnd(**twin.user_attrs[END])
        self._recorder.start(proposal, None)
        self._observer.trial_started(proposal.number, proposal.params)
        if end.outcome == "stopped" and twin.last_step is not None:
            proposal.trial.report(twin.intermediate_values[twin.last_step], twin.last_step)
        reason = f"same config as trial {number}, not trained again" + (f": {end.reason}" if end.reason else "")
        copied = TrialEnd(end.outcome, reason, end.best_epoch, end.epochs, 0.0, end.parameters, number, value=end.value)
        self._tell(proposal, end.outcome, copied, [])

    # -- listening --------------------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        match event:
            case WorkerReady():
                for running in self._running.values():
                    if not running.history:
                        running.began = time.monotonic()  # a trial's time does not include loading TensorFlow
                self._observer.worker_ready(event.import_seconds)
            case WorkerBug():
                raise WorkerFailure(event.traceback)
            case EpochReport():
                if event.number in self._running:
                    self._on_epoch(self._running[event.number], event)
            case TrialResult():
                if event.number in self._running:
                    self._on_result(self._running.pop(event.number), event)
            case JobLost():
                if event.number in self._running:
                    self._on_loss(self._running.pop(event.number), event)
            case ScoreResult():
                raise AssertionError("nothing is scored while trials run")

    def _on_epoch(self, running: _Running, report: EpochReport) -> None:
        if self._ending:
            self._executor.answer(report.number, Decision(stop=True))
            return
        running.history.append(report.metrics)
        # Report before asking: the last report becomes a pruned trial's value.
        if report.epoch > running.reported:
            running.proposal.trial.report(report.metrics[self._plan.objective], report.epoch)
        self._recorder.epoch(report.number, report.epoch, report.metrics)
        undecided = running.reported <= report.epoch < running.job.epochs
        # What a study starts with is what the rest is measured against, so it always runs to its end.
        pinned = report.number < len(self._plan.pins)
        if self._prunes and undecided and not pinned and running.proposal.trial.should_prune():
            running.verdict = self._explain(running.proposal, report.epoch)
            running.proposal.trial.set_user_attr(VERDICT, running.verdict)
        self._executor.answer(report.number, Decision(stop=bool(running.verdict)))
        self._observer.epoch(report)

    def _on_result(self, running: _Running, result: TrialResult) -> None:
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
        )
        if result.outcome == "completed" and result.value is None:
            end = TrialEnd("failed", f"no epoch had a finite {self._plan.objective}", epochs=result.epochs)
        self._tell(running.proposal, end.outcome, end, running.history)
        if end.outcome == "completed" and result.model is not None and result.value is not None:
            self._shelf.put(result.number, result.value, self._recorder)

    def _on_loss(self, running: _Running, lost: JobLost) -> None:
        proposal, attempt = running.proposal, running.job.attempt
        if self._ending:
            self._interrupted(running)
        elif running.gave_up or not lost.may_retry or attempt > 1:
            reason = running.gave_up or lost.reason + (", twice" if attempt > 1 else "")
            epochs, seconds = len(running.history), round(time.monotonic() - running.began, 3)
            self._tell(
                proposal,
                "failed",
                TrialEnd("failed", reason, epochs=epochs, seconds=seconds, attempts=attempt),
                running.history,
            )
        else:
            self._observer.notice(f"trial {proposal.number}: {lost.reason}; it is tried once more")
            self._submit(proposal, None, attempt=attempt + 1)

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

    def _interrupted(self, running: _Running) -> None:
        """A trial that was cut short: over for good at a timeout, to be gone on with after Ctrl-C."""
        proposal, epochs = running.proposal, len(running.history)
        if self._ending == "timeout":
            reason = f"stopped after epoch {epochs}: the study's timeout was over"
            end = TrialEnd("failed", reason, epochs=epochs, seconds=round(time.monotonic() - running.began, 3))
            self._tell(proposal, "failed", end, running.history)
            return
        reason = f"interrupted after epoch {epochs}; 'run' goes on with it"
        earlier = proposal.trial.user_attrs.get(ATTEMPTS, [])
        proposal.trial.set_user_attr(ATTEMPTS, [*earlier, reason])
        self._recorder.interrupt(proposal.number, reason)
        run_id = self._recorder.run_id(proposal.number, _LAST_RUN_ID_SECONDS)
        if run_id is not None:
            proposal.trial.set_user_attr(RUN, run_id)
        self._observer.trial_finished(to_row(self._frozen(proposal)))

    # -- telling ----------------------------------------------------------------------------------------------

    def _tell(self, proposal: Proposal, outcome: str, end: TrialEnd, history: list[Mapping[str, float]]) -> None:
        """Tell the study first, then the record: Optuna decides, MLflow follows."""
        trial = proposal.trial
        run_id = self._recorder.run_id(proposal.number, _RUN_ID_SECONDS)
        trial.set_user_attr(END, TrialEnd(**{**end.to_attr(), "run_id": run_id}).to_attr())
        with quiet_optuna():
            match outcome:
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
        if outcome != "failed" and end.duplicate_of is None:
            self._proposer.finished(proposal)
        row = to_row(self._frozen(proposal))
        self._ended.append((proposal, row, history))
        self._observer.trial_finished(row)

    def _record_ended(self) -> None:
        """Record the trials that have ended; only now, when the workers are busy again and nobody waits for it."""
        for proposal, row, history in self._ended:
            self._recorder.finish(proposal, row, history)
        self._ended.clear()

    def _explain(self, proposal: Proposal, epoch: int) -> str:
        return explain(
            self._search.pruner,
            self._study,
            self._frozen(proposal),
            epoch,
            self._plan.direction,
            self._plan.objective,
        )

    def _frozen(self, proposal: Proposal) -> optuna.trial.FrozenTrial:
        return self._study._storage.get_trial(proposal.trial._trial_id)


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
