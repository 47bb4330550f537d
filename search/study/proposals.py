"""Which configuration comes next, and has it been trained already?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from search.custom.answers import answer
from search.custom.space import OpenSpace
from search.errors import StudyError
from search.messages import Suggest
from search.study.records import BEGIN, trial_end
from search.study.samplers import grid_order
from search.study.store import coordinator_name, quiet_optuna
from spaces import ModelConfig, Params, Space, resolve
from spaces.catalog import Scalar
from tracking.mlflow_values import clean_key

_GRID = "grid"


@dataclass(frozen=True)
class Proposal:
    """A trial that has been asked for.

    Attributes:
        trial: Optuna's handle; params: full, fixed values included. A user's own model adds to them while it is built.
        duplicate_of: a finished trial with an equal config; training again would tell nothing new.
    """

    trial: Trial
    params: Params
    config: ModelConfig
    seed: int
    duplicate_of: int | None

    @property
    def number(self) -> int:
        return int(self.trial.number)


class Proposer:
    """Asks the study for trials.

    Args:
        grid_points: values per range where the study is a grid; None where a sampler draws.
    """

    def __init__(
        self, study: optuna.Study, space: Space, *, seed: int, grid_points: int | None, grid_seed: int = 0
    ) -> None:
        self._study, self._space, self._seed = study, space, seed
        self._points = grid_points
        self._finished: dict[str, int] = {}
        self._in_space: set[str] = set()
        trials = study.get_trials(deepcopy=False)
        for trial in trials:
            self._note(trial)
        if grid_points is not None:
            self._grid_size = space.grid_size(grid_points)
            self._order = grid_order(self._grid_size, grid_seed)
            positions = [t.user_attrs.get(BEGIN, {}).get(_GRID) for t in trials]
            self._position = max((p for p in positions if p is not None), default=-1) + 1

    def propose(self) -> Proposal | None:
        """Ask for the next trial; None if every config of the space has been tried."""
        waiting = any(t.state == TrialState.WAITING for t in self._study.get_trials(deepcopy=False))
        position = None
        if not waiting and self._is_exhausted():
            return None
        if not waiting and self._points is not None:
            position = self._position
            point = self._space.grid_point(self._order(position), self._points)
            self._study.enqueue_trial(dict(point))
            self._position += 1
        with quiet_optuna():
            return self._begin(self._study.ask(), position)

    def resume(self, left: FrozenTrial) -> Proposal:
        """Go on with a trial that was left unfinished: same number, parameters and seed, hence same numbers."""
        with quiet_optuna():
            return self._begin(Trial(self._study, left._trial_id), None, begun=BEGIN in left.user_attrs)

    def answered(self, proposal: Proposal, asked: Suggest, pinned: Mapping[str, Scalar]) -> tuple[Proposal, Scalar]:
        """Give a user's own model a value that it asks for; the trial, its params and its config have it from then on.

        Args:
            pinned: values to start with.

        Raises:
            StudyError: if what is asked for cannot be had under that name.
        """
        space = self._space
        assert isinstance(space, OpenSpace), "only a user's own model asks"
        place = f"trial {proposal.number}"
        alike = [name for name in proposal.params if name != asked.name and clean_key(name) == clean_key(asked.name)]
        if alike:
            raise StudyError(f"{place}: '{alike[0]}' and '{asked.name}' read alike in MLflow; rename one of them")
        with quiet_optuna():
            value = answer(proposal.trial, asked.name, asked.domain, pinned=pinned, taken=space.around, place=place)
        assert proposal.config.custom is not None, "a trial of an open space is of the family custom"
        custom = proposal.config.custom
        custom = custom.model_copy(update={"values": {**custom.values, asked.name: value}})
        config = proposal.config.model_copy(update={"custom": custom})
        return replace(proposal, params={**proposal.params, asked.name: value}, config=config), value

    def finished(self, proposal: Proposal) -> None:
        """Remember that a config has been trained to an end."""
        if isinstance(self._space, OpenSpace):
            return  # its next config is known only once a worker has built it
        fingerprint = proposal.config.fingerprint
        self._finished.setdefault(fingerprint, proposal.number)
        if self._space.contains(proposal.params):
            self._in_space.add(fingerprint)

    def _begin(self, trial: Trial, position: int | None, *, begun: bool = False) -> Proposal:
        params = self._space.suggest(trial)
        seed = trial_seed(self._seed, trial.number)
        if isinstance(self._space, OpenSpace):
            return self._begin_open(self._space, trial, params, seed, begun=begun)
        config = resolve(params, family=self._space.family)
        proposal = Proposal(trial, params, config, seed, self._finished.get(config.fingerprint))
        if not begun:
            searched = trial.params
            begin = {
                "seed": seed,
                "config": config.fingerprint,
                "fixed": {name: value for name, value in params.items() if name not in searched},
                "coordinator": coordinator_name(),
            }
            trial.set_user_attr(BEGIN, begin if position is None else {**begin, _GRID: position})
        return proposal

    @staticmethod
    def _begin_open(space: OpenSpace, trial: Trial, params: Params, seed: int, *, begun: bool) -> Proposal:
        """A trial whose other params its model will ask for; one that is resumed is given the same ones again."""
        config = space.config(params, {})
        known = trial.user_attrs.get(BEGIN, {}) if begun else {}
        fixed = {name: value for name, value in params.items() if name not in trial.params}
        begin = {
            "seed": seed,
            "config": config.fingerprint,
            "fixed": known.get("fixed", fixed),
            "coordinator": coordinator_name(),
            "custom": {
                "source": str(space.source),
                "digest": space.source.digest,
                "around": sorted(space.around),
            },
        }
        if begin["custom"] != known.get("custom"):  # also where the file was mended since
            trial.set_user_attr(BEGIN, begin)
        return Proposal(trial, params, config, seed, None)

    def _is_exhausted(self) -> bool:
        if self._points is not None:
            return self._position >= self._grid_size
        return self._space.size is not None and len(self._in_space) >= self._space.size

    def _note(self, trial: FrozenTrial) -> None:
        end, begin = trial_end(trial), trial.user_attrs.get(BEGIN)
        if end is None or begin is None or end.outcome == "failed" or end.duplicate_of is not None:
            return
        if "custom" in begin:
            return
        self._finished.setdefault(begin["config"], trial.number)
        if self._space.contains({**begin["fixed"], **trial.params}):
            self._in_space.add(begin["config"])


def left_running(study: optuna.Study) -> Iterator[FrozenTrial]:
    """Trials that some coordinator began and did not end."""
    yield from study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of one trial, from the study's seed and its number."""
    return int(np.random.SeedSequence([study_seed, number]).generate_state(1)[0] & 0x7FFFFFFF)
