"""Where are a network's weights, end to end in one vector, and how do they come from Keras and go back?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from search.training.direct.arrays import Array, constant, empty
from search.training.direct.sketch import widths_of
from spaces.data_spec import DataSpec
from spaces.model_config import ModelConfig


@dataclass(frozen=True)
class NormWeights:
    """Of one batch normalisation, views of the vectors of all.

    Attributes:
        scale, offset, scale_gradient, offset_gradient: (units,).
        moving: the moving mean and variance, (2, units).
    """

    scale: Array
    offset: Array
    scale_gradient: Array
    offset_gradient: Array
    moving: Array


@dataclass(frozen=True)
class LayerWeights:
    """Of one dense layer and the batch normalisation behind it, views of the vectors of all.

    Attributes:
        kernel: (inputs, units), and a last row with the bias where there is one, i.e. no normalisation.
        kernel_gradient: of the same shape.
    """

    inputs: int
    kernel: Array
    kernel_gradient: Array
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
    """All numbers that a training changes.

    Attributes:
        values, gradient: the trained weights, float32 (weights,), in Keras's order.
        layers: from the first hidden one to the outputs; norms: the normalisations among them.
        penalised: 1 where a penalty on kernels applies, 0 on biases and normalisations; float32 (weights,).
    """

    def __init__(self, config: ModelConfig, spec: DataSpec) -> None:
        shapes = list(pairwise(widths_of(config, spec)))
        normalised = [*(layer.batch_norm for layer in config.hidden), False]
        # Below a kernel there is a bias or, of a normalisation, a scale and an offset.
        count = sum((inputs + 1 + norm) * units for (inputs, units), norm in zip(shapes, normalised, strict=True))
        self.values, self.gradient, self.penalised = empty(count), constant(count, 0.0), constant(count, 0.0)
        self.layers: list[LayerWeights] = []
        at = 0

        def place(size: int) -> tuple[Array, Array]:
            nonlocal at
            at += size
            return self.values[at - size : at], self.gradient[at - size : at]

        for (inputs, units), norm in zip(shapes, normalised, strict=True):
            self.penalised[at : at + inputs * units] = 1.0
            rows = inputs + (not norm)
            kernel, kernel_gradient = (array.reshape(rows, units) for array in place(rows * units))
            own = None
            if norm:
                (scale, scale_gradient), (offset, offset_gradient) = place(units), place(units)
                own = NormWeights(scale, offset, scale_gradient, offset_gradient, empty((2, units)))
            self.layers.append(LayerWeights(inputs, kernel, kernel_gradient, own))
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
