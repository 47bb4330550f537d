"""How does a study with thousands of trials stay as quick as one with hundreds?

What a sampler computes for each draw, and a pruner for each report, grows with the trials that it looks at. From some
hundreds on more of them tell it nothing new, so it is shown a choice.
"""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Container, Iterable, Sequence
from typing import Any

import optuna
from optuna.storages.journal import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.pictures.rows import Direction
from search.study.ended_trial import PackedTrials, whole

MOST = 500
# Who waits for more finished trials than this may never see as many in the choice, and is shown all.
MOST_STARTUP = MOST // 5
# From 250 trials on, TPE as Optuna has it tells the 25 best from all others.
BEST = 25
# The even choice is made anew each time so many have begun, and until then these are shown as they come.
LATEST = 25


class LongStudy(optuna.Study):
    """A study that shows its sampler and its pruner at most about MOST of its finished trials.

    These are the BEST completed ones, the LATEST, and of the others an even choice by number. Trials that are not over
    are always shown. It is a second view of a study, to ask for trials; results are told to the study itself.
    """

    def __init__(self, study: optuna.Study) -> None:
        super().__init__(study.study_name, study._storage, sampler=study.sampler, pruner=study.pruner)
        self._sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        self._known = 0
        self._open: list[int] = []
        self._best: list[tuple[float, int]] = []
        self._shown: dict[int, FrozenTrial] = {}

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        """Optuna's hook: all that its samplers and pruners learn of other trials comes from here."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        if self._note(trials):
            shown = self._shown
            self._shown = {number: shown.get(number) or whole(trials[number]) for number in self._choice(len(trials))}
        for number in self._open:
            self._shown[number] = trials[number]
        chosen = list(self._shown.values())
        if states is not None:
            chosen = [trial for trial in chosen if trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def _choice(self, count: int) -> Iterable[int]:
        """The numbers of those that are shown, of so many trials."""
        if count <= MOST:
            return range(count)
        # By the count alone, not by when this view was made: a study that was stopped goes on as it would have.
        latest = count % LATEST
        step = (count - latest) / (MOST - BEST - LATEST)
        evenly = (int(i * step) for i in range(MOST - BEST - LATEST))
        best = (number for _, number in self._best)
        return sorted({*evenly, *range(count - latest, count), *self._open, *best})

    def _note(self, trials: list[FrozenTrial]) -> bool:
        """Look at what began or ended since the last time, if anything did: a finished trial never changes."""
        candidates = [*self._open, *range(self._known, len(trials))]
        still_open = []
        for number in candidates:
            trial = trials[number]
            if not trial.state.is_finished():
                still_open.append(number)
                continue
            self._shown.pop(number, None)  # as it was before it ended
            if trial.state == TrialState.COMPLETE and trial.value is not None:
                insort(self._best, (self._sign * trial.value, number))
                del self._best[BEST:]
        has_news = self._known < len(trials) or len(still_open) < len(candidates)
        self._known, self._open = len(trials), still_open
        return has_news


class GivenTrials(optuna.Study):
    """A study of the trials that it is given, as they are: to be looked into, not to be gone on with."""

    def __init__(self, trials: Sequence[FrozenTrial], direction: Direction) -> None:
        made = optuna.create_study(direction=direction)
        super().__init__(made.study_name, made._storage)
        self._given = trials

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        """Optuna's hook, as in LongStudy."""
        shown = [trial for trial in self._given if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown


class LongJournal(JournalStorage):
    """Optuna's journal storage, which walks through all trials at each question, asking only those that may differ."""

    def __init__(self, backend: Any, *, packed: bool = True) -> None:
        """Open a journal.

        Args:
            packed: keep ended trials as EndedTrial; False where all of them are looked at again and again.
        """
        self._listed: dict[int, tuple[list[FrozenTrial], list[int]]] = {}
        self._packed = packed
        super().__init__(backend)

    def _sync_with_backend(self) -> None:
        """Optuna's hook: read what is new in the journal."""
        if self._packed and not self._replay_result.log_number_read:
            self._replay_result._trials = PackedTrials()
        super()._sync_with_backend()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """All trials of a study by number, or those in some states."""
        with self._thread_lock:
            self._sync_with_backend()
            listed, unfinished = self._listed.get(study_id, ([], []))
            replay = self._replay_result
            ids = replay._study_id_to_trial_ids[study_id]
            for number in unfinished:
                listed[number] = replay._trials[ids[number]]
            new = range(len(listed), len(ids))
            listed.extend(replay._trials[ids[number]] for number in new)
            unfinished = [number for number in (*unfinished, *new) if not listed[number].state.is_finished()]
            self._listed[study_id] = listed, unfinished
            trials = list(listed) if states is None else [trial for trial in listed if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials
