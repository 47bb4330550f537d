"""How does a batch, or a team member's part of one, go through a dense network, and its gradient back?

Arrays are (units, samples): a layer's bias is then one more row of its kernel, for a row of ones below its inputs, and
every array is contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.training.direct.activations import Activation, make_activation
from search.training.direct.arrays import Array, constant, empty
from search.training.direct.parameters import LayerWeights, NormWeights, Parameters
from search.training.direct.team import Team
from spaces.model_config import ModelConfig

_EPSILON, _MOMENTUM = 1e-3, 0.99  # of Keras's BatchNormalization
_MOST_COPIED = 2**15  # numbers; to copy fewer takes less time than two operations more


@dataclass(frozen=True)
class Batch:
    """How many samples there are, and which of them are this member's."""

    samples: int
    team: Team

    @property
    def own(self) -> slice:
        """This member's."""
        return self.team.share(self.samples)

    @property
    def count(self) -> int:
        """How many of them are this member's."""
        return self.own.stop - self.own.start

    @property
    def shares(self) -> list[float]:
        """The share of each member."""
        parts = [self.team.share(self.samples, member) for member in range(self.team.size)]
        return [(part.stop - part.start) / self.samples for part in parts]


def is_apart(first: LayerWeights, config: ModelConfig) -> bool:
    """Whether the first layer's bias is added apart: to lay a one behind each sample's inputs is to copy them."""
    return first.has_bias and first.inputs * config.batch_size >= _MOST_COPIED


class Dense:
    """A linear map of (inputs, samples), below which is a row of ones where it has a bias, to (units, samples)."""

    def __init__(self, weights: LayerWeights, batch: Batch, *, apart: bool = False) -> None:
        """``apart``: there is no row of ones."""
        self._down, self._apart = weights.kernel[: weights.inputs], apart
        gradient = weights.kernel_gradients[batch.team.index]
        if apart:
            self._turned, self._gradient = self._down.T, gradient[: weights.inputs]
            self._bias, self._of_bias = weights.kernel[weights.inputs, :, None], gradient[weights.inputs]
            self._ones = constant(batch.count, 1.0)
        else:
            self._turned, self._gradient = weights.kernel.T, gradient

    def forward(self, x: Array, out: Array) -> None:
        """Write the map of ``x`` to ``out``."""
        np.dot(self._turned, x, out)
        if self._apart:
            np.add(out, self._bias, out=out)

    def backward(self, x: Array, gradient: Array, before: Array | None) -> None:
        """From the gradient at the result to that of the kernel and, if given, to that at ``x``, in ``before``."""
        np.dot(x, gradient.T, self._gradient)
        if self._apart:
            np.dot(gradient, self._ones, self._of_bias)
        if before is not None:
            np.dot(self._down, gradient, before)


class BatchNorm:
    """Normalises each unit over the batch, then scales and shifts it.

    Attributes:
        moments: mean and variance of the last batch, (2, units).
    """

    def __init__(self, weights: NormWeights, batch: Batch) -> None:
        units, samples, self._team = len(weights.scale), batch.count, batch.team
        self._weights, self._shares = weights, batch.shares
        self._ones, self._share = constant(samples, 1.0), constant(samples, 1 / max(samples, 1))
        self._epsilon, self._inverse, self._factor = constant(units, _EPSILON), empty(units), empty(units)
        self._of_batch = constant((2, units), 1 / batch.samples)
        self._gradients, self._sums = weights.gradients, weights.gradients[self._team.index]
        self._of_scale, self._of_offset = self._sums
        self._means, self.moments = empty((2, units)), empty((2, units))
        self._variance = self.moments[1]
        own = self.moments if self._team.size == 1 else weights.moments[self._team.index]
        self._own_mean, self._own_variance = own
        self._centred, self._normal, self._out, self._part = (empty((units, samples)) for _ in range(4))
        vectors = self._own_mean, self._inverse, weights.scale, weights.offset, self._factor, *self._means
        self._columns = [vector.reshape(-1, 1) for vector in vectors]

    def forward(self, z: Array) -> Array:
        """By the batch's own moments."""
        mean, inverse, scale, offset, *_ = self._columns
        np.dot(z, self._share, self._own_mean)
        np.subtract(z, mean, out=self._centred)
        np.multiply(self._centred, self._centred, out=self._part)
        np.dot(self._part, self._share, self._own_variance)
        if self._team.size > 1:
            self._join_moments()
        np.add(self._variance, self._epsilon, out=self._inverse)
        np.sqrt(self._inverse, out=self._inverse)
        np.reciprocal(self._inverse, out=self._inverse)
        np.multiply(self._centred, inverse, out=self._normal)
        np.multiply(self._normal, scale, out=self._out)
        np.add(self._out, offset, out=self._out)
        return self._out

    def backward(self, gradient: Array) -> None:
        """From the gradient at the result to that at ``z``, in place."""
        part, (*_, factor, mean_of_part, mean) = self._part, self._columns
        np.multiply(gradient, self._normal, out=part)
        np.dot(part, self._ones, self._of_scale)
        np.dot(gradient, self._ones, self._of_offset)
        # The moments depend on every sample: two means are taken from the gradient.
        sums = self._sums if self._team.size == 1 else self._sums_of_all()
        np.multiply(sums, self._of_batch, out=self._means)
        np.multiply(self._normal, mean_of_part, out=part)
        np.subtract(gradient, part, out=gradient)
        np.subtract(gradient, mean, out=gradient)
        np.multiply(self._weights.scale, self._inverse, out=self._factor)
        np.multiply(gradient, factor, out=gradient)

    def _sums_of_all(self) -> Array:
        """Of the gradients of scale and offset."""
        self._team.meet()
        total: Array = self._gradients.sum(axis=0)
        return total

    def _join_moments(self) -> None:
        """From the moments of the parts to those of the batch (Chan et al. 1979, Updating formulae for variances)."""
        self._team.meet()
        mean, variance = self.moments
        parts = list(zip(self._shares, self._weights.moments, strict=True))
        mean[:] = sum(share * means for share, (means, _) in parts)
        variance[:] = sum(share * (own + np.square(means - mean)) for share, (means, own) in parts)
        np.add(self._centred, (self._own_mean - mean)[:, None], out=self._centred)

    def predict(self, z: Array) -> Array:
        """By the moving averages, as in validation."""
        mean, variance = self._weights.moving
        factor = self._weights.scale / np.sqrt(variance + np.float32(_EPSILON))
        np.multiply(z, factor[:, None], out=self._out)
        np.add(self._out, (self._weights.offset - mean * factor)[:, None], out=self._out)
        return self._out


