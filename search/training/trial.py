"""How does one trial run, from a job to a result, with a report and a decision after every epoch?"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Part, PartName
from search.messages import Decision, EpochReport, Outcome, ScoreJob, ScoreResult, TrialJob, TrialResult, WorkerSetup
from search.training.loops import make_loop
from search.training.progress import Best, is_better
from search.training.rounds import in_units, resident_bytes, train_round
from spaces.builders import build, build_metric, loss_name

if TYPE_CHECKING:
    import keras


class WorkerData:
    """The arrays of a study as one worker holds them: mapped read-only, so local workers share one copy."""

    def __init__(self, folder: Path) -> None:
        self.train = _map_part(folder, "train")
        self.validation = _map_part(folder, "validation")
        self._folder = folder

    def joined(self) -> Part:
        """Training and validation parts as one."""
        parts = (self.train, self.validation)
        return Part(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))

    @property
    def has_test(self) -> bool:
        return (self._folder / "x_test.npy").exists()

    def sample(self) -> NDArray[np.float32]:
        """A few preprocessed rows, the input example of a recorded model."""
        return np.asarray(np.load(self._folder / "x_sample.npy", allow_pickle=False))

    def test(self) -> Part:
        """The part that the search never sees."""
        return _map_part(self._folder, "test")


def run_trial(job: TrialJob, setup: WorkerSetup, data: WorkerData) -> Generator[EpochReport, Decision, TrialResult]:
    """Train one trial. Yields a report after each epoch, expects a Decision for it, returns the result.

    Expected failures (a loss that is not finite, memory that runs out) become results; anything else is raised.
    """
    import tensorflow as tf

    started = time.perf_counter()
    progress = _Progress(job, setup, started)
    try:
        model = build(job.config, setup.spec, setup.metrics, seed=job.seed)
        progress.parameters = model.count_params()
        return (yield from _train(model, data, progress))
    except (tf.errors.ResourceExhaustedError, MemoryError):
        return progress.result("failed", "out of memory; search smaller layers or a smaller batch_size")


class _Progress:
    """What a trial has come to so far."""

    def __init__(self, job: TrialJob, setup: WorkerSetup, started: float) -> None:
        self.job, self.setup, self.started = job, setup, started
        self.best, self.epochs, self.parameters = Best(), 0, 0
        self.build_seconds = 0.0
        self.model: Path | None = None

    def result(self, outcome: Outcome, reason: str = "") -> TrialResult:
        return TrialResult(
            number=self.job.number,
            outcome=outcome,
            value=self.best.value,
            best_epoch=self.best.epoch,
            epochs=self.epochs,
            seconds=time.perf_counter() - self.started,
            build_seconds=self.build_seconds,
            parameters=self.parameters,
            reason=reason,
            model=self.model,
            memory_bytes=resident_bytes(),
        )


def _train(model: keras.Model, data: WorkerData, progress: _Progress) -> Generator[EpochReport, Decision, TrialResult]:
    job, setup = progress.job, progress.setup
    train = data.joined() if job.full else data.train
    validation = None if job.full else data.validation
    loop = make_loop(model, train, validation, job.config.batch_size, in_memory_limit(setup))
    progress.build_seconds = time.perf_counter() - progress.started
    end = yield from train_round(model, loop, job, setup, samples=len(train), seed=job.seed)
    progress.best, progress.epochs = end.best, end.epochs
    if end.outcome == "diverged":
        return progress.result("diverged", end.reason)
    if end.outcome == "completed" and _worth_saving(progress):
        assert job.save_to is not None
        try:
            save_model(model, job.save_to)
            progress.model = job.save_to
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # The result counts without its file; that the disk is full is found and told where the study is kept.
    return progress.result(end.outcome)


def score(job: ScoreJob, setup: WorkerSetup, data: WorkerData) -> ScoreResult:
    """Score a saved model on the test part, which nothing else reads, and predict the sample rows."""
    import keras

    model = keras.saving.load_model(job.model, compile=False, safe_mode=True)
    outputs = model.predict(data.sample(), verbose=0)
    metrics: dict[str, float] = {}
    if data.has_test:
        part = data.test()
        model.compile(
            loss=loss_name(setup.spec.task),
            metrics=[build_metric(name, setup.spec.task) for name in setup.metrics],
            jit_compile=False,
        )
        metrics = model.evaluate(part.x, part.y, batch_size=4096, verbose=0, return_dict=True)
    scores = in_units({name: float(value) for name, value in metrics.items()}, setup)
    return ScoreResult(job.number, scores, tuple(tuple(map(float, row)) for row in outputs))


def save_model(model: Any, path: Path) -> None:
    """Write a ``.keras`` file that is either there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        model.save(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def in_memory_limit(setup: WorkerSetup) -> int:
    """Bytes of data that may be copied to the device."""
    import psutil

    if setup.in_memory_bytes is not None:
        return setup.in_memory_bytes
    return int(psutil.virtual_memory().available // 4)


def _worth_saving(progress: _Progress) -> bool:
    job = progress.job
    if job.save_to is None:
        return False
    if job.full or job.save_if_better_than is None:
        return True
    value = progress.best.value
    return value is not None and is_better(value, job.save_if_better_than, progress.setup.direction)


def _map_part(folder: Path, part: PartName) -> Part:
    x, y = (np.load(folder / f"{axis}_{part}.npy", mmap_mode="r", allow_pickle=False) for axis in "xy")
    return Part(x, y)
