"""What does a worker process do? Started by the fork server only, where it is not forked as this module's command."""

from __future__ import annotations

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
        line.send(WorkerReady(backend_versions(), imported))
        while True:
            job: Job = line.recv()
            number = job.number
            _serve(job, setup, data, kept, line)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the coordinator has gone, or wants no more
    except Exception as error:  # noqa: BLE001 - the process boundary: the coordinator shows it
        line.send(WorkerBug(number, traceback.format_exc(), mistake_in(error)))
    finally:
        _remove_scratch()


def _serve(job: Job, setup: WorkerSetup, data: WorkerData, kept: KeptLoops, line: Connection) -> None:
    from search.training.direct import MemberLost
    from search.training.trial import run_trial, score

    if isinstance(job, PictureJob):
        from search.training.look import look

        line.send(look(job, setup, data))
        return
    if not isinstance(job, TrialJob):
        line.send(score(job, setup, data))
        return
    running, owed = run_trial(job, setup, data, kept), 0  # answers that are on their way
    try:
        report = next(running)
        while True:
            line.send(report)
            owed += 1
            reply: Reply = Decision()
            while owed and (_must_wait(job, report) or line.poll()):
                answer: Reply = line.recv()
                owed -= 1
                if reply != Decision(stop=True):
                    reply = answer
            report = running.send(reply)
    except StopIteration as end:
        _end(line, end.value, owed)
    except MemberLost as error:
        _end(line, JobLost(job.number, str(error)), owed)


def _end(line: Connection, event: Event, owed: int) -> None:
    """Say how a job ended, and take the answers that are still on their way."""
    line.send(event)
    for _ in range(owed):
        line.recv()


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
