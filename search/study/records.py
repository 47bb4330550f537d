"""What is written on a study and on its trials, and how is it read back?

Optuna keeps values, parameters and reports. Everything else of ours is in one attribute at a trial's start and one at
its end, because each attribute is a write to disk of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import pstdev
from typing import TYPE_CHECKING, Any, Protocol

from search.pictures.rows import TrialRow, TrialState
from spaces.metrics import Direction

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

BEGIN, END, ATTEMPTS, VERDICT, RUN = (f"kerasweep.{name}" for name in ("begin", "end", "attempts", "verdict", "run"))
STUDY = "kerasweep.study"
SCORES = "kerasweep.scores"
ENDING = "kerasweep.ending"


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended, beyond what Optuna keeps.

    Attributes:
        outcome: one of search.messages.Outcome.
        duplicate_of: the finished trial with an equal config, from which the result was taken.
        values: the objective of each round (fold, repeat) where there are several; ``value`` is their mean.
        threshold: the decision threshold that was chosen on validation data, where one was.
    """

    outcome: str
    reason: str = ""
    best_epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    parameters: int = 0
    duplicate_of: int | None = None
    attempts: int = 1
    value: float | None = None
    values: tuple[float, ...] = ()
    threshold: float | None = None

    def to_attr(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class StudyFacts:
    """What a study is, fixed when it is created; a later run must agree in all but ``experiment``'s budget.

    Attributes:
        experiment: the resolved experiment, as plain data.
        space, data, training: fingerprints.
        versions: library to version; code: kerasweep's own and the version control's.
        data_summary: what `show` prints of the data.
        functions: the user's own functions for data and losses, and the digest of their files in the latest run.
    """

    experiment: Mapping[str, Any]
    objective: str
    direction: Direction
    space: str
    data: str
    training: str
    task: str
    versions: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    data_summary: str = ""
    parent_run: str | None = None
    functions: Mapping[str, str] = field(default_factory=dict)

    def to_attr(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, study: optuna.Study) -> StudyFacts | None:
        attr = study.user_attrs.get(STUDY)
        return None if attr is None else cls(**attr)


@dataclass(frozen=True)
class TrialNotes:
    """What is known of a finished trial beyond its row.

    Attributes:
        begin: what was noted at its start (its seed, its fixed params, a user's own model).
        threshold: the decision threshold that was chosen on validation data, where one was.
    """

    begin: Mapping[str, Any]
    threshold: float | None


class RecordedTrial(Protocol):
    """What is asked of Optuna's FrozenTrial, and of what is read of one without Optuna (journal_rows.py)."""

    @property
    def number(self) -> int: ...
    @property
    def state(self) -> Any: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def user_attrs(self) -> dict[str, Any]: ...
    @property
    def intermediate_values(self) -> dict[int, float]: ...
    @property
    def value(self) -> float | None: ...


_STATES: dict[str, TrialState] = {
    "completed": "complete",
    "stopped": "pruned",
    "diverged": "diverged",
    "failed": "failed",
}


def trial_end(trial: RecordedTrial) -> TrialEnd | None:
    """The end that was recorded on a trial; None while it runs."""
    attr = trial.user_attrs.get(END)
    if attr is None:
        return None
    known = {name: value for name, value in attr.items() if name != "run_id"}  # which earlier versions kept here
    return TrialEnd(**{**known, "values": tuple(attr.get("values", ()))})


def notes_of(trial: RecordedTrial) -> TrialNotes:
    """What is known of a finished trial beyond its row."""
    end = trial_end(trial)
    return TrialNotes(trial.user_attrs.get(BEGIN, {}), None if end is None else end.threshold)


def to_row(trial: RecordedTrial) -> TrialRow:
    """One trial for tables and pictures."""
    end = trial_end(trial)
    if end is None or not trial.state.is_finished():
        state: TrialState = "running" if not trial.state.is_finished() else "failed"
        epochs = len(trial.intermediate_values)
        return TrialRow(trial.number, state, None, _params(trial), None, epochs, None, None, _attempts_text(trial))
    value = trial.value if trial.state.name in ("COMPLETE", "PRUNED") else end.value
    if end.outcome == "diverged":
        value = None
    return TrialRow(
        trial.number,
        _STATES[end.outcome],
        value,
        _params(trial),
        end.best_epoch,
        end.epochs,
        end.seconds,
        end.parameters,
        end.reason,
        end.duplicate_of,
        spread_of(end.values),
        end.values,
    )


def spread_of(values: Sequence[float]) -> float | None:
    """Standard deviation over the rounds of a trial, divided by their number as NumPy does; None for a single one."""
    return pstdev(values) if len(values) > 1 else None


def to_rows(trials: Iterable[RecordedTrial]) -> list[TrialRow]:
    """All trials that have begun, by number."""
    return [to_row(trial) for trial in trials if trial.state.name != "WAITING"]


def log_params(trials: Iterable[FrozenTrial]) -> frozenset[str]:
    """Names of the params that were drawn in logarithms."""
    return frozenset(
        name for trial in trials for name, drawn in trial.distributions.items() if getattr(drawn, "log", False)
    )


def _params(trial: RecordedTrial) -> Mapping[str, Any]:
    """The full parameters, fixed ones included; what Optuna was asked for where the beginning was not recorded."""
    begin = trial.user_attrs.get(BEGIN)
    return trial.params if begin is None else {**begin.get("fixed", {}), **trial.params}


def _attempts_text(trial: RecordedTrial) -> str:
    attempts = trial.user_attrs.get(ATTEMPTS, [])
    return attempts[-1] if attempts else ""
