"""How is the record kept by a process of its own, which gives way to those that train?"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Literal

from tracking.child import environment, how_it_ended
from tracking.errors import TrackingError
from tracking.records import BestModelRecord, Produce, RunStatus, StudyRecord, TrialRecord
from tracking.session import Session
from tracking.writer import LateError

# What the process says: an answer, by its question's number; what failed unasked; the study's run; that it has ended.
Said = int | Literal["failed", "opened", "gone"]

_NO_QUESTION = 0

_HOLD_SECONDS = 0.3
# A study's record is begun this much later than the study. Its workers are handed their first trials just then, and two
# that find a core taken by the record have been seen to share the other one for a tenth of a second.
_DELAY_SECONDS = 0.3
_CLOSING_SECONDS = 90.0  # longer than a tracker takes to give up on a record that is stuck


class TrackerApart:
    """A `tracking.tracker.Tracker`: an `MlflowTracker` in a process of its own, at low priority.

    The record of a small trial takes as long as half of its training. Beside the training that would slow it down, and
    in the caller's process it would keep the caller waiting for the interpreter. Here it waits until a core is free.

    A call is sent and not waited for, unless it has an answer; epochs that follow fast on each other, and what a study
    begins with, are sent together, with a later call or `check`. When the process falls behind by more than a
    tracker's queue and the line between them hold, calls wait. When its caller is killed, it writes what it was told,
    and ends.
    """

    def __init__(self, uri: str, artifact_root: Path | None = None, *, ahead: Sequence[str] = ()) -> None:
        """Start the process, which begins to import MLflow at once; nothing is waited for. As for `MlflowTracker`.

        Args:
            ahead: modules that what is recorded will need, which the process imports while there is nothing to record.
        """
        self._session = Session()
        self._failure: BaseException | None = None
        self._told = False  # whether a caller has seen the failure
        self._busy_seconds: float | None = None
        self._parent: str | None = None  # the study's run, once it is there
        self._questions = _NO_QUESTION  # how many were asked
        self._held: list[Any] = []  # what was not sent yet
        self._sent_at = self._begins_at = 0.0
        self._line, theirs = Pipe()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - its last words explain an unexpected end
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tracking.recording", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # the terminal's Ctrl-C reaches the caller alone
            env=environment(),
        )
        theirs.close()
        self._send((uri, artifact_root, tuple(ahead)))

    @property
    def busy_seconds(self) -> float | None:
        """See `Tracker.busy_seconds`; as of the last answer."""
        return self._busy_seconds

    def open_study(self, record: StudyRecord) -> None:
        """See `Tracker.open_study`."""
        self._begins_at = time.monotonic() + _DELAY_SECONDS
        self._tell("open_study", record)
        self._session.study = record

    def parent_run(self, timeout_seconds: float | None) -> str | None:
        """See `Tracker.parent_run`."""
        self._session.require_study()
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._raise_failure()
        if self._held and timeout_seconds != 0:
            self._send()
        while self._parent is None:
            left = None if deadline is None else deadline - time.monotonic()
            if not self._line.poll(left if left is None else max(0.0, left)):
                return None
            self._receive()
            self._raise_failure()
        return self._parent

    def start_trial(self, record: TrialRecord, run_id: str | None = None) -> None:
        """See `Tracker.start_trial`."""
        self._session.start(record.number)
        self._tell("start_trial", record, run_id)

    def log_epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log_epoch`."""
        self._session.require_open(number)
        self._raise_known_failure()  # to look for another takes as long as all the rest of this
        self._held.append((_NO_QUESTION, "log_epoch", (number, epoch, dict(metrics))))
        self._send_held_when_due()

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
        self._tell("finish_trial", number, status, dict(metrics), dict(tags), produce)

    def log_study_files(self, produce: Produce) -> None:
        """See `Tracker.log_study_files`."""
        self._session.require_study()
        self._tell("log_study_files", produce)

    def log_trial_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.log_trial_files`."""
        self._session.require_study()
        self._tell("log_trial_files", number, produce)

    def put_model_files(self, number: int, produce: Produce) -> None:
        """See `Tracker.put_model_files`."""
        self._session.require_study()
        self._tell("put_model_files", number, produce)

    def drop_model_files(self, number: int) -> None:
        """See `Tracker.drop_model_files`."""
        self._session.require_study()
        self._tell("drop_model_files", number)

    def log_best_model(self, export: BestModelRecord) -> None:
        """See `Tracker.log_best_model`."""
        self._session.require_study()
        self._tell("log_best_model", export)

    def run_id(self, number: int, timeout_seconds: float) -> str | None:
        """See `Tracker.run_id`."""
        found: str | None = self._ask("run_id", number, timeout_seconds)
        return found

    def reconcile(self, states: Mapping[int, tuple[RunStatus, str]]) -> Mapping[int, str]:
        """See `Tracker.reconcile`."""
        self._session.require_study()
        going_on: Mapping[int, str] = self._ask("reconcile", dict(states))
        return going_on

    def flush(self, timeout_seconds: float) -> None:
        """See `Tracker.flush`."""
        self._ask("flush", timeout_seconds)

    def check(self) -> None:
        """See `Tracker.check`. Does not ask: the process says by itself when it has failed."""
        self._raise_failure()
        if not self._session.closed:
            self._send_held_when_due()

    def close(self, status: RunStatus) -> None:
        """See `Tracker.close`."""
        if self._session.closed:
            return
        self._session.closed = True
        try:
            if not self._told:
                self._ask("close", status)
        finally:
            self._line.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_CLOSING_SECONDS)
            self._process.kill()
            self._process.wait()
            self._log.close()

    def _tell(self, method: str, *arguments: Any) -> None:
        self._raise_failure()
        self._held.append((_NO_QUESTION, method, arguments))
        if time.monotonic() >= self._begins_at:
            self._send()

    def _send_held_when_due(self) -> None:
        """Send epochs that wait, at most so often: to wake the process for each takes longer than to write it down."""
        if self._held and time.monotonic() >= max(self._begins_at, self._sent_at + _HOLD_SECONDS):
            self._raise_failure()
            self._send()

    def _ask(self, method: str, *arguments: Any) -> Any:
        self._raise_failure()
        self._questions += 1
        self._send((self._questions, method, arguments))
        # An answer to an earlier question is one whose asker was interrupted.
        while (said := self._receive())[0] not in (self._questions, "gone"):
            pass
        self._raise_known_failure()  # and look for no more: with its last answer the process ends
        value = said[1]
        if isinstance(value, BaseException):
            if not isinstance(value, LateError):  # which is over when the record has caught up
                self._failure, self._told = value, True
            raise value
        return value

    def _raise_failure(self) -> None:
        """Raise what has kept the process from recording, if something has."""
        while self._failure is None and not self._line.closed and self._line.poll():
            self._receive()
        self._raise_known_failure()

    def _raise_known_failure(self) -> None:
        if self._failure is not None:
            self._told = True
            raise self._failure

    def _send(self, *messages: Any) -> None:
        """Send what is held, and these behind it."""
        messages, self._held, self._sent_at = (*self._held, *messages), [], time.monotonic()
        try:
            self._line.send(messages)
        except OSError:
            self._failure = self._gone()
            self._raise_failure()

    def _receive(self) -> tuple[Said, Any]:
        """Take in what the process says next, and what comes with it."""
        try:
            said, value, self._busy_seconds = self._line.recv()
        except (EOFError, OSError):
            self._failure = self._gone()
            return "gone", None
        if said == "failed":
            self._failure = value
        elif said == "opened":
            self._parent = value
        return said, value

    def _gone(self) -> TrackingError:
        self._line.close()
        code = self._process.wait()
        why = how_it_ended(code, self._log)
        return TrackingError(
            f"the process that keeps the record has ended ({why}); run the same command again to go on"
        )
