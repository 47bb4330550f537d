"""Where are a network's weights, end to end in one vector, and how do they come from Keras and go back?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from search.training.direct.arrays import Array, constant, empty
from spaces.model_config import ModelConfig

if TYPE_CHECKING:
    import keras


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

    def __init__(self, model: keras.Model, config: ModelConfig) -> None:
        count = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
        self.values, self.gradient, self.penalised = empty(count), constant(count, 0.0), constant(count, 0.0)
        self.layers: list[LayerWeights] = []
        at = 0

        def place(size: int) -> tuple[Array, Array]:
            nonlocal at
            at += size
            return self.values[at - size : at], self.gradient[at - size : at]

        for dense, norm in _pairs(model, config):
            inputs, units = map(int, dense.kernel.shape)
            self.penalised[at : at + inputs * units] = 1.0
            rows = inputs + (norm is None)
            kernel, kernel_gradient = (array.reshape(rows, units) for array in place(rows * units))
            own = None
            if norm is not None:
                (scale, scale_gradient), (offset, offset_gradient) = place(units), place(units)
                own = NormWeights(scale, offset, scale_gradient, offset_gradient, empty((2, units)))
            self.layers.append(LayerWeights(inputs, kernel, kernel_gradient, own))
        assert at == count, f"{at} of the model's {count} weights have a place"
        self.norms = [layer.norm for layer in self.layers if layer.norm is not None]
        self.load(model)

    def load(self, model: keras.Model) -> None:
        """Take the weights of a model of the same structure."""
        np.concatenate([np.ravel(np.asarray(variable)) for variable in model.trainable_variables], out=self.values)
        norms = [layer for layer in model.layers if hasattr(layer, "moving_mean")]
        for mine, norm in zip(self.norms, norms, strict=True):
            mine.moving[0], mine.moving[1] = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)

    def snapshot(self) -> list[Array]:
        """A copy of the weights, in the order and the shapes of ``keras.Model.get_weights``."""
        found: list[Array] = []
        for layer in self.layers:
            if layer.norm is None:
                found += [layer.kernel[: layer.inputs], layer.kernel[layer.inputs]]
            else:
                found += [layer.kernel, layer.norm.scale, layer.norm.offset, *layer.norm.moving]
        return [array.copy() for array in found]


def _pairs(model: keras.Model, config: ModelConfig) -> list[tuple[Any, Any]]:
    """Each dense layer with the normalisation behind it, or None."""
    names = {layer.name: layer for layer in model.layers}
    hidden = [f"hidden_{number}" for number in range(1, len(config.hidden) + 1)]
    return [(names[name], names.get(f"{name}_batch_norm")) for name in (*hidden, "outputs")]
