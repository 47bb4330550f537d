"""What do the pictures and tables of a study know about a trial, and which trial comes first?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Scalar = int | float | str | bool | None
Direction = Literal["maximize", "minimize"]
TrialState = Literal["complete", "pruned", "diverged", "failed", "running"]
STATES: tuple[TrialState, ...] = ("complete", "pruned", "diverged", "failed", "running")
MOST_CURVES = 60


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial, as the study recorded it.

    Attributes:
        number: the trial's number in the study, from 0.
        state: how it ended, or "running".
        value: the objective: of the best epoch when complete, of the last epoch when pruned, None when there
            is none.
        params: flat hyperparameters; one that the trial's conditions left out is absent.
        best_epoch: 1-based epoch that gave ``value``.
        epochs: completed epochs.
        seconds: wall time of the trial.
        parameters: number of the model's parameters.
        reason: why it did not complete, "" otherwise.
        duplicate_of: number of the finished trial with the same config, whose result this one repeats.
        spread: standard deviation of the objective over the rounds whose mean is ``value``; None for one round.
        values: the objective of each of these rounds (folds, repeats); empty for one round.
    """

    number: int
    state: TrialState
    value: float | None
    params: Mapping[str, Scalar]
    best_epoch: int | None
    epochs: int
    seconds: float | None
    parameters: int | None
    reason: str = ""
    duplicate_of: int | None = None
    spread: float | None = None
    values: tuple[float, ...] = ()


def has_value(row: TrialRow) -> bool:
    """Tell whether a trial has a finite objective value."""
    return row.value is not None and math.isfinite(row.value)


def better(left: float, right: float, direction: Direction) -> bool:
    """Tell whether ``left`` is strictly better than ``right``."""
    return left > right if direction == "maximize" else left < right


def _value_key(row: TrialRow, direction: Direction) -> tuple[bool, float, int]:
    """Sort key: finite values best first, then no value; the earlier trial first among equals."""
    if row.value is None or not math.isfinite(row.value):
        return (True, 0.0, row.number)
    return (False, -row.value if direction == "maximize" else row.value, row.number)


def ranked(rows: Iterable[TrialRow], direction: Direction) -> list[TrialRow]:
    """Return the trials that rank, best first: complete, with a finite value, not repeating another trial."""
    ranking = [row for row in rows if row.state == "complete" and has_value(row) and row.duplicate_of is None]
    return sorted(ranking, key=lambda row: _value_key(row, direction))


def leaderboard_order(rows: Iterable[TrialRow], direction: Direction) -> list[tuple[int | None, TrialRow]]:
    """Return every trial with its rank (1 is best, None does not rank).

    Ranked trials come first; then the complete ones that do not rank (repeats), then pruned, diverged, failed
    and running ones, best value first within each.
    """
    everything = list(rows)
    ranking = ranked(everything, direction)
    numbers = {row.number for row in ranking}
    rest = sorted(
        (row for row in everything if row.number not in numbers),
        key=lambda row: (STATES.index(row.state), *_value_key(row, direction)),
    )
    return [*enumerate(ranking, start=1), *((None, row) for row in rest)]


def with_shown_curve(rows: Iterable[TrialRow], direction: Direction) -> tuple[list[TrialRow], list[TrialRow]]:
    """Return the trials whose learning curves a picture shows: the best, best first, and the latest that were stopped.

    A picture of all of a long study's would show nothing: of each kind there are MOST_CURVES at the most, and the best.
    """
    everything = sorted(rows, key=lambda row: row.number)
    stopped = [row for row in everything if row.state in ("pruned", "diverged", "failed")]
    return ranked(everything, direction)[: MOST_CURVES + 1], stopped[-MOST_CURVES:]


def running_best(rows: Iterable[TrialRow], direction: Direction) -> list[TrialRow]:
    """Return, by trial number, the complete trials that were the best so far when they came."""
    leaders: list[TrialRow] = []
    for row in sorted(rows, key=lambda row: row.number):
        if row.state != "complete" or row.value is None or not math.isfinite(row.value):
            continue
        leader = leaders[-1].value if leaders else None
        if leader is None or better(row.value, leader, direction):
            leaders.append(row)
    return leaders


def count_states(rows: Iterable[TrialRow]) -> dict[TrialState, int]:
    """Count the trials of each state that occurs, in the order of ``STATES``."""
    counts = dict.fromkeys(STATES, 0)
    for row in rows:
        counts[row.state] += 1
    return {state: count for state, count in counts.items() if count}


def param_names(rows: Sequence[TrialRow], importances: Mapping[str, float] | None = None) -> list[str]:
    """Return the names of all hyperparameters: the most important first, the others as the space has them.

    ``units_1``, ``units_2``, ... stay together and in the order of their numbers, although a later trial is
    the first to have the later ones.
    """
    first_seen: dict[str, int] = {}
    names: dict[str, tuple[int, int]] = {}
    for row in rows:
        for name in row.params:
            base, index = _split_index(name)
            names[name] = (first_seen.setdefault(base, len(first_seen)), index)
    weights = importances or {}
    return sorted(names, key=lambda name: (-weights.get(name, -1.0), names[name]))


def _split_index(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+)_(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 0)


def fixed_params(rows: Sequence[TrialRow]) -> dict[str, Scalar]:
    """Return the hyperparameters that every trial has with one and the same value."""
    if not rows:
        return {}
    return {
        name: value
        for name, value in rows[0].params.items()
        if all(name in row.params and row.params[name] == value for row in rows)
    }
