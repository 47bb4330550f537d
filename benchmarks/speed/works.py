"""What is measured: on which data, with which configs, against whom, and how much faster is it to be?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.speed.configs import (
    CNN_SPACE,
    DIGITS,
    FASHION,
    FONTS,
    MLP_SPACE,
    PIMA,
    TARGET_SPACE,
    Config,
)

Kind = Literal["configs", "folds", "target"]

# One worker has all cores, where that pays; two have half of them each.
OURS, OURS_HALF, OURS_2 = "kerasweep", "kerasweep, 1 worker on half the cores", "kerasweep, 2 workers"
KERAS_TUNER, SCRIPT = "KerasTuner RandomSearch", "Optuna + Keras + MLflow script"
FITS, HYPERBAND = "ten plain fits", "KerasTuner Hyperband"
UNRECORDED = frozenset({KERAS_TUNER, FITS, HYPERBAND})  # nothing of theirs goes to MLflow


@dataclass(frozen=True)
class Contest:
    """One line of the table: who is to be how much faster than whom."""

    fast: str
    slow: str
    target: float


@dataclass(frozen=True)
class Work:
    """One thing to be done by every contestant alike.

    Attributes:
        kind: ``configs`` trains each config once; ``folds`` cross-validates the first; ``target`` searches the space
            until a trial's validation accuracy reaches ``accuracy``.
        data: the experiment's section; its source is replaced by a file of the data folder, or by a stand-in.
        family: of kerasweep's models.
        accuracy, cap_seconds: of kind ``target``: where a contestant may stop, and when it must.
    """

    name: str
    title: str
    kind: Kind
    data: Mapping[str, Any]
    family: str
    space: Mapping[str, Any]
    configs: tuple[Config, ...]
    epochs: int
    batch_size: int
    contests: tuple[Contest, ...]
    folds: int = 0
    accuracy: float = 0.0
    cap_seconds: float = 3600.0

    @property
    def contestants(self) -> tuple[str, ...]:
        """Everyone who takes part, ours first."""
        return tuple(dict.fromkeys(name for one in self.contests for name in (one.fast, one.slow)))


def _against(target: float, *, shared_out: bool = False) -> tuple[Contest, ...]:
    """A search of fixed configs, with one worker against the peers and with two against one on as many cores as each.

    Args:
        shared_out: whether a lone worker uses all cores, which two are then not to be slower than.
    """
    peers = tuple(Contest(OURS, peer, target) for peer in (KERAS_TUNER, SCRIPT))
    if not shared_out:
        return (*peers, Contest(OURS_2, OURS, 1.7))
    return (*peers, Contest(OURS_2, OURS_HALF, 1.7), Contest(OURS_2, OURS, 1))


_PIMA_DATA = {"source": "pima", "target": "outcome", "test": 0, "task": "binary"}
WORKS: tuple[Work, ...] = (
    Work("pima", "Pima, 10 configs (batch 10, 60 epochs)", "configs", _PIMA_DATA, "mlp", MLP_SPACE, PIMA, 60, 10,
         _against(15)),
    Work("digits", "digits, 10 configs (batch 32, 30 epochs)", "configs", {"source": "sklearn:digits", "test": 0},
         "mlp", MLP_SPACE, DIGITS, 30, 32, _against(10)),
    Work("fashion", "Fashion-MNIST, 10 MLPs (batch 128, 3 epochs)", "configs",
         {"source": "fashion", "validation": 0.1}, "mlp", MLP_SPACE, FASHION, 3, 128, _against(4, shared_out=True)),
    Work("fonts", "fonts, 10 CNNs (batch 32, 10 epochs)", "configs", {"source": "fonts"}, "cnn", CNN_SPACE, FONTS, 10,
         32, _against(1.3, shared_out=True)),
    Work("folds", "Pima, one config in 10 folds (batch 10, 60 epochs)", "folds", _PIMA_DATA, "mlp", MLP_SPACE,
         PIMA[:1], 60, 10, (Contest(OURS, FITS, 15),), folds=10),
    Work("target", "digits, whole process until validation accuracy 0.983", "target",
         {"source": "sklearn:digits", "test": 0}, "mlp", TARGET_SPACE, (), 30, 32, (Contest(OURS, HYPERBAND, 20),),
         accuracy=0.983, cap_seconds=1200),
)  # fmt: skip


def quick(work: Work) -> Work:
    """The same in small, to see that everything runs: its figures mean nothing."""
    changed = replace(work, configs=work.configs[:2], epochs=min(2, work.epochs))
    if work.kind == "folds":
        return replace(changed, folds=2)
    return replace(changed, epochs=3, accuracy=0.5, cap_seconds=90.0) if work.kind == "target" else changed


def chosen(names: str) -> tuple[Work, ...]:
    """The works of a list such as ``pima,digits``, in the order of the table.

    Raises:
        ValueError: for a name that is none; with those that are.
    """
    asked, known = [name.strip() for name in names.split(",")], [work.name for work in WORKS]
    for name in asked:
        if name not in known:
            raise ValueError(f"--only: there is no work {name!r}; choose from {', '.join(known)}")
    return tuple(work for work in WORKS if work.name in asked)
