"""Does the writer keep the order, stay bounded, tell its failures and never hang?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tracking import TrackingError
from tracking.writer import LateError, Writer


@contextmanager
def writer(
    limit: int = 100,
    setup: Callable[[], object] = lambda: None,
    tick: Callable[[], float | None] = lambda: None,
) -> Iterator[Writer]:
    made = Writer("test-writer", setup=setup, tick=tick, explain=lambda error: error, limit=limit)
    yield made
    made.stop(1.0)


def fail() -> None:
    raise TrackingError("disk: full")


def test_jobs_are_done_in_order_on_one_other_thread() -> None:
    done: list[tuple[int, int]] = []
    with writer() as jobs:
        for number in range(50):
            jobs.put(partial(lambda number: done.append((number, threading.get_ident())), number))
        assert jobs.call(lambda: len(done), 5.0) == 50
    assert [number for number, _ in done] == list(range(50))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_a_full_queue_makes_callers_wait() -> None:
    gate = threading.Event()
    with writer(limit=2) as jobs:
        jobs.put(gate.wait)
        time.sleep(0.05)  # the thread has taken that one
        jobs.put(lambda: None)
        jobs.put(lambda: None)
        with pytest.raises(LateError, match="3 entries behind"):
            jobs.put(lambda: None, timeout_seconds=0.05)
        gate.set()
        jobs.put(lambda: None, timeout_seconds=5.0)


def test_waiting_has_an_end() -> None:
    gate = threading.Event()
    with writer() as jobs:
        jobs.put(gate.wait)
        with pytest.raises(LateError):
            jobs.call(lambda: 1, 0.05)
        gate.set()


def test_a_failure_reaches_the_next_caller_and_every_later_one() -> None:
    jobs = Writer("test-writer", setup=lambda: None, tick=lambda: None, explain=lambda e: e, limit=10)
    place = jobs.put(fail)
    for attempt in (lambda: jobs.wait(place), jobs.check, lambda: jobs.put(print), lambda: jobs.call(print)):
        with pytest.raises(TrackingError, match="disk: full"):
            attempt()
    jobs.stop()  # told already: fit for a finally


def test_a_failure_nobody_has_seen_is_raised_by_stop() -> None:
    jobs = Writer("test-writer", setup=fail, tick=lambda: None, explain=lambda e: e, limit=10)
    with pytest.raises(TrackingError, match="disk: full"):
        jobs.stop()
    jobs.stop()


def test_a_failure_frees_those_who_wait_for_room() -> None:
    gate = threading.Event()

    def fail_later() -> None:
        gate.wait(5.0)
        fail()

    jobs = Writer("test-writer", setup=fail_later, tick=lambda: None, explain=lambda e: e, limit=1)
    jobs.put(lambda: None)
    threading.Timer(0.05, gate.set).start()
    with pytest.raises(TrackingError, match="disk: full"):
        jobs.put(lambda: None)


def test_a_bug_is_raised_as_it_is() -> None:
    jobs = Writer("test-writer", setup=lambda: 1 / 0, tick=lambda: None, explain=lambda e: e, limit=1)
    with pytest.raises(ZeroDivisionError):
        jobs.stop()


def test_stop_does_what_waits_and_no_more() -> None:
    done: list[int] = []
    with writer() as jobs:
        for number in range(5):
            jobs.put(partial(time.sleep, 0.01))
            jobs.put(partial(done.append, number))
        jobs.stop()
        assert done == [0, 1, 2, 3, 4]
        with pytest.raises(RuntimeError, match="closed"):
            jobs.put(lambda: None)


def test_stop_gives_up_on_a_job_that_does_not_end() -> None:
    gate = threading.Event()
    jobs = Writer("test-writer", setup=lambda: None, tick=lambda: None, explain=lambda e: e, limit=1)
    jobs.put(gate.wait)
    began = time.monotonic()
    with pytest.raises(LateError, match="1 entries behind"):
        jobs.stop(stall_seconds=0.1)
    assert time.monotonic() - began < 2.0
    gate.set()


def test_the_tick_is_called_when_it_asked_to_be() -> None:
    calls: list[float] = []

    def tick() -> float | None:
        calls.append(time.monotonic())
        return 0.02 if len(calls) < 5 else None

    with writer(tick=tick) as jobs:
        jobs.call(lambda: None, 5.0)
        time.sleep(0.3)
        assert len(calls) == 5
