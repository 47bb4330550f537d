"""What does a study ask of whoever keeps its record?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tracking.records import BestModelRecord, Produce, RunStatus, StudyRecord, TrialRecord


class Tracker(Protocol):
    """Keeps the record of one study: a parent run, a child run per trial.

    Methods that return nothing (except `flush`, `close` and `check`) may return before the record is written,
    and may wait when the writer is far behind. What was recorded first is written first. When the record can
    no longer be written, the next call, whichever it is, raises TrackingError. Trials are known by their
    number in the study; to log to a number that was not started, or to start one that is still open, is a bug
    and raises ValueError.
    """

    @property
    def busy_seconds(self) -> float | None:
        """How long a thread of its own has worked on the record; None where there is no such thread."""

    def open_study(self, record: StudyRecord) -> None:
        """Find the study's parent run, or make it, and set it RUNNING.

        Params once recorded stay; one that differs now is kept in the tag ``kerasweep.now.<param>``.
        """

    def parent_run(self, timeout_seconds: float | None) -> str | None:
        """Tell the id of the study's parent run, waiting for it to be found or made; None if it is not by then."""

    def start_trial(self, record: TrialRecord, run_id: str | None = None) -> None:
        """Begin the trial's run; with `run_id`, go on with that run and set it RUNNING again."""

    def log_epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of an epoch (1-based, completed; NaN and infinities too), in microseconds."""

    def finish_trial(
        self,
        number: int,
        status: RunStatus,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        produce: Produce | None = None,
    ) -> None:
        """End the trial's run with its summary metrics, tags and the files that `produce` writes.

        `produce` is called once, later, on the writer's thread or in its process.
        """

    def log_study_files(self, produce: Produce) -> None:
        """Record files on the parent run; they replace earlier ones of the same name."""

    def log_trial_files(self, number: int, produce: Produce) -> None:
        """Record further files on a trial's run; they replace earlier ones of the same name.

        The trial may be over, and of an earlier session. One that never started is a bug: ValueError, which a tracker
        that writes later raises as TrackingError then.
        """

    def put_model_files(self, number: int, produce: Produce) -> None:
        """Record the trial's model files, under ``model/`` of its run, in place of earlier ones."""

    def drop_model_files(self, number: int) -> None:
        """Delete the trial's model files; fine if there are none. The trial may be of an earlier session."""

    def log_best_model(self, export: BestModelRecord) -> None:
        """Record the study's best model on the parent run, in place of the one before."""

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """Tell the id of the trial's newest run, waiting for it to be made; None if it is not by then."""

    def reconcile(self, states: Mapping[int, tuple[RunStatus, str]]) -> Mapping[int, str]:
        """Settle the runs that a killed process left RUNNING; call it after `open_study`, before any trial. It waits.

        Args:
            states: for trials that are over: final status and the reason for it (tag ``kerasweep.reason``).

        Returns:
            Trial number to run id of the RUNNING runs whose trial is not in `states`: they can be gone on
            with. Where a trial has several, the newest counts and the others are closed as FAILED.
        """

    def flush(self, timeout_seconds: float) -> None:
        """Wait until all that was recorded before is written. Raises TrackingError if that takes longer."""

    def close(self, status: RunStatus) -> None:
        """Write what is left, give the parent run its status, stop. Never hangs; a second call does nothing.

        Trials that are still open stay RUNNING, as after a kill; `reconcile` settles them.
        """

    def check(self) -> None:
        """Raise TrackingError if the record can no longer be written."""
