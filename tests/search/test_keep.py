"""Which model files stay on disk?"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.study.keep import Kept, select, value_to_beat
from spaces.metrics import Direction


def kept(number: int, value: float, size: int = 10) -> Kept:
    return Kept(number, value, Path(f"trial-{number}.keras"), size)


MODELS = [kept(0, 0.5), kept(1, 0.9), kept(2, 0.7), kept(3, 0.9), kept(4, 0.1)]


@pytest.mark.parametrize(
    ("count", "disk", "direction", "numbers"),
    [
        (3, 1000, "maximize", [1, 3, 2]),  # of equals the earlier first
        (3, 1000, "minimize", [4, 0, 2]),
        (9, 1000, "maximize", [1, 3, 2, 0, 4]),
        (1, 1000, "maximize", [1]),
        (3, 20, "maximize", [1, 3]),
        (3, 29, "maximize", [1, 3]),
        (3, 30, "maximize", [1, 3, 2]),
        (3, 1, "maximize", [1]),  # the very best stays in any case
    ],
)
def test_the_best_that_fit_stay_best_first(count: int, disk: int, direction: Direction, numbers: list[int]) -> None:
    chosen = select(MODELS, count=count, disk_bytes=disk, direction=direction)
    assert [model.number for model in chosen] == numbers


def test_a_large_model_does_not_let_worse_small_ones_pass() -> None:
    models = [kept(0, 0.9, 10), kept(1, 0.8, 100), kept(2, 0.7, 10)]
    assert [m.number for m in select(models, count=3, disk_bytes=50, direction="maximize")] == [0]


def test_of_nothing_nothing_is_kept() -> None:
    assert select([], count=3, disk_bytes=100, direction="maximize") == []
    assert value_to_beat([], 3) is None


@pytest.mark.parametrize(("count", "value"), [(2, 0.7), (3, None), (1, 0.7)])
def test_a_new_model_must_beat_the_worst_kept_one_once_there_is_no_room(count: int, value: float | None) -> None:
    assert value_to_beat([kept(1, 0.9), kept(2, 0.7)], count) == value


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 50)), max_size=12),
    st.integers(1, 5),
    st.integers(1, 100),
)
def test_what_is_kept_stays_within_count_and_disk(models: list[tuple[float, int]], count: int, disk: int) -> None:
    all_models = [kept(number, value, size) for number, (value, size) in enumerate(models)]
    chosen = select(all_models, count=count, disk_bytes=disk, direction="minimize")
    assert len(chosen) <= count
    assert len(chosen) <= 1 or sum(model.size_bytes for model in chosen) <= disk
    if all_models:
        assert chosen[0].value == min(model.value for model in all_models)
    # Whatever comes in one at a time ends with the same best.
    running: list[Kept] = []
    for model in all_models:
        running = select([*running, model], count=count, disk_bytes=disk, direction="minimize")
    assert running[:1] == chosen[:1]