def move(moving: Array, moments: Array) -> None:
    """Move the averages by the moments of some steps, (steps, 2, units), at once."""
    shares = (1 - _MOMENTUM) * _MOMENTUM ** np.arange(len(moments) - 1, -1, -1.0)
    moving *= np.float32(_MOMENTUM ** len(moments))
    moving += np.tensordot(shares.astype(np.float32), moments, axes=1)


class Hidden:
    """A hidden layer: dense, batch normalisation if on, the activation, dropout.

    Attributes:
        out: its result, (units, samples), and below it a row of ones where the next layer has a bias.
        gradient: at its result, (units, samples).
    """

    def __init__(
        self,
        weights: LayerWeights,
        activation: str,
        leaky_slope: float,
        batch: Batch,
        *,
        drops: bool,
        apart: bool,
        bias_next: bool,
    ) -> None:
        shape = (weights.units, batch.count)
        self._dense = Dense(weights, batch, apart=apart)
        self._z, self.gradient = empty(shape), empty(shape)
        self.out = constant((weights.units + bias_next, batch.count), 1.0)
        self._kept = self.out[: weights.units]
        # A dropout leaves the activation as it was, which its slope is computed from.
        self._active = empty(shape) if drops else self._kept
        self._drops = drops
        self._activation: Activation = make_activation(activation, leaky_slope, shape)
        self.norm = None if weights.norm is None else BatchNorm(weights.norm, batch)

    def forward(self, x: Array, mask: Array | None) -> Array:
        """Of a batch in training; ``mask``: 0 or what a kept number is multiplied by, (units, samples)."""
        self._dense.forward(x, self._z)
        z = self._z if self.norm is None else self.norm.forward(self._z)
        self._activation.forward(z, self._active)
        if mask is not None:
            np.multiply(self._active, mask, out=self._kept)
        return self.out

    def predict(self, x: Array) -> Array:
        """Without dropout, by moving averages."""
        self._dense.forward(x, self._z)
        z = self._z if self.norm is None else self.norm.predict(self._z)
        self._activation.forward(z, self._kept)
        return self.out

    def backward(self, x: Array, mask: Array | None, before: Array | None) -> None:
        """From ``gradient`` to those of the weights and, where ``before`` is given, to that at ``x``, written to it."""
        gradient = self.gradient
        if mask is not None:
            np.multiply(gradient, mask, out=gradient)
        self._activation.backward(gradient)
        if self.norm is not None:
            self.norm.backward(gradient)
        self._dense.backward(x, gradient, before)


class Network:
    """All layers, with places for this member's part of batches of so many samples.

    Attributes:
        norms: the batch normalisations.
        samples: how many of a batch are this member's.
        logits: of the last batch, (outputs, samples).
    """

    def __init__(self, parameters: Parameters, config: ModelConfig, batch: Batch) -> None:
        *hidden, outputs = parameters.layers
        first, *after = parameters.layers
        self.hidden = [
            Hidden(
                weights,
                layer.activation,
                config.leaky_slope,
                batch,
                drops=layer.dropout > 0,
                apart=weights is first and is_apart(first, config),
                bias_next=following.has_bias,
            )
            for weights, following, layer in zip(hidden, after, config.hidden, strict=True)
        ]
        self._outputs = Dense(outputs, batch, apart=outputs is first and is_apart(first, config))
        self._given: list[Any] = [None, *(layer.out for layer in self.hidden)]  # to each layer, the outputs at last
        self._gradients = [None, *(layer.gradient for layer in self.hidden)]  # where to write those at what is given
        self.norms = [layer.norm for layer in self.hidden if layer.norm is not None]
        self.samples = batch.count
        self.logits = empty((outputs.units, batch.count))

    def forward(self, x: Array, masks: Sequence[Array | None]) -> Array:
        """What the output's activation is given in training: ``logits``.

        Args:
            x: (inputs, samples), with a row of ones where the first layer has a bias that is not apart.
            masks: of each hidden layer; None where it drops nothing.
        """
        self._given[0], self._masks = x, masks
        for layer, mask in zip(self.hidden, masks, strict=True):
            x = layer.forward(x, mask)
        self._outputs.forward(x, self.logits)
        return self.logits

    def predict(self, x: Array) -> Array:
        """The same without dropout, by moving averages."""
        for layer in self.hidden:
            x = layer.predict(x)
        self._outputs.forward(x, self.logits)
        return self.logits

    def backward(self, gradient: Array) -> None:
        """Write the gradients of all weights, from that at what ``forward`` gave, (outputs, samples)."""
        self._outputs.backward(self._given[-1], gradient, self._gradients[-1])
        for place in range(len(self.hidden) - 1, -1, -1):
            self.hidden[place].backward(self._given[place], self._masks[place], self._gradients[place])
