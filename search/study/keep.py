"""Which trials' model files are worth their place on disk?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from search.home import StudyFolder
from search.pictures.rows import TrialRow, ranked
from search.study.recorder import Recorder
from spaces.metrics import Direction


@dataclass(frozen=True)
class Kept:
    """A model file of a finished trial, or its weights alone until the study ends."""

    number: int
    value: float
    path: Path
    size_bytes: int


def select(models: Iterable[Kept], *, count: int, disk_bytes: int, direction: Direction) -> list[Kept]:
    """The best ``count`` models that fit into ``disk_bytes`` together, best first; the very best stays in any case."""
    sign = -1 if direction == "maximize" else 1
    ordered = sorted(models, key=lambda model: (sign * model.value, model.number))
    kept: list[Kept] = []
    used = 0
    for model in ordered[:count]:
        if kept and used + model.size_bytes > disk_bytes:
            break
        kept.append(model)
        used += model.size_bytes
    return kept


class OutputShelf:
    """The outputs that the rounds of the best few trials left, on disk.

    Args:
        rows: the trials so far, whose files may be there from an earlier run.
    """

    def __init__(self, folder: StudyFolder, rows: Iterable[TrialRow], *, count: int, direction: Direction) -> None:
        self._folder, self._count, self._direction = folder, count, direction
        self._best: list[TrialRow] = []
        for row in rows:
            if row.state != "running":
                self.put(row)

    def put(self, row: TrialRow) -> None:
        """Take in a trial that has ended, and delete the outputs of one that is not among the best."""
        before = [*self._best, row]
        self._best = ranked(before, self._direction)[: self._count]
        for other in before:
            if other not in self._best:
                self._folder.outputs(other.number).unlink(missing_ok=True)


class ModelShelf:
    """The model files of the best few trials, on disk and in the record.

    Args:
        rows: the trials so far, whose files may be there from an earlier run.
    """

    def __init__(
        self, folder: StudyFolder, rows: Iterable[TrialRow], *, count: int, disk_bytes: int, direction: Direction
    ) -> None:
        self._folder, self._count, self._disk_bytes, self._direction = folder, count, disk_bytes, direction
        there = [kept for row in rows if row.state == "complete" and (kept := self._on_disk(row.number, row.value))]
        self._kept = self._select(there)
        for model in there:
            if model not in self._kept:  # an earlier run kept more
                model.path.unlink(missing_ok=True)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The models that are kept, best first."""
        return tuple(self._kept)

    def value_to_beat(self) -> float | None:
        """What a new trial must beat to be kept; None while there is room."""
        return self._kept[-1].value if len(self._kept) >= self._count else None

    def put(self, number: int, value: float, recorder: Recorder) -> None:
        """Take in a trial's model, and drop those that it pushes out."""
        model = self._on_disk(number, value)
        if model is None:
            return
        before = self._kept
        self._kept = self._select([*before, model])
        for other in (*before, model):
            if other not in self._kept:
                other.path.unlink(missing_ok=True)
        for other in before:
            if other not in self._kept and not self._is_weights(other):
                recorder.drop_model(other.number)
        if model in self._kept and not self._is_weights(model):
            recorder.keep_model(number, model.path)

    def finish(self, make: Callable[[Kept], bool], recorder: Recorder) -> None:
        """Have files made of the models of which there are only the weights, and record them.

        Args:
            make: makes a model's file; whether it did.
        """
        for kept in [kept for kept in self._kept if self._is_weights(kept)]:  # the best first
            # Files are larger than weights, so that the last ones may find no more room.
            if kept in self._kept and make(kept):
                self._kept.remove(kept)
                self.put(kept.number, kept.value, recorder)

    def _is_weights(self, model: Kept) -> bool:
        return model.path == self._folder.weights(model.number)

    def _select(self, models: Iterable[Kept]) -> list[Kept]:
        return select(models, count=self._count, disk_bytes=self._disk_bytes, direction=self._direction)

    def _on_disk(self, number: int, value: float | None) -> Kept | None:
        path, weights = self._folder.model(number), self._folder.weights(number)
        if path.exists():
            weights.unlink(missing_ok=True)
        else:
            path = weights
        if value is None or not path.exists():
            return None
        return Kept(number, value, path, path.stat().st_size)
