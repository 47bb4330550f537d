"""Is a study over before its total, and does a trial take longer than it may?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from search.executors.protocol import Executor
from search.experiment import SearchConfig
from search.study.observer import Observer
from search.study.running import Running
from search.study.stop import StopRequest

_PATIENCE_WITH_STOPPING_SECONDS = 4.0


class Clock:
    """Watches the study's timeout, the request to stop, and the time of each trial. It starts when it is made.

    Attributes:
        ending: how the study ends: ``timeout`` or ``interrupted``; empty while there is time.
    """

    def __init__(self, search: SearchConfig, stop: StopRequest, executor: Executor, observer: Observer) -> None:
        self._search, self._stop, self._executor, self._observer = search, stop, executor, observer
        self._deadline = time.monotonic() + search.timeout if search.timeout else None
        self._stopping_since = 0.0
        self.ending = ""

    def check(self, running: Mapping[int, Running]) -> None:
        """See what time it is: end the study if it is to end, and give up trials that do not keep to their time."""
        now = time.monotonic()
        if not self.ending:
            if self._stop.reason:
                self._begin_to_stop("interrupted", self._stop.reason)
            elif self._deadline is not None and now > self._deadline:
                self._begin_to_stop("timeout", f"the study's timeout of {self._search.timeout:g}s is over")
        elif now - self._stopping_since > _PATIENCE_WITH_STOPPING_SECONDS:
            for number in list(running):
                self._executor.cancel(number, "it did not stop in time")
        self._give_up_late(running.values(), now)

    def _begin_to_stop(self, ending: str, reason: str) -> None:
        self.ending, self._stopping_since = ending, time.monotonic()
        self._observer.stopping(reason)

    def _give_up_late(self, running: Iterable[Running], now: float) -> None:
        limit = self._search.trial_timeout
        for one in running:
            if limit is not None and now - one.began > limit and not one.gave_up:
                one.gave_up = f"over time: still training after {limit:g}s (search.trial_timeout)"
                self._executor.cancel(one.proposal.number, one.gave_up)
