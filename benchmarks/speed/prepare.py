"""How does a work become files: an experiment for kerasweep, and the very same arrays for its peers?"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.speed.arithmetic import operations
from benchmarks.speed.stand_ins import source_of
from benchmarks.speed.works import OURS, OURS_2, OURS_HALF, Work
from search.data.pixels import numbers_of
from search.experiment import parse_experiment
from search.study.arrays import write_arrays
from search.study.plan import make_plan

MANY = 10_000  # trials of a study that ends when its target is reached


@dataclass(frozen=True)
class Prepared:
    """A work on disk.

    Attributes:
        task: file that tells a peer what to do.
        experiments: kerasweep's files, by the contestant.
        made_up: whether the data are a stand-in.
        operations: floating-point operations of the whole work; None where how much is done is open.
    """

    task: Path
    experiments: dict[str, Path]
    made_up: bool
    operations: int | None


def experiment_content(work: Work, source: str, seed: int, contestant: str) -> dict[str, Any]:
    """The work as an experiment file's content, for one contestant of ours."""
    content: dict[str, Any] = {
        "study": work.name,
        "data": {**work.data, "source": source},
        "objective": "val_accuracy",
        "model": work.family,
        "space": dict(work.space),
        "training": {"epochs": work.epochs, "batch_size": work.batch_size, "metrics": ["accuracy"]},
        "search": {"trials": len(work.configs) or MANY, "seed": seed},
    }
    if work.kind != "target":  # a search for a target has all that a user gets
        content["start_with"] = [_pin(config, work) for config in work.configs]
        content["training"]["early_stopping"] = 0
        content["search"] |= {"pruner": "none", "workers": 2 if contestant == OURS_2 else 1}
    if contestant == OURS_HALF:
        content["training"]["threads"] = max(1, (os.cpu_count() or 1) // 2)
    if work.folds:
        content["validation"] = {"folds": work.folds}
    return content


def prepare(work: Work, folder: Path, data_folder: Path | None, seed: int) -> Prepared:
    """Write everything that the contestants of a work need into ``folder``."""
    source, made_up = source_of(str(work.data["source"]), data_folder, folder.parent / "data")
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, contestant in enumerate((OURS, OURS_HALF, OURS_2)):
        content = experiment_content(work, source, seed, contestant)
        files[contestant] = folder / f"experiment_{number}.yaml"
        files[contestant].write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    experiment = parse_experiment(experiment_content(work, source, seed, OURS), work.name)
    plan = make_plan(experiment, place=work.name, folder=folder)
    arrays = folder / "arrays"
    write_arrays(plan.dataset, arrays, experiment.validation, seed=seed)
    for file in arrays.rglob("x_*.npy"):  # peers are given what a model is given, not pixels to scale
        np.save(file, numbers_of(np.load(file)))
    spec = plan.dataset.spec
    task = {
        "arrays": str(arrays),
        "rounds": work.folds,
        "task": spec.task,
        "outputs": spec.outputs,
        "configs": [dict(config) for config in work.configs],
        "epochs": work.epochs,
        "batch_size": work.batch_size,
        "accuracy": work.accuracy,
        "seed": seed,
    }
    path = folder / "task.json"
    path.write_text(json.dumps(task, indent=1), encoding="utf-8")
    rows, shape = _rows(arrays, work.folds), spec.inputs[0].shape
    each = [operations(config, shape, spec.outputs, rows, work.epochs) for config in work.configs]
    return Prepared(path, files, made_up, sum(each) or None)


def _pin(config: Any, work: Work) -> dict[str, Any]:
    """A config as ``start_with`` takes it: without the widths of layers that it does not have."""
    return {name: value for name, value in config.items() if name in work.space and value != []}


def _rows(arrays: Path, folds: int) -> list[tuple[int, int]]:
    """Of each training, the samples that train and that validate."""
    folders = [arrays / f"round_{number}" for number in range(1, folds + 1)] or [arrays]
    return [(_length(one / "y_train.npy"), _length(one / "y_validation.npy")) for one in folders]


def _length(path: Path) -> int:
    return len(np.load(path, mmap_mode="r"))
