"""How does a coordinator start worker processes, and learn how they ended?"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle

from search.executors.worker import SCRATCH_PREFIX
from tracking.child import environment, how_it_ended

# NumPy's products stay on one thread in workers. Each process that is forked would otherwise start a thread for every
# core, which at first spin for a tenth of a second: half of what a small trial takes.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Start:
    """Start a worker, whose line and log follow as handles; the answer is its process's number.

    Attributes:
        scratch: the folder for its temporary files.
        asked: when, in seconds of `time.perf_counter`, which all processes of a machine share.
    """

    scratch: str
    asked: float


@dataclass(frozen=True)
class Await:
    """Wait for a worker's end; the answer is its exit code, below zero a signal's. Until then the number is its own."""

    pid: int


class WorkerProcess:
    """A worker that a ForkServer was asked for.

    Attributes:
        line: what it says and is told; closed at the other end when it has ended.
        log: what it and its libraries print.
        scratch: the folder for its temporary files.
    """

    def __init__(self, server: ForkServer, line: Connection) -> None:
        self.line = line
        # TensorFlow's chatter is not for the terminal; the last of it explains an unexpected end.
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        # TensorFlow writes a file for each traced function, and removes it only where its process ends by itself.
        self.scratch = tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True)
        self.number: int | None = None  # its process's, as soon as the server has told it
        self.ended: str | None = None  # in words, how, once it was waited for
        self._server = server

    @property
    def pid(self) -> int | None:
        """Its process's number, which is waited for; None if the server ended before there was one."""
        if self.number is None:
            self._server.hear()
        return self.number

    @property
    def can_take_a_job(self) -> bool:
        """Whether an idle worker is still there: it says nothing, so what can be read is its end."""
        return self._server.runs and not self.line.poll()

    def kill(self) -> None:
        """End it at once."""
        # Until the server is asked to wait for it, no other process can have its number.
        if self.ended is None and self.pid is not None and self._server.runs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> str:
        """Wait until it has ended; in words, how."""
        if self.ended is None:
            self.ended = self._server.wait_for(self)
        return self.ended

    def release(self) -> None:
        """Give back what it held, once it has ended."""
        self.line.close()
        self.log.close()
        self.scratch.cleanup()


class ForkServer:
    """A process that imports what workers need, once, and starts them. They do not outlive it."""

    def __init__(self) -> None:
        self._line, theirs = Pipe()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "search.executors.fork_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # the terminal's Ctrl-C reaches the coordinator alone
            env={**_ONE_THREAD, **environment()},
        )
        theirs.close()
        self._asked: deque[WorkerProcess] = deque()  # those whose numbers are on their way
        self._workers: list[WorkerProcess] = []  # those that were not waited for yet

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def start(self) -> WorkerProcess:
        """Ask for a worker, which begins when the imports are done; its line is found closed if that cannot be."""
        ours, theirs = Pipe()
        worker = WorkerProcess(self, ours)
        self._workers.append(worker)
        with contextlib.suppress(OSError):  # then it has ended, which its workers' lines say
            self._line.send(Start(worker.scratch.name, time.perf_counter()))
            for handle in (theirs.fileno(), worker.log.fileno()):
                send_handle(self._line, handle, self._process.pid)
            self._asked.append(worker)
        theirs.close()
        return worker

    def hear(self, timeout_seconds: float | None = None) -> None:
        """Read the numbers of all workers that were asked for; without a timeout wait until the imports are done."""
        with contextlib.suppress(EOFError, OSError):
            while self._asked and self._line.poll(timeout_seconds):
                self._asked[0].number = self._line.recv()
                self._asked.popleft()

    def wait_for(self, worker: WorkerProcess) -> str:
        """Wait until a worker has ended; in words, how, or how this process has, if that came first."""
        self._workers.remove(worker)
        if worker.pid is not None:
            with contextlib.suppress(EOFError, OSError):
                self._line.send(Await(worker.pid))
                return how_it_ended(self._line.recv(), worker.log)
        return how_it_ended(self._process.wait(), self._log)

    def close(self) -> None:
        """End it and its workers at once."""
        self.hear(timeout_seconds=0)
        known = [worker for worker in self._workers if worker.number is not None]
        for worker in known:
            worker.kill()
        for worker in known:
            worker.wait()
        self._process.kill()
        for worker in list(self._workers):
            worker.wait()
        self._process.wait()
        self._line.close()
        self._log.close()
