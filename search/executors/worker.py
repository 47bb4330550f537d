"""What does a worker process do? Started by the fork server only, where it is not forked as this module's command."""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import mistake_in
from search.messages import (
    Decision,
    EpochReport,
    Event,
    Job,
    JobLost,
    ModelJob,
    PictureJob,
    Reply,
    Report,
    RoundReport,
    TrialJob,
    WorkerBug,
    WorkerReady,
    WorkerSetup,
)

if TYPE_CHECKING:
    from search.training.kept import KeptLoops
    from search.training.worker_data import WorkerData

SCRATCH_PREFIX = "kerasweep-worker-"
_HOLD_SECONDS = 0.1


def main(descriptor: int, parent: int, began: float) -> None:
    """Import TensorFlow, if that is not done yet, then serve jobs until the coordinator closes the line or has gone.

    Args:
        descriptor: of the line to the coordinator; parent: the process that started this one.
        began: when this worker was asked for, in seconds of `time.perf_counter`.
    """
    # Ctrl-C belongs to the coordinator, which asks for a clean end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    line = Connection(descriptor)
    number = None
    try:
        from search.training.threads import import_backend

        import_backend()
        imported = time.perf_counter() - began
        setup: WorkerSetup = line.recv()
        from search.training.kept import KeptLoops
        from search.training.threads import backend_versions, limit_threads
        from search.training.worker_data import WorkerData

        limit_threads(setup.threads)
        data, kept = WorkerData(setup.arrays), KeptLoops()
        _say(line, WorkerReady(backend_versions(), imported))
        while True:
            job: Job = line.recv()
            number = job.number
            _serve(job, setup, data, kept, line)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the coordinator has gone, or wants no more
    except Exception as error:  # noqa: BLE001 - the process boundary: the coordinator shows it
        _say(line, WorkerBug(number, traceback.format_exc(), mistake_in(error)))
    finally:
        _remove_scratch()


def _serve(job: Job, setup: WorkerSetup, data: WorkerData, kept: KeptLoops, line: Connection) -> None:
    from search.training.direct.team import MemberLost
    from search.training.trial import make_model, run_trial, score

    if isinstance(job, PictureJob):
        from search.training.look import look

        _say(line, look(job, setup, data))
        return
    if isinstance(job, ModelJob):
        _say(line, make_model(job, setup))
        return
    if not isinstance(job, TrialJob):
        _say(line, score(job, setup, data))
        return
    running, reports = run_trial(job, setup, data, kept), _Reports(line)
    try:
        report = next(running)
        while True:
            report = running.send(reports.tell(report, waits=_must_wait(job, report)))
    except StopIteration as end:
        reports.end(end.value)
    except MemberLost as error:
        reports.end(JobLost(job.number, str(error)))


class _Reports:
    """Tells a job's reports, those that nothing waits for together: to tell each takes longer than a small epoch."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._held: list[Report] = []
        self._sent_at = -math.inf
        self._owed = 0  # answers that are on their way, one for all that was sent together

    def tell(self, report: Report, *, waits: bool) -> Reply:
        """Say it, now or soon; what was answered until now, or, where the job ``waits``, the answer."""
        self._held.append(report)
        if waits or time.monotonic() - self._sent_at >= _HOLD_SECONDS:
            self._send()
        reply: Reply = Decision()
        while self._owed and (waits or self._line.poll()):
            answer: Reply = self._line.recv()
            self._owed -= 1
            if reply != Decision(stop=True):
                reply = answer
        return reply

    def end(self, event: Event) -> None:
        """Say how the job ended, and take the answers that are still on their way."""
        _say(self._line, *self._held, event)  # nobody waits for an answer to these reports
        for _ in range(self._owed):
            self._line.recv()

    def _send(self) -> None:
        _say(self._line, *self._held)
        self._held.clear()
        self._sent_at = time.monotonic()
        self._owed += 1


def _say(line: Connection, *events: Event) -> None:
    line.send(events)


def _must_wait(job: TrialJob, report: Report) -> bool:
    """Whether the report's answer may change what comes next; else it is enough to heed it when it comes."""
    match report:
        case EpochReport():
            return job.judged == "epochs"
        case RoundReport():
            return job.judged != "nothing"
        case _:
            return True


def _die_with(parent: int) -> None:
    """End this process with its parent, which ends with the coordinator, even in the middle of a long epoch."""
    while os.getppid() == parent:
        time.sleep(0.5)
    _remove_scratch()
    os._exit(1)


def _remove_scratch() -> None:
    """Remove this worker's temporary files: its coordinator may be gone, and with it who else would."""
    scratch = Path(tempfile.gettempdir())
    if scratch.name.startswith(SCRATCH_PREFIX):  # made for this worker alone
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
