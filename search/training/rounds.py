"""How is a model trained from its first epoch to its last, with a report and a decision after each?"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from search.messages import Decision, EpochReport, Outcome, TrialJob, WorkerSetup
from search.portable import score_units
from search.training.loops import EpochLoop, epoch_order
from search.training.progress import Best
from spaces.errors import SpaceError

if TYPE_CHECKING:
    import psutil


@dataclass(frozen=True)
class RoundEnd:
    """How one training ended; the model holds the weights of its best epoch.

    Attributes:
        outcome: ``completed``, ``stopped`` (by a decision) or ``diverged``, then with a reason.
        threshold: above which probability a sample was of the second class at the best epoch, where
            ``setup.threshold`` has it chosen; None else.
        outputs: of the validation part at the best epoch, float32 (samples, outputs); None where there are none.
    """

    outcome: Outcome
    best: Best
    epochs: int
    reason: str = ""
    threshold: float | None = None
    outputs: NDArray[Any] | None = None


def train_round(
    loop: EpochLoop,
    job: TrialJob,
    setup: WorkerSetup,
    *,
    samples: int,
    seed: int,
    round: int = 1,
    shuffle: bool = True,
) -> Generator[EpochReport, Decision, RoundEnd]:
    """Train the loop's model once: a trial's only round, or one of its folds and repeats.

    Where the optimizer averages the weights, the averages are what is validated, compared and kept; training itself
    goes on with the raw ones.

    Args:
        samples: rows that the loop trains on.
        seed: decides the order of the samples.
        round: 1-based.
        shuffle: False trains on the samples in their own order in every epoch.
    """
    best, weights, threshold, outputs, done = Best(), None, None, None, 0
    outcome: Outcome = "completed"
    for epoch in range(1, job.epochs + 1):
        began = time.perf_counter()
        order = epoch_order(seed, epoch, samples) if shuffle else np.arange(samples, dtype=np.int32)
        metrics = in_units(loop.train(order[: job.rows]), setup)
        # A train_step of the user's own need not report a loss.
        if not math.isfinite(metrics.get("loss", 0.0)):
            return RoundEnd("diverged", best, done, f"diverged at epoch {epoch} (loss {metrics['loss']})", threshold)
        done = epoch
        if not job.full:
            with loop.averaged():
                metrics |= {f"val_{name}": value for name, value in loop.validate().items()}
                value = objective_of(metrics, setup)
                if not math.isfinite(metrics.get("val_loss", 0.0)) or not math.isfinite(value):
                    reason = f"diverged at epoch {epoch} ({setup.objective} {value})"
                    return RoundEnd("diverged", best, done, reason, threshold)
                better = best.after(epoch, value, setup.direction)
                if better is not best:
                    best, weights = better, loop.weights()
                    threshold, outputs = loop.threshold, loop.outputs
        seconds = time.perf_counter() - began
        decision = yield EpochReport(job.number, epoch, metrics, seconds, resident_bytes(), round)
        if decision.stop:
            outcome = "stopped"
            break
        if not job.full and best.is_stale(epoch, job.early_stopping):
            break
    if job.full:
        with loop.averaged():
            weights = loop.weights()
    if weights is not None:
        loop.set_weights(weights)
    return RoundEnd(outcome, best, done, threshold=threshold, outputs=outputs)


def objective_of(metrics: Mapping[str, float], setup: WorkerSetup) -> float:
    """The objective among the metrics of an epoch.

    Raises:
        SpaceError: if the model does not report it, which only a user's own model can fail to.
    """
    if setup.objective not in metrics:
        raise SpaceError(f"objective: the model does not report {setup.objective!r}; it reports {', '.join(metrics)}")
    return metrics[setup.objective]


def in_units(metrics: Mapping[str, float], setup: WorkerSetup) -> dict[str, float]:
    """Metrics that Keras tracked on a standardised target, in the units of the target as the user gave it."""
    if setup.target_std is None:
        return dict(metrics)
    return {name: score_units(name, value, setup.target_std) for name, value in metrics.items()}


def resident_bytes() -> int:
    """Memory that this process holds."""
    return int(_process(os.getpid()).memory_info().rss)


@cache
def _process(number: int) -> psutil.Process:
    """The process of this number, which takes ten times as long to look up as its memory."""
    import psutil

    return psutil.Process(number)
