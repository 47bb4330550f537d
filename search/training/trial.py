"""How does one trial run, from a job to a result, with a report and a decision after every epoch?"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from search.custom.build import build_asking, build_known
from search.custom.load import saved_objects
from search.files import write_whole
from search.messages import (
    Decision,
    ModelJob,
    ModelResult,
    Outcome,
    Reply,
    Report,
    RoundReport,
    ScoreJob,
    ScoreResult,
    TrialJob,
    TrialResult,
    WorkerSetup,
)
from search.stopwatch import Stopwatch
from search.training.direct.sketch import Sketch
from search.training.kept import KeptLoops
from search.training.lean import LeanLoop
from search.training.loops import EpochLoop, loop_kind
from search.training.progress import is_better
from search.training.rounds import RoundEnd, resident_bytes, train_round
from search.training.scoring import score_part
from search.training.seeds import round_seed
from search.training.threads import out_of_memory_errors
from search.training.worker_data import RoundData, WorkerData
from spaces.builders import build

if TYPE_CHECKING:
    import keras

# A trial that took less keeps its weights alone at first: making the model's file takes 0.1 s.
_QUICK_SECONDS = 10.0


def run_trial(
    job: TrialJob, setup: WorkerSetup, data: WorkerData, kept: KeptLoops | None = None
) -> Generator[Report, Reply, TrialResult]:
    """Train one trial, in as many rounds as it has. Yields a report after each epoch and each round.

    Each report expects its reply; the result is returned. One model and one traced loop serve all rounds: between them
    the variables are set back to those of a model that was built under the round's own seed.

    Expected failures (a loss that is not finite, memory that runs out) become results; anything else is raised, also
    that a process of the trial's team was lost (`search.training.direct.team`), which is no fault of the trial.

    Args:
        kept: the graphs of earlier trials over the same data, in which this one may train, and its own is kept for the
            next; the numbers are the same with and without.
    """
    started = time.perf_counter()
    progress, kept = _Progress(job, setup, started), KeptLoops() if kept is None else kept
    try:
        own = None
        if job.config.custom is not None:
            built = yield from build_asking(job, setup, data.train)
            own = built.model
            # A generator that asks its coordinator: its waits for answers are short, and cannot be told apart.
            progress.watch.add("build", time.perf_counter() - started)
            progress.job, progress.setup, progress.shuffle = built.job, built.setup, built.shuffle
        return (yield from _train(own, data, progress, kept))
    except out_of_memory_errors():
        kept.clear()
        return progress.result("failed", "out of memory; search smaller layers or a smaller batch_size")
    finally:
        kept.release()


class _Progress:
    """What a trial has come to so far."""

    def __init__(self, job: TrialJob, setup: WorkerSetup, started: float) -> None:
        self.job, self.setup, self.started = job, setup, started
        self.rounds = 1 if job.full else setup.rounds
        self.ended: list[RoundEnd] = []
        self.epochs, self.parameters = 0, 0
        self.shuffle = True
        self.watch = Stopwatch()
        self.model: Path | None = None

    def add(self, end: RoundEnd) -> None:
        """Take in how a round ended; only one that went to its end counts, unless there is but one."""
        self.epochs += end.epochs
        if end.outcome == "completed" or self.rounds == 1:
            self.ended.append(end)

    @property
    def value(self) -> float | None:
        """The mean over the rounds of the objective at their best epochs."""
        return fmean(self.values) if self.values else None

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(end.best.value for end in self.ended if end.best.value is not None)

    @property
    def best_epoch(self) -> int | None:
        """The median of the rounds' best epochs."""
        epochs = [end.best.epoch for end in self.ended if end.best.epoch is not None]
        return math.floor(median(epochs) + 0.5) if epochs else None

    @property
    def threshold(self) -> float | None:
        """The decision threshold, of several rounds the median one; None where none is chosen."""
        chosen = [end.threshold for end in self.ended if end.threshold is not None]
        return median(chosen) if chosen else None

    def result(self, outcome: Outcome, reason: str = "") -> TrialResult:
        return TrialResult(
            number=self.job.number,
            outcome=outcome,
            value=self.value,
            best_epoch=self.best_epoch,
            epochs=self.epochs,
            seconds=time.perf_counter() - self.started,
            parameters=self.parameters,
            reason=reason,
            model=self.model,
            memory_bytes=resident_bytes(),
            values=self.values if self.rounds > 1 else (),
            threshold=self.threshold,
            spent=dict(self.watch.seconds),
        )


