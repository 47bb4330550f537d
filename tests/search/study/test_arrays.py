"""Prepared samples lie on disk for workers, and nobody else holds them in memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search.data import DataConfig, Dataset, load_dataset
from search.executors.simulated import SimulatedExecutor
from search.experiment import parse_experiment
from search.home import Home
from search.study import run as run_module
from search.study.arrays import on_disk, write_arrays
from search.study.observer import Silent
from search.study.run import run_study
from tracking import MemoryTracker


def table(folder: Path, **config: Any) -> Dataset:
    frame = pd.DataFrame({"a": np.arange(40.0) % 7, "note": [f"no. {i % 9}" for i in range(40)], "t": [0, 1] * 20})
    frame.to_csv(folder / "t.csv", index=False)
    return load_dataset(DataConfig(source="t.csv", target="t", **config), seed=0, folder=folder)


@pytest.mark.parametrize("config", [{"drop": ["note"]}, {"text": "note"}, {"drop": ["note"], "test": 0}])
def test_what_is_mapped_is_what_was_written(tmp_path: Path, config: dict[str, Any]) -> None:
    dataset = table(tmp_path, **config)
    write_arrays(dataset, tmp_path / "arrays")
    mapped = on_disk(dataset, tmp_path / "arrays", folds=False)
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(mapped, name), getattr(dataset, name)
        if theirs is None:
            assert ours is None
            continue
        assert ours is not None
        arrays = ours.x if isinstance(ours.x, dict) else {"": ours.x}
        expected = theirs.x if isinstance(theirs.x, dict) else {"": theirs.x}
        assert arrays.keys() == expected.keys()
        for key, array in arrays.items():
            assert isinstance(array, np.memmap)
            np.testing.assert_array_equal(array, expected[key])
        np.testing.assert_array_equal(ours.y, theirs.y)
    assert (mapped.fingerprint, mapped.rows) == (dataset.fingerprint, dataset.rows)


def test_pieces_become_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text, inputs in ((None, [""]), ("note", [".numbers", ".text"])):
        dataset = table(tmp_path, **({"drop": ["note"]} if text is None else {"text": text}))
        write_arrays(dataset, tmp_path / "whole")
        with monkeypatch.context() as small:
            small.setattr("search.data.dataset.PIECE_ROWS", 3)
            write_arrays(dataset, tmp_path / "pieces")
        for key in inputs:
            whole, pieces = ((tmp_path / folder / f"x_train{key}.npy").read_bytes() for folder in ("whole", "pieces"))
            assert pieces == whole
            assert len(np.load(tmp_path / "pieces" / f"x_train{key}.npy")) == len(dataset.train) > 3


def test_of_the_raw_rows_only_those_that_judge_are_held(tmp_path: Path) -> None:
    dataset = table(tmp_path, drop=["note"])
    write_arrays(dataset, tmp_path / "arrays")
    less = on_disk(dataset, tmp_path / "arrays", folds=False)
    for name in ("validation", "test"):
        pd.testing.assert_frame_equal(less.raw_part(name), dataset.raw_part(name))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(less.sample, dataset.sample)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="no longer held"):
        less.raw_part("train")
    assert on_disk(dataset, tmp_path / "arrays", folds=True).raw is dataset.raw, "each fold judges others of them"


def test_a_study_lets_go_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []

    def note(dataset: Dataset, *given: Any, **named: Any) -> None:
        held.extend([weakref.ref(dataset.train.x), weakref.ref(dataset.raw)])
        write_arrays(dataset, *given, **named)

    class Watch(Silent):
        def trial_started(self, number: int, params: Any) -> None:
            gc.collect()
            assert held[0]() is None, "the prepared samples are still in memory"
            assert held[1]() is None, "the raw rows are still in memory"

    monkeypatch.setattr(run_module, "write_arrays", note)
    content = {"study": "iris", "data": {"source": "sklearn:iris"}, "search": {"trials": 2}}
    run_study(
        parse_experiment(content, "iris.yaml"),
        home=Home(tmp_path),
        tracker=MemoryTracker(),
        executor=SimulatedExecutor(lambda config, seed, epoch: 0.5),
        observer=Watch(),
    )
    assert held
