"""Are metrics sent together, in order, in time, within MLflow's limits?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracking.batches import METRICS_LIMIT, EpochBuffer, Point, chunks, points


def test_points_of_a_trial_are_due_half_a_second_after_the_first() -> None:
    buffer = EpochBuffer(0.5)
    assert buffer.pause(10.0) is None
    buffer.add(1, points({"loss": 1.0}, 0, 1), now=10.0)
    buffer.add(1, points({"loss": 2.0}, 0, 2), now=10.4)  # does not put the first one off
    assert buffer.due(10.4) == []
    assert buffer.pause(10.4) == 10.5 - 10.4
    assert buffer.due(10.5) == [1]
    assert [point.value for point in buffer.take(1)] == [1.0, 2.0]
    assert buffer.due(99.0) == []
    assert buffer.take(1) == []


def test_the_longest_waiting_trial_goes_first() -> None:
    buffer = EpochBuffer(0.5)
    buffer.add(7, points({"loss": 1.0}, 0, 1), now=1.0)
    buffer.add(3, points({"loss": 1.0}, 0, 1), now=2.0)
    assert buffer.due(5.0) == [7, 3]
    assert buffer.waiting() == [7, 3]
    assert buffer.pause(5.0) == 0.0


def test_a_full_request_is_due_at_once() -> None:
    buffer = EpochBuffer(0.5)
    buffer.add(0, [Point("loss", 1.0, 0, step) for step in range(METRICS_LIMIT)], now=1.0)
    assert buffer.due(1.0) == [0]


@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks_lose_nothing_and_keep_the_order(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for part in parts for item in part] == items
    assert all(1 <= len(part) <= size for part in parts)