def _train(
    custom: keras.Model | None, data: WorkerData, progress: _Progress, kept: KeptLoops
) -> Generator[Report, Reply, TrialResult]:
    """``custom``: the model of the user's own, where the trial has one."""
    job, setup = progress.job, progress.setup
    loop: EpochLoop | None = None
    for number in range(1, progress.rounds + 1):
        own, seed = data.of_round(number, job, setup), round_seed(job.seed, number)
        with progress.watch.time("build"):
            if loop is None:
                parts, limit = (own.train, own.validation), in_memory_limit(setup)
                kind = loop_kind(job.config, setup, *parts, epochs=job.epochs, in_memory_bytes=limit)
            if job.config.custom is None:
                model = kind.new_model(job.config, setup, seed=seed)
            elif loop is None:
                model = custom
            else:
                model = build_known(job.config, setup, own.train, seed=seed)
            progress.parameters = model.count_params()
            loop = _loop_for(kind, model, loop, own, progress, kept)
        loop.watch = progress.watch
        end = yield from train_round(
            loop, job, setup, samples=len(own.train), seed=seed, round=number, shuffle=progress.shuffle
        )
        progress.add(end)
        if end.outcome != "completed":
            where = f" in round {number} of {progress.rounds}" if progress.rounds > 1 and end.reason else ""
            return progress.result(end.outcome, end.reason + where)
        if progress.rounds > 1:
            assert end.best.value is not None, "a completed round has a best epoch"
            assert end.best.epoch is not None, "a completed round has a best epoch"
            reply = yield RoundReport(job.number, number, end.best.value, end.best.epoch, end.epochs)
            if _is_stop(reply) and number < progress.rounds:
                return progress.result("stopped")
    assert loop is not None, "there is at least one round"
    with progress.watch.time("save"):
        _save(model, loop, progress)
        _save_outputs(progress)
    return progress.result("completed")


def _loop_for(
    kind: type[EpochLoop],
    model: Any,
    before: EpochLoop | None,
    own: RoundData,
    progress: _Progress,
    kept: KeptLoops,
) -> EpochLoop:
    """What trains a fresh model: the loop of the round before, one of an earlier trial, or a new one."""
    job, setup = progress.job, progress.setup
    loop: EpochLoop | None = None
    if before is not None and before.can_restart:
        loop = before
        loop.restart(model)
    elif before is None and kind is LeanLoop:
        loop = kept.find(job.config, model, epochs=job.epochs)
    if loop is not None:
        loop.set_data(own.train, own.validation)
        return loop
    loop = kind(model, job.config, own.train, own.validation, setup, epochs=job.epochs)
    kept.keep(job.config, loop)
    return loop


def _is_stop(reply: Reply) -> bool:
    assert isinstance(reply, Decision), f"a report is answered by a Decision, got {reply}"
    return reply.stop


def _save_outputs(progress: _Progress) -> None:
    """Leave what each round's model said of the rows that judged it, for pictures of the best trials."""
    file, ends = progress.job.outputs_to, progress.ended
    arrays = {f"round_{number}": end.outputs for number, end in enumerate(ends, 1) if end.outputs is not None}
    if file is None or len(arrays) < len(ends):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without it a trial only lacks some pictures; that the disk is full is found and told where the study is kept.
    with contextlib.suppress(OSError), file.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def _save(model: Any, loop: EpochLoop, progress: _Progress) -> None:
    if not _worth_saving(progress):
        return
    job = progress.job
    assert job.save_to is not None
    is_quick = time.perf_counter() - progress.started < _QUICK_SECONDS
    if isinstance(model, Sketch) and job.weights_to is not None and is_quick:
        progress.model = _unless_full(save_weights, loop.weights(), job.weights_to)
        return
    if isinstance(model, Sketch):
        model = model.make()
    if loop.model is not model:  # it was trained in an earlier trial's graph, but has its own rates and penalties
        model.set_weights(loop.weights())
    progress.model = _unless_full(save_model, model, job.save_to)


def make_model(job: ModelJob, setup: WorkerSetup) -> ModelResult:
    """Make the file of a model of which its trial saved the weights."""
    model = build(job.config, setup.spec, setup.metrics, seed=round_seed(job.seed, 1))
    with np.load(job.weights, allow_pickle=False) as arrays:
        model.set_weights(list(arrays.values()))
    return ModelResult(job.number, _unless_full(save_model, model, job.save_to))


def _unless_full(save: Callable[[Any, Path], None], what: Any, path: Path) -> Path | None:
    """Write a file; None where the disk is full: a trial's result counts without it, and the study tells."""
    try:
        save(what, path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return None
    return path


def score(job: ScoreJob, setup: WorkerSetup, data: WorkerData) -> ScoreResult:
    """Score a saved model on the test part, which nothing else reads, and predict the sample rows."""
    import keras

    own = saved_objects(setup.code)
    model = keras.saving.load_model(job.model, custom_objects=own, compile=False, safe_mode=True)
    outputs = model.predict(data.sample(), verbose=0)
    metrics: dict[str, float] = {}
    if data.has_test:
        metrics = score_part(model, data.test(), setup, job.config, job.threshold)
    return ScoreResult(job.number, metrics, tuple(tuple(map(float, row)) for row in outputs))


def save_weights(weights: list[Any], path: Path) -> None:
    """Write arrays, in their order, as an ``.npz`` file that is either there whole or not at all."""
    content = io.BytesIO()
    np.savez(content, *weights, allow_pickle=False)
    write_whole(path, content.getvalue())


def save_model(model: Any, path: Path) -> None:
    """Write a ``.keras`` file that is either there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if model.optimizer is not None and not model.optimizer.built:
        # A loop's own optimizer has trained; without variables this one's would be missed where the file is loaded.
        model.optimizer.build(model.trainable_variables)
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
    value = progress.value
    return value is not None and is_better(value, job.save_if_better_than, progress.setup.direction)
