"""What does each process of a team do in an epoch, and in a validation? Alone, all of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.pixels import SCALE
from search.training.direct.arrays import ALIGNED, Array, constant, empty
from search.training.direct.layers import Batch, Network, is_apart, move
from search.training.direct.losses import OutputGradient, columns_of
from search.training.direct.masks import Masks
from search.training.direct.parameters import Parameters
from search.training.direct.penalty import Penalty
from search.training.direct.sketch import Dropped
from search.training.direct.team import Team
from search.training.direct.updates import Share, Update, make_update
from spaces.data_spec import DataSpec
from spaces.model_config import ModelConfig

_CHUNK_NUMBERS = 2**18  # float32 that are made ready for the steps ahead
_VALIDATION_NUMBERS = 2**19
_LARGEST_VALIDATION = 4096
_ALONE = Team(1, {})


@dataclass(frozen=True)
class Samples:
    """What is trained on.

    Attributes:
        x: (samples, inputs), float32 or pixels as bytes.
        y: as the data set has it; weights: what each sample counts, or None for all alike.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    weights: Array | None


class Member:
    """Trains on its part of every batch, then updates its share of the weights by what all of them found."""

    def __init__(
        self,
        parameters: Parameters,
        config: ModelConfig,
        spec: DataSpec,
        dropouts: list[Dropped | None],
        team: Team,
    ) -> None:
        """``dropouts``: of the inputs and of each hidden layer, or None."""
        self._parameters, self._config, self._spec, self._team = parameters, config, spec, team
        first = parameters.layers[0]
        self._inputs, self._has_ones = first.inputs, first.has_bias and not is_apart(first, config)
        width = self._inputs + sum(layer.units for layer in parameters.layers)
        self._steps_ahead = max(1, _CHUNK_NUMBERS * team.size // (config.batch_size * width))
        self._validated_at_once = max(32, min(_LARGEST_VALIDATION, _VALIDATION_NUMBERS // width))
        self._place = empty((0, 0))
        self._found: NDArray[Any] = self._place
        self._networks: dict[tuple[int, int], tuple[Network, OutputGradient]] = {}
        widths = [self._inputs, *(layer.units for layer in config.hidden)]
        self._masks = [
            None if dropped is None else Masks(dropped, units) for dropped, units in zip(dropouts, widths, strict=True)
        ]
        lines = team.share(len(parameters.values) // ALIGNED)
        share = slice(lines.start * ALIGNED, lines.stop * ALIGNED)
        self._values = parameters.values[share]
        own = Share(self._values, parameters.gradients, team.index, share.start)
        self._update: Update = make_update(own, config.optimizer)
        penalised = config.l1 or config.l2
        self._penalty = Penalty(parameters, config, team.index, share) if penalised else None

    def train(self, data: Samples, order: Array, rates: NDArray[np.float64], logits: Array) -> float:
        """Train on this member's part of an epoch, and write the logits that its samples had.

        Args:
            order: of all samples of the epoch.
            rates: learning rates of the steps.
            logits: (outputs, samples), for the samples of `part_of` the order.

        Returns:
            The penalties of this share of the weights in all steps, each times its samples.
        """
        batch, samples = self._config.batch_size, len(order)
        self._update.prepare(rates)
        decay = self._config.optimizer.weight_decay
        decays = (1 - decay * rates).tolist() if decay else None
        own, at_once, total = part_of(order, batch, self._team), self._batch(batch).count, 0.0
        for first in range(0, len(rates), self._steps_ahead):
            last = min(first + self._steps_ahead, len(rates))
            sizes = [min(batch, samples - step * batch) for step in range(first, last)]
            rows = slice(first * at_once, last * at_once)  # the short batch, if there is one, is the last
            total += self._train_some(data, own[rows], logits[:, rows], first, sizes, decays)
        return total

    def _train_some(
        self, data: Samples, order: Array, logits: Array, first: int, sizes: list[int], decays: list[float] | None
    ) -> float:
        """Do some of an epoch's steps.

        Args:
            order: this member's part of their samples.
            first: the number in the epoch of the first of these steps; sizes: of all members' samples in each.
            decays: what each of the epoch's steps multiplies the weights by; None where they do not decay.
        """
        config, spec, parameters, team = self._config, self._spec, self._parameters, self._team
        at_once = self._batch(config.batch_size).count
        x = self._inputs_of(data.x, order)
        targets = _turned(columns_of(spec.task, data.y[order], spec.outputs), at_once)
        weights = None if data.weights is None else data.weights[order]
        of_inputs, *of_hidden = self._masks
        if of_inputs is not None:
            drawn = self._draw(of_inputs, sizes, turned=False)
            x[:, : self._inputs] *= np.concatenate([one.reshape(-1, self._inputs) for one in drawn])
        masks = [itertools.repeat(None) if one is None else self._draw(one, sizes, turned=True) for one in of_hidden]
        moments = [empty((len(sizes), *norm.moving.shape)) for norm in parameters.norms]
        start, total, shared = 0, 0.0, team.size > 1
        values, update, penalty = self._values, self._update, self._penalty
        for index, (samples, aimed, *now) in enumerate(zip(sizes, targets, *masks, strict=False)):
            network, loss = self._network(samples, team)
            stop = start + network.samples
            found = network.forward(x[start:stop].T, now)
            logits[:, start:stop] = found
            network.backward(loss.of(found, aimed, None if weights is None else weights[start:stop]))
            start = stop
            for kept, norm in zip(moments, network.norms, strict=True):
                kept[index] = norm.moments
            if shared:
                team.meet()  # behind it all gradients are there, and each member sees to its share of the weights
            if penalty is not None:
                total += samples * penalty.add()
            if decays is not None:
                np.multiply(values, decays[first + index], out=values)
            update.apply(first + index)
            if shared:
                team.meet()
        if team.index == 0:
            for kept, weights_of_norm in zip(moments, parameters.norms, strict=True):
                move(weights_of_norm.moving, kept)
        return total

    def _draw(self, masks: Masks, sizes: list[int], *, turned: bool) -> list[Array]:
        """What this member's samples of the next steps are multiplied by, step by step."""
        whole = sizes.count(self._config.batch_size)
        drawn = [*masks.draw(whole, self._batch(self._config.batch_size).own, turned=turned)]
        for samples in sizes[whole:]:
            drawn += [*masks.draw(1, self._batch(samples).own, turned=turned)]
        return drawn

    def validate(self, x: NDArray[Any], logits: Array) -> float:
        """Write the logits of this member's share of the samples; gives the penalty of its share of the weights."""
        share = self._team.share(len(x))
        for start in range(share.start, share.stop, self._validated_at_once):
            rows = slice(start, min(start + self._validated_at_once, share.stop))
            network, _ = self._network(rows.stop - rows.start, _ALONE)
            given = x[rows] if self._is_given(x) else self._inputs_of(x, np.arange(rows.start, rows.stop))
            logits[:, rows] = network.predict(given.T)
        return 0.0 if self._penalty is None else self._penalty.value()

    def _batch(self, samples: int) -> Batch:
        return Batch(samples, self._team)

    def _network(self, samples: int, team: Team) -> tuple[Network, OutputGradient]:
        """Places for batches of so many samples: an epoch has full ones and a short one, and there is validation."""
        found = self._networks.get((samples, team.size))
        if found is None:
            network = Network(self._parameters, self._config, Batch(samples, team))
            found = network, OutputGradient(self._spec.task, self._spec.outputs, network.samples, of=samples)
            self._networks[samples, team.size] = found
        return found

    def _inputs_of(self, x: NDArray[Any], rows: Any) -> Array:
        """These rows as numbers, with a one behind each if ``has_ones``; the next call writes them over."""
        if len(self._found) < len(rows):
            # Memory that is new to the process takes longer to get than to fill.
            self._place = constant((len(rows), self._inputs + self._has_ones), 1.0)
            self._found = self._place if self._is_given(x) else np.empty((len(rows), self._inputs), x.dtype)
        found, out = self._found[: len(rows)], self._place[: len(rows)]
        np.take(x, rows, axis=0, out=found, mode="clip")  # another mode goes through a copy
        if self._found is not self._place:
            numbers = out[:, : self._inputs]
            numbers[...] = found
            if x.dtype == np.uint8:
                np.multiply(numbers, SCALE, out=numbers)
        return out

    def _is_given(self, x: NDArray[Any]) -> bool:
        """Whether the first layer is given the samples as they lie."""
        return not self._has_ones and x.dtype == np.float32


def part_of(order: Array, batch: int, team: Team, member: int | None = None) -> Array:
    """The samples of a member (of this one by default), a part of each batch, in order."""
    if team.size == 1:
        return order
    whole = len(order) // batch * batch
    full, rest = order[:whole].reshape(-1, batch), order[whole:]
    return np.concatenate([full[:, team.share(batch, member)].ravel(), rest[team.share(len(rest), member)]])


def _turned(array: Array, batch: int) -> list[Array]:
    """A matrix (samples, width) in batches, each turned to (width, batch) and contiguous; the last may be short."""
    whole = len(array) // batch * batch
    full = np.ascontiguousarray(array[:whole].reshape(-1, batch, array.shape[1]).transpose(0, 2, 1))
    return [*full, np.ascontiguousarray(array[whole:].T)]
