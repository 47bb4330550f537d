"""Where does a process's time go?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up wall time by kind. Of two kinds inside each other, the inner one has the time.

    Attributes:
        seconds: kind to seconds so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def time(self, kind: str) -> Iterator[None]:
        """Inside, time is of this kind."""
        self._charge()
        self._running.append(kind)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()

    def add(self, kind: str, seconds: float) -> None:
        """Add what was measured elsewhere."""
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds

    def _charge(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.add(self._running[-1], now - self._since)
        self._since = now
