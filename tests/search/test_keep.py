"""Which model files stay on disk?"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.home import StudyFolder
from search.pictures.rows import TrialRow, TrialState
from search.study.keep import Kept, ModelShelf, OutputShelf, select
from search.study.recorder import Recorder
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


class Record:
    """Which models the record holds, in place of search.study.recorder.Recorder."""

    def __init__(self) -> None:
        self.models: dict[int, Path] = {}

    def keep_model(self, number: int, model: Path) -> None:
        self.models[number] = model

    def drop_model(self, number: int) -> None:
        del self.models[number]


def row(number: int, value: float | None, state: TrialState = "complete") -> TrialRow:
    return TrialRow(number, state, value, {}, best_epoch=1, epochs=1, seconds=1.0, parameters=1)


def save(folder: StudyFolder, number: int, size: int = 10) -> None:
    folder.models.mkdir(parents=True, exist_ok=True)
    folder.model(number).write_bytes(b"m" * size)


def shelf(folder: StudyFolder, *rows: TrialRow, count: int = 2, disk: int = 1000) -> ModelShelf:
    return ModelShelf(folder, rows, count=count, disk_bytes=disk, direction="maximize")


def files(folder: StudyFolder) -> list[str]:
    return sorted(path.name for path in folder.models.iterdir())


def test_a_better_model_pushes_the_worst_off_the_shelf_and_out_of_the_record(tmp_path: Path) -> None:
    folder, record = StudyFolder(tmp_path / "s"), Record()
    models = shelf(folder)
    for number, value in enumerate([0.5, 0.7, 0.6, 0.1]):
        save(folder, number)
        models.put(number, value, cast(Recorder, record))
    assert files(folder) == ["trial-0001.keras", "trial-0002.keras"]
    assert record.models == {1: folder.model(1), 2: folder.model(2)}
    assert models.value_to_beat() == 0.6


def test_there_is_nothing_to_beat_while_there_is_room(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    models = shelf(folder)
    assert models.value_to_beat() is None
    save(folder, 0)
    models.put(0, 0.5, cast(Recorder, Record()))
    assert models.value_to_beat() is None


def test_a_trial_that_saved_no_model_changes_nothing(tmp_path: Path) -> None:
    folder, record = StudyFolder(tmp_path / "s"), Record()
    shelf(folder).put(0, 0.9, cast(Recorder, record))
    assert record.models == {}


def test_an_earlier_runs_models_are_on_the_shelf(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    for number in (0, 1, 3):
        save(folder, number)
    # Trial 2 has no file, and trial 3 did not finish.
    models = shelf(folder, row(0, 0.4), row(1, 0.8), row(2, 0.9), row(3, None, "failed"))
    assert models.value_to_beat() == 0.4
    record = Record()
    record.models = {0: folder.model(0), 1: folder.model(1)}
    save(folder, 4)
    models.put(4, 0.6, cast(Recorder, record))
    assert sorted(record.models) == [1, 4]
    assert not folder.model(0).exists()


def save_weights(folder: StudyFolder, number: int) -> None:
    folder.models.mkdir(parents=True, exist_ok=True)
    folder.weights(number).write_bytes(b"w" * 10)


def test_weights_have_their_place_and_become_models_at_the_end(tmp_path: Path) -> None:
    folder, record = StudyFolder(tmp_path / "s"), Record()
    models = shelf(folder)
    for number, value in enumerate([0.5, 0.7, 0.6]):
        save_weights(folder, number)
        models.put(number, value, cast(Recorder, record))
    assert files(folder) == ["trial-0001.weights.npz", "trial-0002.weights.npz"]
    assert record.models == {}, "weights alone are no model to record"

    def make(model: Kept) -> bool:
        if model.number == 2:
            return False  # the disk is full
        save(folder, model.number)
        return True

    models.finish(make, cast(Recorder, record))
    assert files(folder) == ["trial-0001.keras", "trial-0002.weights.npz"]
    assert record.models == {1: folder.model(1)}
    # The next run goes on with them.
    assert [kept.path for kept in shelf(folder, row(1, 0.7), row(2, 0.6)).kept] == [folder.model(1), folder.weights(2)]


def test_a_model_that_is_made_may_leave_no_room_for_the_next(tmp_path: Path) -> None:
    folder, record = StudyFolder(tmp_path / "s"), Record()
    models = shelf(folder, disk=30)
    for number, value in enumerate([0.5, 0.7]):
        save_weights(folder, number)
        models.put(number, value, cast(Recorder, record))
    made: list[int] = []

    def make(model: Kept) -> bool:
        made.append(model.number)
        save(folder, model.number, size=25)
        return True

    models.finish(make, cast(Recorder, record))
    assert made == [1]
    assert files(folder) == ["trial-0001.keras"]


def test_weights_go_once_there_is_the_model(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    save_weights(folder, 0)
    save(folder, 0)
    assert [kept.path for kept in shelf(folder, row(0, 0.4)).kept] == [folder.model(0)]
    assert files(folder) == ["trial-0000.keras"]


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


def test_the_outputs_of_the_best_few_trials_stay(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    folder.models.mkdir(parents=True)
    earlier = [row(0, 0.4), row(1, 0.8), row(2, 0.9, "pruned"), row(3, None, "running")]
    for number in range(8):
        folder.outputs(number).write_bytes(b"o")
    outputs = OutputShelf(folder, earlier, count=2, direction="maximize")
    there = lambda: [number for number in range(8) if folder.outputs(number).exists()]  # noqa: E731
    assert there() == [0, 1, 3, 4, 5, 6, 7]
    for ended, left in [
        (row(3, None, "failed"), [0, 1, 4, 5, 6, 7]),
        (row(4, 0.3), [0, 1, 5, 6, 7]),
        (row(5, 0.5), [1, 5, 6, 7]),
        (row(6, 0.5), [1, 5, 7]),  # of equals the earlier stays
        (row(7, 0.9), [1, 7]),
    ]:
        outputs.put(ended)
        assert there() == left
