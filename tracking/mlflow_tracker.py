"""How does a study's record reach MLflow without slowing training down?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tracking.batches import EpochBuffer, Point, points
from tracking.failures import explain
from tracking.mlflow_runs import MlflowRuns
from tracking.records import STATE, STATES, BestModelRecord, Produce, RunStatus, StudyRecord, TrialRecord
from tracking.session import Session
from tracking.writer import STALL_SECONDS, LateError, Writer


class MlflowTracker:
    """A `tracking.tracker.Tracker` over MLflow: SQLite, a tracking server, any database it takes.

    All of MLflow, its import included, happens on one background thread. Calls put their work into a queue
    of `queue_limit` entries and return in microseconds; when the queue is full they wait until the thread has
    caught up, so memory stays bounded. Epochs of a trial are gathered for `batch_seconds` and sent together.
    When the record cannot be written the thread stops, and the next call (or `check`) raises TrackingError.
    """

    def __init__(
        self,
        uri: str,
        artifact_root: Path | None = None,
        *,
        batch_seconds: float = 1.0,
        queue_limit: int = 10_000,
    ) -> None:
        """Start the thread, which begins to import MLflow at once; nothing is waited for.

        Args:
            uri: tracking URI, see `tracking.urls.local_uri`.
            artifact_root: folder for the files of new studies; None is ``artifacts`` beside a local database, and
                leaves the place to a server.
        """
        self._uri = uri
        self._runs = MlflowRuns(uri, artifact_root)
        self._buffer = EpochBuffer(batch_seconds)
        self._last_epoch: dict[int, int] = {}  # the writer's, like _runs and _buffer
        self._session = Session()
        self._opened = 0  # the place of that job in the writer's queue
        self._writer = Writer(
            "kerasweep-mlflow",
            setup=self._runs.connect,
            tick=self._send_due,
            explain=partial(explain, uri=uri),
            limit=queue_limit,
        )

    @property
    def busy_seconds(self) -> float | None:
        """See `Tracker.busy_seconds`."""
        return self._writer.busy_seconds

    def open_study(self, record: StudyRecord) -> None:
        """See `Tracker.open_study`. On a new home it is done 5 to 15 s later: MLflow is imported, its database made."""
        self._opened = self._writer.put(lambda: self._runs.open_study(record))
        self._session.study = record

    def parent_run(self, timeout_seconds: float | None) -> str | None:
        """See `Tracker.parent_run`."""
        self._session.require_study()
        try:
            self._writer.wait(self._opened, timeout_seconds)
        except LateError:
            return None
        return self._runs.parent_id

    def start_trial(self, record: TrialRecord, run_id: str | None = None) -> None:
        """See `Tracker.start_trial`."""
        self._session.start(record.number)
        self._writer.put(partial(self._runs.start_trial, record, run_id, _now_ms()))

    def log_epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log_epoch`."""
        self._session.require_open(number)
        self._writer.put(partial(self._keep, number, epoch, points(metrics, _now_ms(), epoch)))

    def finish_trial(
        self,
        number: int,
        status: RunStatus,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        produce: Produce | None = None,
    ) -> None:
        """See `Tracker.finish_trial`."""
        self._session.finish(number)
        given = {STATE: STATES[status], **tags}
        self._writer.put(partial(self._finish, number, status, dict(metrics), given, produce, _now_ms()))

    def log_study_files(self, produce: Produce) -> None:
        """See `Tracker.log_study_files`."""
        self._put_files(lambda: self._runs.log_files(self._runs.parent_id, produce))

    def log_trial_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.log_trial_files`."""
        self._put_files(lambda: self._runs.log_trial_files(number, produce))

    def put_model_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.put_model_files`."""
        self._put_files(lambda: self._runs.put_model_files(number, produce))

    def drop_model_files(self, number: int) -> None:
        """See `Tracker.drop_model_files`."""
        self._put_files(lambda: self._runs.drop_model_files(number))

    def log_best_model(self, export: BestModelRecord) -> None:
        """See `Tracker.log_best_model`."""
        self._put_files(lambda: self._runs.log_best_model(export))

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """See `Tracker.run_id`."""
        try:
            return self._writer.call(lambda: self._runs.find(number), timeout_seconds)
        except LateError:
            return None

    def reconcile(self, states: Mapping[int, tuple[RunStatus, str]]) -> Mapping[int, str]:
        """See `Tracker.reconcile`."""
        self._session.require_study()
        return self._writer.call(lambda: self._runs.reconcile(states, _now_ms()))

    def flush(self, timeout_seconds: float) -> None:
        """See `Tracker.flush`."""
        self._writer.call(self._send_all, timeout_seconds)

    def close(self, status: RunStatus) -> None:
        """See `Tracker.close`. Gives up when the writer is stuck in one job for a minute.

        Raises:
            TrackingError: what was left could not be written. A failure that an earlier call has raised is
                not raised again, so that `close` may stand in a ``finally``.
        """
        if self._session.closed:
            return
        self._session.closed = True
        try:
            if self._session.study is not None and not self._writer.failure_told:
                self._writer.put(partial(self._end_study, status, _now_ms()), STALL_SECONDS)
        finally:
            self._writer.stop()

    def check(self) -> None:
        """See `Tracker.check`."""
        self._writer.check()

    def _put_files(self, job: Callable[[], None]) -> None:
        self._session.require_study()
        self._writer.put(partial(self._after_epochs, job))

    # All below runs on the writer's thread.

    def _after_epochs(self, job: Callable[[], None]) -> None:
        self._send_all()  # a slow job must not keep back what is there to be seen
        job()

    def _keep(self, number: int, epoch: int, of_epoch: list[Point]) -> None:
        self._last_epoch[number] = epoch
        self._buffer.add(number, of_epoch, time.monotonic())

    def _send_due(self) -> float | None:
        for number in self._buffer.due(time.monotonic()):
            self._runs.send(number, self._buffer.take(number))
        return self._buffer.pause(time.monotonic())

    def _send_all(self) -> None:
        for number in self._buffer.waiting():
            self._runs.send(number, self._buffer.take(number))

    def _finish(
        self,
        number: int,
        status: RunStatus,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        produce: Produce | None,
        time_ms: int,
    ) -> None:
        # At the last epoch: of values with one name, MLflow shows the one of the latest step.
        summary = points(metrics, time_ms, self._last_epoch.pop(number, 0))
        self._runs.send(number, [*self._buffer.take(number), *summary], tags)
        if produce is not None:
            self._after_epochs(partial(self._runs.log_trial_files, number, produce))
        # The status comes last: who sees a finished run finds all of it.
        self._runs.end_trial(number, status, time_ms)

    def _end_study(self, status: RunStatus, time_ms: int) -> None:
        self._send_all()
        self._runs.end_study(status, time_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
