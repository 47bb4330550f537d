"""How do a study's trials appear in TensorBoard?

>>> log = TensorBoardLog(Path("mlruns/studies/pima/tensorboard"))       # doctest: +SKIP
>>> log.epoch(7, 1, {"loss": 0.6, "val_loss": 0.5})                     # doctest: +SKIP

Then ``tensorboard --logdir mlruns/studies/pima/tensorboard`` shows a run for each trial.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tracking.event_files import end_event, params_event, record, scalars_event, version_event
from tracking.records import Scalar


class TensorBoardLog:
    """Event files under ``trial_7/``, or ``trial_7/round_2/`` where trials have several rounds.

    Training and validation stand in one chart: both are tagged ``epoch_loss``, in ``trial_7/train`` and
    ``trial_7/validation``, as Keras's own callback has it. Each event is on disk when a call returns; a trial that
    starts again replaces its files.

    Raises:
        OSError: by any method, where a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        """Make nothing yet: the folder comes with the first trial."""
        self.folder = folder
        self._begun: set[Path] = set()

    def start(self, number: int, params: Mapping[str, Scalar | None]) -> None:
        """Begin a trial, with what the HParams page shows of it; what an earlier attempt wrote is removed."""
        place = self.trial(number)
        shutil.rmtree(place, ignore_errors=True)
        self._begun = {file for file in self._begun if place not in file.parents}
        self._write(place, params_event(time.time(), place.name, params))

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float], round: int | None = None) -> None:
        """Write the metrics of an epoch (1-based), of a round (1-based) where there are several."""
        place = self.trial(number) if round is None else self.trial(number) / f"round_{round}"
        now = time.time()
        training = {f"epoch_{name}": value for name, value in metrics.items() if not name.startswith("val_")}
        judged = {f"epoch_{n.removeprefix('val_')}": value for n, value in metrics.items() if n.startswith("val_")}
        for part, values in (("train", training), ("validation", judged)):
            if values:
                self._write(place / part, scalars_event(now, epoch, values))

    def finish(self, number: int, status: Literal["success", "failure"], summary: Mapping[str, float]) -> None:
        """End a trial with its summary, which the HParams page compares."""
        place = self.trial(number)
        if summary:
            self._write(place, scalars_event(time.time(), 0, summary))
        self._write(place, end_event(time.time(), status))

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.folder / f"trial_{number}"

    def _write(self, place: Path, event: bytes) -> None:
        file = place / "events.out.tfevents.0.kerasweep"
        first = file not in self._begun
        if first:
            place.mkdir(parents=True, exist_ok=True)
            self._begun.add(file)
        with file.open("ab") as stream:
            if first and stream.tell() == 0:
                stream.write(record(version_event(time.time())))
            stream.write(record(event))
