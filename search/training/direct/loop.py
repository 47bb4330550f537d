"""How does a dense network train an epoch in NumPy?"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.dataset import Part
from search.messages import WorkerSetup
from search.training.direct.arrays import Array, look_up_pages, on_one_thread
from search.training.direct.losses import mean_loss, outputs_of
from search.training.direct.member import Member, Samples, part_of
from search.training.direct.parameters import Parameters
from search.training.direct.scope import team_size
from search.training.direct.sketch import Sketch
from search.training.direct.team import Team
from search.training.loops import EpochLoop, Validated
from spaces.evaluation import evaluate
from spaces.metrics import tracked
from spaces.model_config import ModelConfig


class DirectLoop(EpochLoop):
    """For models in `search.training.direct.scope`, of which there is a sketch until one is to be saved."""

    model: Sketch

    @classmethod
    def new_model(cls, config: ModelConfig, setup: WorkerSetup, *, seed: int) -> Sketch:
        """See `EpochLoop.new_model`."""
        return Sketch(config, setup, seed=seed)

    def weights(self) -> list[Any]:
        """See `EpochLoop.weights`."""
        return self._parameters.snapshot()

    def set_weights(self, weights: list[Any]) -> None:
        """See `EpochLoop.set_weights`."""
        super().set_weights(weights)
        self._parameters.load(weights)

    def averaged(self) -> AbstractContextManager[None]:
        """See `EpochLoop.averaged`; no optimizer here keeps an average."""
        return nullcontext()

    def release(self) -> None:
        """See `EpochLoop.release`; other processes of the team end."""
        super().release()
        self._team.close()

    @property
    def can_restart(self) -> bool:
        """See `EpochLoop.can_restart`."""
        return True

    def restart(self, fresh: Sketch) -> None:
        """See `EpochLoop.restart`."""
        self.model = fresh
        self._begin()
        self._forget()
        self._first.restart()

    def _drawn_without_training(self) -> list[Any]:
        return []

    def _first_optimizer(self) -> Any:
        size = team_size(self._config, self._setup.spec, self._setup.threads)
        self._team = Team(size, {"train": self._train_part, "validate": self._validate_part})
        self._parameters = Parameters(self._config, self._setup.spec, self._team)
        self._penalties = self._team.empty(size)  # of each member's share of the weights
        self._begin()
        return SimpleNamespace(learning_rate=self.model.learning_rate)

    def _begin(self) -> None:
        """Take the model's weights, and forget what an update remembers, and with it all processes but this one."""
        self._team.close()
        self._parameters.load(self.model.get_weights())
        self._member: Member | None = None

    def _hold(self, train: Part, weights: Array | None, validation: Part | None) -> None:
        assert self._member is None or self._team.size == 1, "other processes of the team have the former arrays"
        self._train_data = Samples(_rows(train.x), np.asarray(train.y), weights)
        self._logits = self._team.empty((self._setup.spec.outputs, len(train)))
        self._validation_x = None if validation is None else _rows(validation.x)
        self._validation_logits = self._team.empty((len(self._logits), 0 if validation is None else len(validation)))

    def _train(self, order: Array, rates: Array | None) -> dict[str, float]:
        spec, batch, team = self._setup.spec, self._config.batch_size, self._team
        steps = -(-len(order) // batch)
        learning_rates = np.full(steps, float(self._phase.optimizer.learning_rate)) if rates is None else rates
        with on_one_thread():
            team.run("train", order, learning_rates.astype(np.float64))
            rows = np.concatenate([part_of(order, batch, team, member) for member in range(team.size)])
            y, weights = self._train_data.y[rows], _of(self._train_data.weights, rows)
            logits = self._logits[:, : len(order)]
            metrics = {"loss": mean_loss(spec.task, logits, y, weights) + float(self._penalties.sum()) / len(order)}
            names = tracked(self._setup.metrics)
            if names:
                metrics |= evaluate(names, spec.task, y, outputs_of(spec.task, logits))
        return metrics

    def _train_part(self, order: Array, rates: NDArray[np.float64]) -> None:
        batch, team = self._config.batch_size, self._team
        first = sum(len(part_of(order, batch, team, member)) for member in range(team.index))
        logits = self._logits[:, first : first + len(part_of(order, batch, team))]
        self._penalties[team.index] = self._own_part().train(self._train_data, order, rates, logits)

    def _validate(self) -> Validated:
        assert self._validation is not None, "there is no validation part"
        spec, logits = self._setup.spec, self._validation_logits
        with on_one_thread():
            self._team.run("validate")
            loss = mean_loss(spec.task, logits, np.asarray(self._validation.y)) + float(self._penalties.sum())
            return Validated(loss, outputs_of(spec.task, logits), {})

    def _validate_part(self) -> None:
        assert self._validation_x is not None, "there is no validation part"
        self._penalties[self._team.index] = self._own_part().validate(self._validation_x, self._validation_logits)

    def _own_part(self) -> Member:
        """What this process does, from its first work on."""
        if self._member is None:
            if self._team.size > 1:
                for held in (self._train_data.x, self._validation_x):
                    look_up_pages(held)
            self._member = Member(self._parameters, self._config, self._setup.spec, self.model.dropouts, self._team)
        return self._member


def _rows(x: Any) -> NDArray[Any]:
    """Samples as the rows of a matrix, not copied; numbers, or pixels as bytes."""
    (array,) = x.values() if isinstance(x, dict) else (x,)
    return np.asarray(array).reshape(len(array), -1)


def _of(weights: Array | None, rows: Any) -> Array | None:
    return None if weights is None else weights[rows]
