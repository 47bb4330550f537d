"""What exactly will a study do, once the experiment has met its data?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.custom.space import OpenSpace, open_space
from search.data.validation import ValidationConfig
from search.errors import ExperimentError, ModelError
from search.experiment import Experiment
from search.messages import WorkerSetup
from search.study.imbalance import check_comparable, check_decision, class_weight_of
from search.study.own_functions import digests, own_data, own_losses
from search.study.workers import thread_count
from spaces import Params, Space
from spaces.errors import SpaceError
from spaces.fits import check_fits, located
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
        functions: the user's own functions for data and losses, ``/path/file.py:name``, with the digest of their files.
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
    functions: Mapping[str, str]
    notices: tuple[str, ...]

    @property
    def training_fingerprint(self) -> str:
        """12 hexadecimal digits over what makes values comparable, beside the space and the data."""
        training = self.experiment.training
        parts: list[Any] = [self.objective, self.direction, training.epochs, training.early_stopping]
        if training.class_weight is not None or training.threshold is not None:
            parts += [str(training.class_weight), training.threshold]
        if self.experiment.validation != ValidationConfig():
            parts.append(self.experiment.validation.model_dump())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    @property
    def model_source(self) -> str:
        """The user's own model, ``/path/my_model.py:build``; empty for a family of ours."""
        return str(self.space.source) if isinstance(self.space, OpenSpace) else ""

    @property
    def model_files(self) -> tuple[Path, ...]:
        """The Python files that make up the user's own model; none for a family of ours."""
        return self.space.source.files if isinstance(self.space, OpenSpace) else ()

    @property
    def losses(self) -> tuple[str, ...]:
        """The user's own losses that trials may train with; none in the plain case."""
        return own_losses(self.space)

    @property
    def rounds(self) -> int:
        """Trainings of one trial: folds times repeats."""
        return self.experiment.validation.rounds

    @property
    def step_unit(self) -> str:
        """What the study's reports stand for: ``epoch``, or ``fold``, ``repeat`` or ``round`` where it has several."""
        return self.experiment.validation.unit if self.rounds > 1 else "epoch"

    @cached_property
    def threads(self) -> int:
        """Threads of one worker."""
        return thread_count(self.experiment, self.space, self.dataset.spec)

    def with_threads(self, threads: int) -> Plan:
        """The same with so many threads a worker."""
        training = self.experiment.training.model_copy(update={"threads": threads})
        return replace(self, experiment=self.experiment.model_copy(update={"training": training}))

    def resolved(self) -> dict[str, Any]:
        """The experiment as plain data, defaults and derived values filled in: a file that runs as it is.

        Passwords in URLs are blanked; they are not to be recorded.
        """
        content = self.experiment.model_dump(mode="json", exclude_none=True)
        for key in ("source", "prepare", "test", "validation"):
            if isinstance(content["data"].get(key), str):
                content["data"][key] = absolute_source(content["data"][key], self.folder)
        for section, key in (("search", "storage"), ("tracking", "uri")):
            if key in content[section]:
                content[section][key] = redact_url(content[section][key])
        content["model"] = self.model_source or self.experiment.model
        content["data"]["task"] = self.dataset.spec.task
        content["data"].setdefault("test", 0)  # None is no test part; left out it would be the default share
        if self.experiment.validation.folds is not None:
            content["data"].pop("validation", None)
        content["objective"] = {"metric": self.objective, "direction": self.direction}
        content["training"] |= {"metrics": list(self.metrics), "threads": self.threads}
        space = self.space.describe()
        if self.experiment.training.batch_size is not None:
            space.pop("batch_size", None)
        content["space"] = space
        content["training"].pop("loss", None)  # the space has it
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
            target_mean=self.dataset.preprocessor.target.mean,
            threads=self.threads,
            class_weight=class_weight_of(
                self.experiment.training.class_weight, self.dataset.preprocessor.target.classes
            ),
            threshold=self.experiment.training.threshold,
            rounds=self.rounds,
            resampled=self.experiment.validation.folds is not None,
            code=self.model_source,
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
    dataset = load_dataset(
        experiment.data,
        seed=experiment.search.seed,
        folder=folder,
        family=experiment.model,
        pooled=experiment.validation.folds is not None,
    )
    notices = (*notices, *_check_validation(experiment, dataset))
    task = dataset.spec.task
    try:
        space, pins = located(space, pins, folder)
        check_fits(space, dataset.spec, pins)
        if space.family == "custom":
            space = open_space(space, experiment.model, folder, experiment.search.sampler.name)
        named = experiment.objective.metric
        objective = DEFAULT_OBJECTIVE[task] if named == "auto" else named
        metrics = metrics_for(task, experiment.training.metrics, objective)
        if not isinstance(space, OpenSpace):  # which may be compiled with a metric of its own
            check_objective(objective, metrics)
        check_comparable(objective, space)
        check_decision(experiment.training.threshold, task)
        class_weight_of(experiment.training.class_weight, dataset.preprocessor.target.classes)
    except (SpaceError, ModelError, ExperimentError) as error:
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
        functions=digests((*own_data(experiment.data), *own_losses(space)), folder),
        notices=(*dataset.notices, *notices),
    )


def _check_validation(experiment: Experiment, dataset: Dataset) -> list[str]:
    """See that the data can be cut as the experiment asks; say what is not used."""
    if experiment.validation.folds is None:
        return []
    from search.data.folds import check_folds

    notices = check_folds(dataset, experiment.validation, seed=experiment.search.seed)
    if "validation" in experiment.data.model_fields_set:
        share = experiment.data.validation
        notices.append(f"data.validation ({share}) is not used: each of the folds judges in its turn")
    return notices


def absolute_source(source: str, folder: Path) -> str:
    """A file, a folder or a function's file as an absolute path; names such as ``sklearn:iris`` as they are."""
    path, colon, function = source.rpartition(":")
    if colon and path.endswith(".py"):
        return f"{(folder / Path(path).expanduser()).resolve()}:{function}"
    candidate = folder / Path(source).expanduser()
    return str(candidate.resolve()) if candidate.exists() else source
