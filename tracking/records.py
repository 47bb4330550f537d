"""What is recorded: which values go in for a study, a trial, its data and the best model?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RunStatus = Literal["FINISHED", "KILLED", "FAILED"]
"""How a run ended: complete, pruned, or failed (MLflow's own words)."""

Scalar = str | int | float | bool
Produce = Callable[[Path], None]
"""Writes files into the folder that it is given; every file and folder in there is then recorded.

Where a process of its own keeps the record, it must be picklable with all that it holds: a function of a module with
`functools.partial`, or an instance of a module's class.
"""

# The tags by which the record is joined to the study. Callers may add their own.
STUDY = "kerasweep.study"
KIND = "kerasweep.kind"  # "study" on the parent run, "trial" on a child
TRIAL = "kerasweep.trial"
STATE = "kerasweep.state"
REASON = "kerasweep.reason"
MODEL_URI = "kerasweep.model_uri"  # on the parent: where the best model is, as `models:/m-...`
RUNNING_STATE = "running"
STATES: Mapping[RunStatus, str] = {"FINISHED": "complete", "KILLED": "pruned", "FAILED": "failed"}
STUDY_STATES: Mapping[RunStatus, str] = {"FINISHED": "complete", "KILLED": "stopped", "FAILED": "failed"}


@dataclass(frozen=True)
class DatasetRecord:
    """The data that a run was trained on.

    Attributes:
        digest: content fingerprint; MLflow keeps the first 36 characters.
        source: path, URL or name (``sklearn:digits``).
        schema, profile: JSON texts, e.g. column types and row counts.
    """

    name: str
    digest: str
    source: str
    schema: str = "{}"
    profile: str = "{}"
    context: str = "training"


@dataclass(frozen=True)
class StudyRecord:
    """The parent run of a study; ``name`` is the MLflow experiment's name too."""

    name: str
    params: Mapping[str, Scalar] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: DatasetRecord | None = None


@dataclass(frozen=True)
class TrialRecord:
    """The run of one trial: its number in the study, its name on the page, its resolved params."""

    number: int
    name: str
    params: Mapping[str, Scalar] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BestModelRecord:
    """The winner, as files that load without kerasweep.

    Attributes:
        folder: the bundle; it becomes the model's ``data_path``.
        code: one self-contained Python file, or the folder of a package, with ``_load_pyfunc(data_path)``; its stem
            must be a module name that nothing else uses.
        input_example: a few raw rows: a frame, an array (samples, ...), or a dict of such by input name.
        output_example: what the model predicts for them.
        requirements: pip requirements, e.g. ``("tensorflow==2.21.0",)``; they are never inferred.
        metrics: the model's scores.
        name: its name in MLflow: ``runs:/<parent run>/<name>``.
        any_length: array inputs, by name ("input" for a single one), whose second axis may have any length: sequences.

    ``folder`` and ``code`` are read by the writer: leave them as they are until ``flush`` returns.
    """

    folder: Path
    code: Path
    input_example: pd.DataFrame | np.ndarray | Mapping[str, pd.DataFrame | np.ndarray]
    output_example: pd.DataFrame
    requirements: tuple[str, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    name: str = "model"
    any_length: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a code file that cannot be imported, with ValueError: the program chooses its name."""
        if self.code.suffix not in (".py", "") or not self.code.stem.isidentifier():
            raise ValueError(f"code: must be a .py file or a package named like a module, got {self.code.name!r}")
