"""Which arrays does a worker hold, and which of them belong to a round?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Part, PartName, join_parts
from search.messages import TrialJob, WorkerSetup

Inputs = NDArray[Any] | Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class RoundData:
    """What one round trains on and is judged by; no validation where everything is trained on."""

    train: Part
    validation: Part | None


class WorkerData:
    """The arrays of a study as one worker holds them: mapped read-only, so local workers share one copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.train = map_part(folder, "train")
        # With folds there is no such part: each round has its own.
        self.validation = map_part(folder, "validation") if _has(folder, "validation") else None

    def of_round(self, number: int, job: TrialJob, setup: WorkerSetup) -> RoundData:
        """The data of a round (1-based): all but the test part for a full job."""
        if job.full:
            return RoundData(self.joined(), None)
        if not setup.resampled:
            assert self.validation is not None, "without folds there is a validation part"
            return RoundData(self.train, self.validation)
        folder = self._folder / f"round_{number}"
        return RoundData(map_part(folder, "train"), map_part(folder, "validation"))

    def judged_by(self, number: int, setup: WorkerSetup) -> Part:
        """The rows that judge a round (1-based) of a trial that has several."""
        if setup.resampled:
            return map_part(self._folder / f"round_{number}", "validation")
        assert self.validation is not None, "without folds there is a validation part"
        return self.validation

    def joined(self) -> Part:
        """Training and validation parts as one."""
        if self.validation is None:
            return self.train
        return join_parts(self.train, self.validation)

    @property
    def has_test(self) -> bool:
        return _has(self._folder, "test")

    def sample(self) -> Inputs:
        """A few preprocessed rows, the input example of a recorded model."""
        return _map_x(self._folder, "sample")

    def test(self) -> Part:
        """The part that the search never sees."""
        return map_part(self._folder, "test")


def _has(folder: Path, part: PartName) -> bool:
    return (folder / f"y_{part}.npy").exists()


def map_part(folder: Path, part: PartName) -> Part:
    """A part of the data set, or of a round's own, that `search.study.arrays` has written."""
    return Part(_map_x(folder, part), _map(folder / f"y_{part}.npy"))


def _map_x(folder: Path, part: str) -> Inputs:
    """One array, or one for each input by its name."""
    single = folder / f"x_{part}.npy"
    if single.exists():
        return _map(single)
    files = sorted(folder.glob(f"x_{part}.*.npy"))
    return {file.name.removeprefix(f"x_{part}.").removesuffix(".npy"): _map(file) for file in files}


def _map(file: Path) -> NDArray[Any]:
    # Nobody writes there. But what is told to be read-only, NumPy would not hand over to TensorFlow without a copy.
    array: NDArray[Any] = np.load(file, mmap_mode="c", allow_pickle=False)
    return array
