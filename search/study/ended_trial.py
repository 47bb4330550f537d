"""How are ten thousand ended trials kept in memory, of which only a few hundred are looked at again?

An ended trial never changes. As Optuna keeps one it takes 8 kB, and 100 bytes more with each report; packed, 1 kB and
10 bytes.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

Distributions = dict[str, BaseDistribution]


class EndedTrial(FrozenTrial):
    """Optuna's FrozenTrial, packed: its params, attributes and reports are made anew each time they are asked for."""

    def __init__(self, trial: FrozenTrial, drawn: Distributions) -> None:
        """Pack a trial that has ended, whose params and attributes are plain values.

        Args:
            drawn: its distributions, equal to its own; one object may serve many trials.
        """
        self._number, self._trial_id = trial.number, trial._trial_id
        self.state, self._values = trial.state, trial.values
        self._datetime_start, self.datetime_complete = trial.datetime_start, trial.datetime_complete
        self._drawn = drawn
        self._param_values = tuple(map(_shared, (trial.params[name] for name in drawn)))
        self._packed = marshal.dumps((trial.user_attrs, trial.system_attrs, trial.intermediate_values))

    @property
    def _params(self) -> dict[str, Any]:  # type: ignore[override]
        return dict(zip(self._drawn, self._param_values, strict=True))

    @property
    def _distributions(self) -> Distributions:  # type: ignore[override]
        return self._drawn

    @property
    def _user_attrs(self) -> dict[str, Any]:  # type: ignore[override]
        return self._unpacked()[0]

    @property
    def _system_attrs(self) -> dict[str, Any]:  # type: ignore[override]
        return self._unpacked()[1]

    @property
    def intermediate_values(self) -> dict[int, float]:  # type: ignore[override]
        return self._unpacked()[2]

    def _unpacked(self) -> tuple[dict[str, Any], dict[str, Any], dict[int, float]]:
        unpacked: tuple[dict[str, Any], dict[str, Any], dict[int, float]] = marshal.loads(self._packed)
        return unpacked

    def __eq__(self, other: object) -> bool:
        return whole(self) == (whole(other) if isinstance(other, EndedTrial) else other)

    __hash__ = FrozenTrial.__hash__


def whole(trial: FrozenTrial) -> FrozenTrial:
    """The same trial as Optuna keeps one, for who asks often."""
    if not isinstance(trial, EndedTrial):
        return trial
    user_attrs, system_attrs, intermediate_values = trial._unpacked()
    return FrozenTrial(
        number=trial.number,
        state=trial.state,
        value=None,
        values=trial.values,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=user_attrs,
        system_attrs=system_attrs,
        intermediate_values=intermediate_values,
        trial_id=trial._trial_id,
    )


class Packer:
    """Packs trials that have ended; equal distributions are kept once."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, BaseDistribution], ...], Distributions] = {}

    def pack(self, trial: FrozenTrial) -> EndedTrial:
        if isinstance(trial, EndedTrial):
            return trial
        drawn = {sys.intern(name): distribution for name, distribution in trial.distributions.items()}
        return EndedTrial(trial, self._known.setdefault(tuple(drawn.items()), drawn))


class PackedTrials(dict[int, FrozenTrial]):
    """Trials by id, of which those that have ended are packed as they come in."""

    def __init__(self) -> None:
        super().__init__()
        self._pack: Callable[[FrozenTrial], EndedTrial] = Packer().pack

    def __setitem__(self, trial_id: int, trial: FrozenTrial) -> None:
        super().__setitem__(trial_id, self._pack(trial) if trial.state.is_finished() else trial)


def _shared(value: Any) -> Any:
    return sys.intern(value) if type(value) is str else value
