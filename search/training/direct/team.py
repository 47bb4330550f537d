"""How do the cores train one network together: as processes that each take a part of every batch?

Not as threads: Python lets only one of them go on between two operations of NumPy, and those are short. The others are
forked from the process that began, when the training does, and share some of its memory; they compute in NumPy alone,
as TensorFlow does not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from search.training.direct.arrays import LINE, Array, bytes_of, empty, in_memory

CAN_FORK = sys.platform == "linux"  # elsewhere libraries of the system do not take it well
_SPINS = 3000  # looks for a member that is late by less than it takes to be woken: some 0.3 ms
_PATIENCE_SECONDS = 0.2


class MemberLost(RuntimeError):
    """A process of the team has ended, or was ended, in the midst of its work."""


@dataclass(frozen=True)
class _Other:
    """A forked member, and the line on which it is told what to do."""

    pid: int
    line: Connection


class Team:
    """This process and those that it forks, as many as ``size`` in all; of one there is nothing to share.

    Attributes:
        index: which member this process is; 0 is the one that began.
    """

    def __init__(self, size: int, works: Mapping[str, Callable[..., None]]) -> None:
        """``works``: what members may be told to do, by name."""
        self.size, self.index = size, 0
        self._works, self._others = works, list[_Other]()
        self._begun_by = os.getpid()

    def empty(self, shape: int | tuple[int, ...]) -> Array:
        """A place that all members see."""
        return empty(shape) if self.size == 1 else in_memory(mmap.mmap(-1, bytes_of(shape) + LINE), shape)

    def share(self, count: int, member: int | None = None) -> slice:
        """A member's share of so many things (this one's by default), never larger than its share of more of them."""
        index = self.index if member is None else member
        each, more = divmod(count, self.size)
        start = each * index + min(index, more)
        return slice(start, start + each + (index < more))

    def run(self, work: str, *given: Any) -> None:
        """Let all members do their part of a work, and wait for the last.

        Raises:
            MemberLost: if one has ended.
        """
        if self.size > 1 and not self._others:
            self._fork()
        try:
            for other in self._others:
                other.line.send((work, given))
        except BrokenPipeError:
            self._look_for_the_dead()
        self._works[work](*given)
        self.meet()

    def meet(self) -> None:
        """Wait until all members are here; what each wrote before, all see behind it."""
        for other in range(self.size):
            if other != self.index:
                self._arrived[self.index][other].release()
        for other in range(self.size):
            if other != self.index:
                self._await(self._arrived[other][self.index])

    def close(self) -> None:
        """End the other members, wherever they are; soon after none is left.

        Nothing waits for it: the system takes 10 ms to give back the memory of a process that has TensorFlow in it.
        """
        if self._others:
            self._closed[:] = 1.0
        for other in self._others:
            other.line.close()
            threading.Thread(target=_reap, args=(other.pid,), daemon=True).start()
        self._others = []

    def _await(self, arrival: Any) -> None:
        for _ in range(_SPINS):
            if arrival.acquire(False):
                return
        while not arrival.acquire(True, _PATIENCE_SECONDS):
            if self.index == 0:
                self._look_for_the_dead()
            elif self._closed[0] or os.getppid() != self._begun_by:
                os._exit(0)

    def _look_for_the_dead(self) -> None:
        for other in self._others:
            pid, status = os.waitpid(other.pid, os.WNOHANG)
            if pid:
                self._others.remove(other)
                code = os.waitstatus_to_exitcode(status)
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise MemberLost(f"a process that trained with this one {how}")

    def _fork(self) -> None:
        context, members = multiprocessing.get_context("fork"), range(self.size)
        # Of each pair of members: how often one has arrived where it waits for the other.
        self._arrived = [[context.Semaphore(0) for _ in members] for _ in members]
        self._closed = self.empty(1)
        self._closed[:] = 0.0
        for index in range(1, self.size):
            line, told = multiprocessing.Pipe(duplex=False)
            with warnings.catch_warnings():
                # Python warns where there are threads: they do not go on in the fork, which waits for none of them.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                self._serve(index, line, [told, *(other.line for other in self._others)])
            line.close()
            self._others.append(_Other(pid, told))

    def _serve(self, index: int, line: Connection, not_ours: Sequence[Connection]) -> NoReturn:
        """Do what is told until the line ends, as it does with the process that began."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the process that began
            gc.disable()  # nothing of TensorFlow's may be taken apart in here
            for one in not_ours:
                one.close()
            self.index, self._others = index, []
            with contextlib.suppress(EOFError):
                while True:
                    work, given = line.recv()
                    self._works[work](*given)
                    self.meet()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing of the other process's may run on in here
            traceback.print_exc()
        finally:
            os._exit(code)


def _reap(pid: int) -> None:
    """Wait for a member to end, as it does soon after its line has; one that does not is ended."""
    deadline = time.monotonic() + 10 * _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
