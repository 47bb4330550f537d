"""Where are a network's weights, end to end in one vector, and how do they come from Keras and go back?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from search.training.direct.arrays import ALIGNED, Array, constant
from search.training.direct.scope import widths_of
from search.training.direct.team import Team
from spaces.data_spec import DataSpec
from spaces.model_config import ModelConfig


@dataclass(frozen=True)
class NormWeights:
    """Of one batch normalisation, views of the vectors of all.

    Attributes:
        scale, offset: (units,).
        gradients: of each member of the team, of scale and offset, (members, 2, units).
        moments: of each member's part of the last batch, the mean and the variance, (members, 2, units).
        moving: the moving mean and variance, (2, units).
    """

    scale: Array
    offset: Array
    gradients: Array
    moments: Array
    moving: Array


@dataclass(frozen=True)
class LayerWeights:
    """Of one dense layer and the batch normalisation behind it, views of the vectors of all.

    Attributes:
        kernel: (inputs, units), and a last row with the bias where there is one, i.e. no normalisation.
        kernel_gradients: of each member of the team, (members, *kernel.shape).
    """

    inputs: int
    kernel: Array
    kernel_gradients: Array
    norm: NormWeights | None

    @property
    def units(self) -> int:
        """The layer's width."""
        return int(self.kernel.shape[1])

    @property
    def has_bias(self) -> bool:
        """Whether a row of the kernel is a bias."""
        return len(self.kernel) > self.inputs


class Parameters:
    """All numbers that a training changes, where the whole team sees them.

    Attributes:
        values: the trained weights, float32 (weights,), in Keras's order, and a few numbers that nothing depends on.
        gradients: of each member's part of a batch, (members, weights).
        layers: from the first hidden one to the outputs; norms: the normalisations among them.
        penalised: 1 where a penalty on kernels applies, 0 on biases and normalisations; float32 (weights,).
    """

    def __init__(self, config: ModelConfig, spec: DataSpec, team: Team) -> None:
        shapes = list(pairwise(widths_of(config, spec)))
        normalised = [*(layer.batch_norm for layer in config.hidden), False]
        # Below a kernel there is a bias or, of a normalisation, a scale and an offset.
        count = sum((inputs + 1 + norm) * units for (inputs, units), norm in zip(shapes, normalised, strict=True))
        count += -count % ALIGNED  # so that every member's gradient, and its share of all, is aligned
        self.values, self.gradients = team.empty(count), team.empty((team.size, count))
        self.values[:], self.gradients[:], self.penalised = 0.0, 0.0, constant(count, 0.0)
        self.layers: list[LayerWeights] = []
        at = 0

        def place(*shape: int) -> tuple[Array, Array]:
            nonlocal at
            at += math.prod(shape)
            some = slice(at - math.prod(shape), at)
            return self.values[some].reshape(shape), self.gradients[:, some].reshape(team.size, *shape)

        for (inputs, units), norm in zip(shapes, normalised, strict=True):
            self.penalised[at : at + inputs * units] = 1.0
            kernel, kernel_gradients = place(inputs + (not norm), units)
            own = None
            if norm:
                (scale, offset), gradients = place(2, units)
                own = NormWeights(scale, offset, gradients, team.empty((team.size, 2, units)), team.empty((2, units)))
            self.layers.append(LayerWeights(inputs, kernel, kernel_gradients, own))
        self.norms = [layer.norm for layer in self.layers if layer.norm is not None]

    def load(self, weights: Sequence[Array]) -> None:
        """Take weights, in the order and the shapes of ``keras.Model.get_weights``."""
        for mine, given in zip(self._views(), weights, strict=True):
            np.copyto(mine, given)

    def snapshot(self) -> list[Array]:
        """A copy of the weights, as `load` takes them."""
        return [view.copy() for view in self._views()]

    def _views(self) -> list[Array]:
        found: list[Array] = []
        for layer in self.layers:
            if layer.norm is None:
                found += [layer.kernel[: layer.inputs], layer.kernel[layer.inputs]]
            else:
                found += [layer.kernel, layer.norm.scale, layer.norm.offset, *layer.norm.moving]
        return found
