"""What does Ctrl-C do to a study?"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from search.study.stop import StopRequest


@contextmanager
def interruptible(stop: StopRequest) -> Iterator[None]:
    """Ctrl-C (or SIGTERM) once asks for a clean end; a second one leaves at once.

    What was finished is on disk at any moment, so leaving at once loses no result either.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.reason:
            sys.stderr.write("\nkerasweep: left at once; 'run' goes on with what is unfinished\n")
            sys.stderr.flush()
            os._exit(130)  # workers notice that their coordinator is gone
        stop.reason = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
