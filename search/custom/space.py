"""What is the space of a model that tells its hyperparameters only while it is built?

Its dimensions are those of the training around it (batch size, class weight); the model's own come by define-by-run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from search.custom.source import ModelSource, find_source
from search.errors import ExperimentError
from spaces.catalog import Scalar
from spaces.model_config import CustomModel, ModelConfig, resolve
from spaces.space import Space

FAMILY = "custom"


@dataclass(frozen=True)
class OpenSpace(Space):
    """A space with room for what a user's model asks for."""

    source: ModelSource

    @cached_property
    def size(self) -> int | None:
        """Unknown, hence without limit."""
        return None

    @cached_property
    def has_conditions(self) -> bool:
        """A model function may ask for anything at any time."""
        return True

    def contains(self, params: Mapping[str, Scalar]) -> bool:
        """Never known."""
        return False

    @cached_property
    def fingerprint(self) -> str:
        """12 hexadecimal digits over the file's name and the dimensions around it; a mistake mended keeps it."""
        text = json.dumps([self.family, f"{self.source.path.name}:{self.source.name}", self.describe()])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def around(self) -> frozenset[str]:
        """Names that the space itself searches, which a model may not ask for."""
        return frozenset(dimension.name for dimension in self.searched)

    def config(self, params: Mapping[str, Scalar], values: Mapping[str, Scalar]) -> ModelConfig:
        """The model for the space's own parameters and the values that it was given so far."""
        custom = CustomModel(source=str(self.source), digest=self.source.digest, values=dict(values))
        return resolve(params, family=FAMILY).model_copy(update={"custom": custom})


def open_space(space: Space, model: str, folder: Path, sampler: str) -> OpenSpace:
    """Find the user's file and join it to the parsed space.

    Args:
        folder: a relative file is looked for there.
        sampler: as the experiment names it.

    Raises:
        ModelError: if the file or the function is not there.
        ExperimentError: for a grid, which needs to know the space beforehand.
    """
    if sampler == "grid":
        raise ExperimentError(
            "search.sampler: a grid lists all configs beforehand, and your own model tells its hyperparameters only "
            "while it is built; choose tpe, random or qmc"
        )
    return OpenSpace(space.family, space.dimensions, find_source(model, folder))


def trial_config(
    drawn: Mapping[str, Any], begin: Mapping[str, Any], *, family: str, params: Mapping[str, Any]
) -> ModelConfig:
    """The config of a recorded trial.

    Args:
        drawn: what Optuna recorded; params: the same with fixed values filled in.
        begin: what was noted at its start.
    """
    own = begin.get("custom")
    if own is None:
        return resolve(params, family=family)
    around = {name: value for name, value in drawn.items() if name in own["around"]}
    values = {name: value for name, value in drawn.items() if name not in own["around"]}
    custom = CustomModel(source=own["source"], digest=own["digest"], values=values)
    return resolve({**begin["fixed"], **around}, family=FAMILY).model_copy(update={"custom": custom})


def current_source(config: ModelConfig) -> tuple[ModelConfig, tuple[Path, ...], tuple[str, ...]]:
    """A recorded config with its user's file as it is now, the files to keep with the model, and what has changed.

    Raises:
        ModelError: if the file is gone, or no longer defines the function.
    """
    if config.custom is None:
        return config, (), ()
    found = find_source(config.custom.source, Path.cwd())
    if found.digest == config.custom.digest:
        return config, found.files, ()
    custom = config.custom.model_copy(update={"digest": found.digest})
    notice = f"{found.path.name} has changed since the study ({config.custom.digest}, now {found.digest})"
    return config.model_copy(update={"custom": custom}), found.files, (notice,)
