"""How does a study run: what is heard of its trials, and what is said to whom?

One loop in one thread, until the study has its total or something ends it:

- the Clock (clock.py) sees whether the study is to end, or a trial is over its time;
- the Dispatcher (dispatch.py) hands trials out while there is room: the Proposer asks the study for the next one, which
  goes to the executor as a TrialJob;
- the Endings (endings.py) put into the record what has ended, now that the workers are busy again;
- the executor is heard. A report goes to the record, and to the Judge (judge.py), which tells the study and asks its
  pruner; the answer goes back to the worker. A result or a loss becomes a TrialEnd, which the Endings tell the study
  before anything else; the model of a good one goes to the ModelShelf (keep.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from statistics import fmean
from typing import Any

from optuna.trial import TrialState

from search.custom.space import OpenSpace
from search.messages import (
    Decision,
    EpochReport,
    Event,
    JobLost,
    ModelResult,
    PictureResult,
    Report,
    RoundReport,
    ScoreResult,
    Suggest,
    Suggested,
    TrialResult,
    WorkerBug,
    WorkerReady,
)
from search.pictures.rows import with_shown_curve
from search.study.clock import Clock
from search.study.dispatch import Dispatcher
from search.study.ended_trial import Packer
from search.study.endings import Endings
from search.study.final import load_ahead
from search.study.importance import kept_importances
from search.study.judge import Judge
from search.study.keep import ModelShelf, OutputShelf
from search.study.parts import Parts
from search.study.profile import Profiler
from search.study.recorder import Snapshot
from search.study.records import STUDY, StudyFacts, TrialEnd, log_params, to_rows
from search.study.running import Running
from search.study.stop import StopRequest
from search.study.store import written_together
from search.study.worker_failure import failure_of

_POLL_SECONDS = 0.2


class Coordinator:
    """Runs one study to its total. It alone writes to the study and to the record."""

    def __init__(self, parts: Parts, stop: StopRequest, profiler: Profiler) -> None:
        plan, study = parts.plan, parts.study
        self._plan, self._folder, self._study, self._profiler = plan, parts.folder, study, profiler
        self._proposer, self._executor = parts.proposer, parts.executor
        self._recorder, self._observer = parts.recorder, parts.observer
        tracking = plan.experiment.tracking
        rows = to_rows(study.get_trials(deepcopy=False))
        keep: dict[str, Any] = {"count": tracking.keep_models, "direction": plan.direction}
        self.shelf = ModelShelf(parts.folder, rows, disk_bytes=tracking.model_disk, **keep)
        self._outputs = OutputShelf(parts.folder, rows if plan.rounds > 1 else (), **keep)
        self._endings = Endings(parts)
        self._judge = Judge(plan, study, self._endings)
        self._dispatcher = Dispatcher(parts, self._endings, self.shelf, self._judge)
        self._recorded = False  # whether the study's run in the record is known
        self._heard = False  # whether workers were listened to; the first time they may still load TensorFlow
        self._clock = Clock(plan.experiment.search, stop, parts.executor, parts.observer)

    def take_over(self, run_ids: Mapping[int, str]) -> None:
        """Take up the trials that an earlier process left: go on with them, or close them.

        Args:
            run_ids: trial number to the run in the record that was left running.
        """
        self._dispatcher.take_over(run_ids)

    def run(self) -> str:
        """Run until the total is reached or something ends the study; returns how it ended."""
        events: list[Event] = []
        while True:
            with self._profiler.watch.time("storage"):
                self._take_in(events)
                self._endings.record()
            if not self._dispatcher.running:
                self._profiler.search_ended()
                return self._end()
            self.note_record()
            self._recorder.refresh(self.snapshot)
            events = self._executor.events(_POLL_SECONDS)
            if not events and not self._heard:
                load_ahead()
            self._heard = True

    def _take_in(self, events: Iterable[Event]) -> None:
        """Take in what was heard, and see that workers are busy again before the disk is waited for."""
        with written_together(self._study):
            for event in events:
                self._handle(event)
            self._clock.check(self._dispatcher.running)
            if not self._clock.ending:
                self._dispatcher.fill()

    def note_record(self) -> None:
        """Keep the id of the study's run, once it is there: its pages and its model are found without asking MLflow."""
        if self._recorded or (parent := self._recorder.parent_run(0.0)) is None:
            return
        self._recorded = True
        known = StudyFacts.of(self._study)
        if known is not None and known.parent_run != parent:
            self._study.set_user_attr(STUDY, replace(known, parent_run=parent).to_attr())

    def _end(self) -> str:
        self._dispatcher.close_waiting(self._clock.ending)
        self._endings.record()
        return self._clock.ending or ("exhausted" if self._dispatcher.is_exhausted else "complete")

    def snapshot(self) -> Snapshot:
        """What the study's pictures show at this moment."""
        trials = self._study.get_trials(deepcopy=False)
        rows, by_number = to_rows(trials), {trial.number: trial for trial in trials}
        with_curve = (row for row in rows if by_number[row.number].intermediate_values)
        shown = chain(*with_shown_curve(with_curve, self._plan.direction))
        curves = {row.number: list(by_number[row.number].intermediate_values.values()) for row in shown}
        logs = log_params(trials) if isinstance(self._plan.space, OpenSpace) else frozenset()
        pack = Packer().pack  # as a database's are not
        completed = [pack(trial) for trial in trials if trial.state == TrialState.COMPLETE]
        shares = partial(kept_importances, completed, self._plan.direction, self._folder.importances)
        return Snapshot(rows, shares, curves, logs)

    def _handle(self, event: Event) -> None:
        match event:
            case WorkerReady():
                self._on_ready(event)
            case WorkerBug():
                raise failure_of(event)
            case ModelResult() | ScoreResult() | PictureResult():
                raise AssertionError(f"nothing but training is asked for while trials run: {event}")
            case TrialResult() | JobLost():
                ended = self._dispatcher.running.pop(event.number, None)
                if ended is not None:
                    self._on_end(ended, event)
            case EpochReport() | RoundReport() | Suggest():
                running = self._dispatcher.running.get(event.number)
                if running is not None:
                    self._on_report(running, event)

    def _on_ready(self, ready: WorkerReady) -> None:
        for running in self._dispatcher.running.values():
            if not running.rounds:
                running.began = time.monotonic()  # a trial's time does not include loading TensorFlow
        self._profiler.worker_ready(ready.import_seconds)
        self._observer.worker_ready(ready.import_seconds)

    # -- reports ----------------------------------------------------------------------------------------------

    def _on_report(self, running: Running, report: Report) -> None:
        match report:
            case Suggest():
                self._on_suggest(running, report)
            case _ if self._clock.ending:
                self._executor.answer(report.number, Decision(stop=True))
            case EpochReport():
                self._on_epoch(running, report)
            case RoundReport():
                self._on_round(running, report)

    def _on_epoch(self, running: Running, report: EpochReport) -> None:
        self._dispatcher.announce(running)
        running.add(report)
        if self._plan.rounds == 1:
            self._recorder.epoch(report.number, report.epoch, report.metrics)
            self._decide(running, report.epoch, report.metrics[self._plan.objective], running.job.epochs)
        else:
            self._answer(running)
        self._observer.epoch(report)

    def _on_round(self, running: Running, report: RoundReport) -> None:
        running.values.append(report.value)
        mean = fmean(running.values)
        self._recorder.round(report, mean)
        self._decide(running, report.round, mean, self._plan.rounds)
        self._observer.round(report)

    def _decide(self, running: Running, step: int, value: float, last: int) -> None:
        """Have a step judged and answer its report, before it is written where no verdict can come of it."""
        decides = self._judge.may_stop(running, step, last)
        if not decides:
            self._answer(running)
        self._judge.judge(running, step, value, last)
        if decides:
            self._answer(running)

    def _answer(self, running: Running) -> None:
        self._executor.answer(running.proposal.number, Decision(stop=bool(running.verdict)))

    def _on_suggest(self, running: Running, asked: Suggest) -> None:
        """A user's own model asks for a hyperparameter while it is built."""
        proposal = running.proposal
        pinned = self._plan.pins[proposal.number] if proposal.number < len(self._plan.pins) else {}
        running.proposal, value = self._proposer.answered(proposal, asked, pinned)
        self._executor.answer(asked.number, Suggested(value))

    # -- ends -------------------------------------------------------------------------------------------------

    def _on_end(self, running: Running, event: TrialResult | JobLost) -> None:
        if isinstance(event, TrialResult):
            self._on_result(running, event)
        else:
            self._on_loss(running, event)

    def _on_result(self, running: Running, result: TrialResult) -> None:
        self._profiler.trial_ended(result)
        self._dispatcher.announce(running)
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
        self._tell(running, end)
        if end.outcome == "completed" and result.model is not None and result.value is not None:
            self.shelf.put(result.number, result.value, self._recorder)

    def _tell(self, running: Running, end: TrialEnd) -> None:
        row = self._endings.tell(running.proposal, end, running.rounds)
        if self._plan.rounds > 1:
            self._outputs.put(row)

    def _on_loss(self, running: Running, lost: JobLost) -> None:
        proposal, attempt = running.proposal, running.job.attempt
        if self._clock.ending:
            self._dispatcher.announce(running)
            self._interrupted(running)
        elif running.gave_up or not lost.may_retry or attempt > 1:
            self._dispatcher.announce(running)
            reason = running.gave_up or lost.reason + (", twice" if attempt > 1 else "")
            seconds = round(time.monotonic() - running.began, 3)
            end = TrialEnd("failed", reason, epochs=running.epochs, seconds=seconds, attempts=attempt)
            self._tell(running, end)
        else:
            self._observer.notice(f"trial {proposal.number}: {lost.reason}; it is tried once more")
            self._dispatcher.retry(running)

    def _interrupted(self, running: Running) -> None:
        """A trial that was cut short: over for good at a timeout, to be gone on with after Ctrl-C."""
        done = running.epochs if self._plan.rounds == 1 else len(running.values)
        reached = f"after {self._plan.step_unit} {done}"
        if self._clock.ending == "timeout":
            seconds = round(time.monotonic() - running.began, 3)
            reason = f"stopped {reached}: the study's timeout was over"
            end = TrialEnd("failed", reason, epochs=running.epochs, seconds=seconds)
            self._tell(running, end)
        else:
            self._endings.leave(running.proposal, f"interrupted {reached}; 'run' goes on with it")
