"""What exactly will a study do, once the experiment has met its data?"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.errors import ExperimentError, StudyError
from search.experiment import Experiment
from search.messages import WorkerSetup
from search.units import format_bytes
from spaces import Params, Space
from spaces.errors import SpaceError
from spaces.metrics import DEFAULT_OBJECTIVE, Direction, check_objective, direction_of, metrics_for
from tracking import redact_url

if TYPE_CHECKING:
    from search.data.dataset import Dataset


@dataclass(frozen=True)
class Plan:
    """An experiment with everything settled that the data decides.

    Attributes:
        place: the experiment file (or what stands for it), which opens error messages.
        folder: relative sources are resolved against it.
        pins: parameters to start with, in order.
        notices: what the user should know before the study runs.
    """

    experiment: Experiment
    place: str
    folder: Path
    space: Space
    pins: tuple[Params, ...]
    dataset: Dataset
    metrics: tuple[str, ...]
    objective: str
    direction: Direction
    notices: tuple[str, ...]

    @property
    def training_fingerprint(self) -> str:
        """12 hexadecimal digits over what makes values comparable, beside the space and the data."""
        training = self.experiment.training
        parts = [self.objective, self.direction, training.epochs, training.early_stopping]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def resolved(self) -> dict[str, Any]:
        """The experiment as plain data, defaults and derived values filled in: a file that runs as it is.

        Passwords in URLs are blanked; they are not to be recorded.
        """
        content = self.experiment.model_dump(mode="json", exclude_none=True)
        content["data"]["source"] = absolute_source(self.experiment.data.source, self.folder)
        for section, key in (("search", "storage"), ("tracking", "uri")):
            if key in content[section]:
                content[section][key] = redact_url(content[section][key])
        content["data"]["task"] = self.dataset.spec.task
        content["objective"] = {"metric": self.objective, "direction": self.direction}
        content["training"]["metrics"] = list(self.metrics)
        space = self.space.describe()
        if self.experiment.training.batch_size is not None:
            space.pop("batch_size", None)
        content["space"] = space
        return content

    def setup(self, arrays: Path) -> WorkerSetup:
        """What the workers are told."""
        return WorkerSetup(
            arrays=arrays,
            spec=self.dataset.spec,
            metrics=self.metrics,
            objective=self.objective,
            direction=self.direction,
            target_std=self.dataset.preprocessor.target.std if self.dataset.spec.task == "regression" else None,
            threads=self.experiment.training.threads,
        )


def make_plan(experiment: Experiment, *, place: str, folder: Path) -> Plan:
    """Load the data and settle task, metrics and objective.

    Raises:
        DataError: if the data cannot be used.
        ExperimentError: if the experiment does not fit the data.
        SpaceError: never for a checked experiment.
    """
    from search.data import load_dataset

    space = experiment.build_space()
    pins, notices = experiment.pinned(space)
    dataset = load_dataset(experiment.data, seed=experiment.search.seed, folder=folder)
    task = dataset.spec.task
    try:
        named = experiment.objective.metric
        objective = DEFAULT_OBJECTIVE[task] if named == "auto" else named
        metrics = metrics_for(task, experiment.training.metrics, objective)
        check_objective(objective, metrics)
    except SpaceError as error:
        raise ExperimentError(f"{place}: {error}") from None
    direction = experiment.objective.direction or direction_of(objective)
    assert direction is not None, "an objective that is reported has a known direction"
    return Plan(
        experiment=experiment,
        place=place,
        folder=folder,
        space=space,
        pins=tuple(pins),
        dataset=dataset,
        metrics=metrics,
        objective=objective,
        direction=direction,
        notices=(*dataset.notices, *notices),
    )


def write_arrays(dataset: Dataset, folder: Path) -> None:
    """Write what workers map: ``x_train.npy``, ``y_train.npy`` and so on, and the preprocessed sample rows.

    Raises:
        StudyError: if the disk is full or the folder cannot be written.
    """
    arrays = {"x_sample": dataset.preprocessor.transform(dataset.sample)}
    for name, part in (("train", dataset.train), ("validation", dataset.validation), ("test", dataset.test)):
        if part is not None:
            arrays |= {f"x_{name}": part.x, f"y_{name}": part.y}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.npy"):
            old.unlink()
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    except OSError as error:  # NumPy's own, on a full disk, has no number
        shutil.rmtree(folder, ignore_errors=True)
        size = sum(array.nbytes for array in arrays.values())
        raise StudyError(
            f"{folder}: the prepared data cannot be written ({error.strerror or error}); "
            f"make room for {format_bytes(size)}, or choose another folder with --home"
        ) from None


def absolute_source(source: str, folder: Path) -> str:
    """A file's source as an absolute path; names such as ``sklearn:iris`` as they are."""
    path, colon, function = source.rpartition(":")
    if colon and path.endswith(".py"):
        return f"{(folder / path).resolve()}:{function}"
    candidate = folder / source
    return str(candidate.resolve()) if candidate.exists() else source
