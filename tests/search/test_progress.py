"""Which epoch of a history is the best, and when does early stopping end a trial?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.training.progress import Best, is_better
from spaces.metrics import Direction

NAN, INF = math.nan, math.inf


def best_of(history: list[float], direction: Direction) -> Best:
    best = Best()
    for epoch, value in enumerate(history, start=1):
        best = best.after(epoch, value, direction)
    return best


def epochs_trained(history: list[float], direction: Direction, patience: int) -> int:
    """After how many epochs a trial with this history ends."""
    best = Best()
    for epoch, value in enumerate(history, start=1):
        best = best.after(epoch, value, direction)
        if best.is_stale(epoch, patience):
            return epoch
    return len(history)


@pytest.mark.parametrize(
    ("value", "than", "direction", "better"),
    [
        (0.5, None, "maximize", True),
        (0.6, 0.5, "maximize", True),
        (0.5, 0.5, "maximize", False),
        (0.4, 0.5, "maximize", False),
        (0.4, 0.5, "minimize", True),
        (0.5, 0.5, "minimize", False),
        (-1.0, 0.0, "minimize", True),
        (NAN, None, "maximize", False),
        (NAN, 0.5, "minimize", False),
        (0.5, -INF, "maximize", True),
        (INF, 0.5, "minimize", False),
    ],
)
def test_better_is_strictly_better_and_never_not_a_number(
    value: float, than: float | None, direction: Direction, better: bool
) -> None:
    assert is_better(value, than, direction) == better


@pytest.mark.parametrize(
    ("history", "direction", "epoch", "value"),
    [
        ([], "maximize", None, None),
        ([0.5], "maximize", 1, 0.5),
        ([0.5, 0.7, 0.6], "maximize", 2, 0.7),
        ([0.5, 0.7, 0.6], "minimize", 1, 0.5),
        ([0.5, 0.7, 0.7, 0.7], "maximize", 2, 0.7),
        ([NAN, 0.2, NAN, 0.3], "maximize", 4, 0.3),
        ([NAN, NAN], "minimize", None, None),
        ([0.0, -0.5], "minimize", 2, -0.5),
    ],
)
def test_the_best_epoch_is_the_earliest_of_the_best(
    history: list[float], direction: Direction, epoch: int | None, value: float | None
) -> None:
    assert best_of(history, direction) == Best(epoch, value)


@pytest.mark.parametrize(
    ("history", "patience", "trained"),
    [
        ([1, 2, 3, 4], 2, 4),
        ([4, 3, 2, 1], 2, 3),
        ([1, 5, 4, 4, 4], 3, 5),
        ([1, 5, 5, 5, 6], 3, 5),  # equal is not better
        ([1, 5, 4, 6, 5, 5], 2, 6),
        ([1, 1, 1, 1], 1, 2),
        ([NAN, NAN, NAN, NAN], 3, 3),  # no best epoch at all counts from the start
        ([3, 2, 1, 1, 1], 0, 5),  # no early stopping
    ],
)
def test_a_trial_ends_when_patience_epochs_brought_nothing_better(
    history: list[float], patience: int, trained: int
) -> None:
    assert epochs_trained(history, "maximize", patience) == trained
    assert epochs_trained([-value for value in history], "minimize", patience) == trained


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_the_best_is_the_extreme_of_the_history(history: list[float]) -> None:
    best = best_of(history, "maximize")
    assert best.value == max(history)
    assert best.epoch == history.index(max(history)) + 1
    assert best_of(history, "minimize").value == min(history)
