"""How is a model trained from its first epoch to its last, with a report and a decision after each?"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.messages import Decision, EpochReport, Outcome, TrialJob, WorkerSetup
from search.portable import score_units
from search.training.loops import EpochLoop, epoch_order
from search.training.progress import Best

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class RoundEnd:
    """How one training ended; the model holds the weights of its best epoch.

    Attributes:
        outcome: ``completed``, ``stopped`` (by a decision) or ``diverged``, then with a reason.
    """

    outcome: Outcome
    best: Best
    epochs: int
    reason: str = ""


def train_round(
    model: keras.Model, loop: EpochLoop, job: TrialJob, setup: WorkerSetup, *, samples: int, seed: int, round: int = 1
) -> Generator[EpochReport, Decision, RoundEnd]:
    """Train a built model once: a trial's only round, or one of its folds and repeats.

    Args:
        samples: rows that the loop trains on.
        seed: decides the order of the samples.
        round: 1-based.
    """
    best, weights, done = Best(), None, 0
    outcome: Outcome = "completed"
    for epoch in range(1, job.epochs + 1):
        began = time.perf_counter()
        metrics = in_units(loop.train(epoch_order(seed, epoch, samples)), setup)
        if not math.isfinite(metrics["loss"]):
            return RoundEnd("diverged", best, done, f"diverged at epoch {epoch} (loss {metrics['loss']})")
        metrics |= {f"val_{name}": value for name, value in in_units(loop.validate(), setup).items()}
        done = epoch
        if not job.full:
            value = metrics[setup.objective]
            if not math.isfinite(metrics.get("val_loss", 0.0)) or not math.isfinite(value):
                return RoundEnd("diverged", best, done, f"diverged at epoch {epoch} ({setup.objective} {value})")
            better = best.after(epoch, value, setup.direction)
            if better is not best:
                best, weights = better, model.get_weights()
        seconds = time.perf_counter() - began
        decision = yield EpochReport(job.number, epoch, metrics, seconds, resident_bytes(), round)
        if decision.stop:
            outcome = "stopped"
            break
        if not job.full and best.is_stale(epoch, job.early_stopping):
            break
    if weights is not None:
        model.set_weights(weights)
    return RoundEnd(outcome, best, done)


def in_units(metrics: Mapping[str, float], setup: WorkerSetup) -> dict[str, float]:
    """Metrics in the units of the target as the user gave it."""
    if setup.target_std is None:
        return dict(metrics)
    return {name: score_units(name, value, setup.target_std) for name, value in metrics.items()}


def resident_bytes() -> int:
    """Memory that this process holds."""
    import psutil

    return int(psutil.Process().memory_info().rss)
