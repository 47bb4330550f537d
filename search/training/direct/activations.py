"""What is each activation, and what is its slope, computed in place over arrays of one shape?"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.training.direct.arrays import Array, constant, empty

Shape = tuple[int, int]

_SELU_SCALE, _SELU_ALPHA = 1.05070098, 1.67326324  # Klambauer et al. 2017, as Keras rounds them


class Activation(Protocol):
    """Of arrays of the shape that it was made for."""

    def forward(self, z: Array, out: Array) -> None:
        """Write the activation of ``z`` to ``out``; ``z`` may be written over."""

    def backward(self, gradient: Array) -> None:
        """Multiply the gradient by the slope where the last ``forward`` was."""


class _Linear:
    def __init__(self, shape: Shape) -> None:
        pass

    def forward(self, z: Array, out: Array) -> None:
        np.copyto(out, z)

    def backward(self, gradient: Array) -> None:
        pass


class _Relu:
    def __init__(self, shape: Shape) -> None:
        self._zeros, self._positive = constant(shape, 0.0), np.empty(shape, np.int32)

    def forward(self, z: Array, out: Array) -> None:
        self._out = out
        np.maximum(z, self._zeros, out=out)

    def backward(self, gradient: Array) -> None:
        _positive(self._out, self._positive)
        bits = gradient.view(np.int32)
        np.bitwise_and(bits, self._positive, out=bits)


class _Sloped:
    """One whose slope is known once it is computed."""

    _slope: Array

    def backward(self, gradient: Array) -> None:
        np.multiply(gradient, self._slope, out=gradient)


class _LeakyRelu(_Sloped):
    def __init__(self, shape: Shape, slope: float) -> None:
        self._low, self._ones = constant(shape, slope), constant(shape, 1.0).view(np.int32)
        self._positive = np.empty(shape, np.int32)
        self._slope = self._positive.view(np.float32)

    def forward(self, z: Array, out: Array) -> None:
        # One at the right of zero, as TensorFlow has it, the lower slope at zero itself and at the left of it.
        _positive(z, self._positive)
        np.bitwise_and(self._positive, self._ones, out=self._positive)
        np.maximum(self._slope, self._low, out=self._slope)
        np.multiply(z, self._slope, out=out)


class _Elu(_Sloped):
    def __init__(self, shape: Shape) -> None:
        self._zeros, self._ones, self._slope = constant(shape, 0.0), constant(shape, 1.0), empty(shape)

    def forward(self, z: Array, out: Array) -> None:
        slope = self._slope  # exp(z), and one at the right of zero
        np.minimum(z, self._zeros, out=slope)
        np.exp(slope, out=slope)
        np.maximum(z, self._zeros, out=out)
        np.add(out, slope, out=out)
        np.subtract(out, self._ones, out=out)


class _Selu(_Sloped):
    def __init__(self, shape: Shape) -> None:
        self._zeros, self._right, self._left = constant(shape, 0.0), constant(shape, _SELU_SCALE), empty(shape)
        self._slope, self._is_left = empty(shape), np.empty(shape, np.bool_)

    def forward(self, z: Array, out: Array) -> None:
        left, end = self._left, _SELU_SCALE * _SELU_ALPHA  # of zero: end * exp(z) is the slope, less end the value
        np.less(z, self._zeros, out=self._is_left)
        np.minimum(z, self._zeros, out=left)
        np.exp(left, out=left)
        np.multiply(left, end, out=left)
        np.copyto(self._slope, self._right)
        np.copyto(self._slope, left, where=self._is_left)
        np.maximum(z, self._zeros, out=out)
        np.multiply(out, self._right, out=out)
        np.add(out, left, out=out)
        np.subtract(out, end, out=out)


class _Tanh:
    def __init__(self, shape: Shape) -> None:
        self._ones, self._slope = constant(shape, 1.0), empty(shape)

    def forward(self, z: Array, out: Array) -> None:
        self._out = out
        np.tanh(z, out=out)

    def backward(self, gradient: Array) -> None:
        np.multiply(self._out, self._out, out=self._slope)
        np.subtract(self._ones, self._slope, out=self._slope)
        np.multiply(gradient, self._slope, out=gradient)


class _Sigmoid:
    def __init__(self, shape: Shape) -> None:
        self._ones, self._slope = constant(shape, 1.0), empty(shape)

    def forward(self, z: Array, out: Array) -> None:
        self._out = out
        sigmoid(z, self._ones, out)

    def backward(self, gradient: Array) -> None:
        np.subtract(self._ones, self._out, out=self._slope)
        np.multiply(self._slope, self._out, out=self._slope)
        np.multiply(gradient, self._slope, out=gradient)


class _Silu:
    def __init__(self, shape: Shape) -> None:
        self._ones, self._sigmoid, self._slope = constant(shape, 1.0), empty(shape), empty(shape)

    def forward(self, z: Array, out: Array) -> None:
        self._out = out
        sigmoid(z, self._ones, self._sigmoid)
        np.multiply(z, self._sigmoid, out=out)

    def backward(self, gradient: Array) -> None:
        slope, part = self._slope, self._sigmoid  # s + y (1 - s)
        np.subtract(self._ones, part, out=slope)
        np.multiply(slope, self._out, out=slope)
        np.add(slope, part, out=slope)
        np.multiply(gradient, slope, out=gradient)


class _Softplus(_Sloped):
    def __init__(self, shape: Shape) -> None:
        self._zeros, self._ones, self._slope = constant(shape, 0.0), constant(shape, 1.0), empty(shape)

    def forward(self, z: Array, out: Array) -> None:
        sigmoid(z, self._ones, self._slope)
        np.logaddexp(z, self._zeros, out=out)


_KINDS: dict[str, type[_Linear | _Relu | _Elu | _Selu | _Tanh | _Sigmoid | _Silu | _Softplus]] = {
    "linear": _Linear, "relu": _Relu, "elu": _Elu, "selu": _Selu, "tanh": _Tanh, "sigmoid": _Sigmoid, "silu": _Silu,
    "softplus": _Softplus,
}  # fmt: skip
ACTIVATIONS = frozenset({*_KINDS, "leaky_relu"})


def make_activation(name: str, leaky_slope: float, shape: Shape) -> Activation:
    """One of ``ACTIVATIONS``; ``leaky_slope``, from 0 to 1, is for ``leaky_relu``."""
    return _LeakyRelu(shape, leaky_slope) if name == "leaky_relu" else _KINDS[name](shape)


def sigmoid(z: Array, ones: Array, out: Array) -> None:
    """Write ``1 / (1 + exp(-z))`` to ``out``; far at the left the exponential is infinite, and the result 0."""
    np.negative(z, out=out)
    np.exp(out, out=out)
    np.add(out, ones, out=out)
    np.divide(ones, out, out=out)


def _positive(z: Array, out: NDArray[np.int32]) -> None:
    """Write all bits set where ``z`` is above zero (or NaN), none elsewhere: what a bitwise `and` lets through.

    As a whole number a float has the same sign. NumPy is slower to multiply by a Boolean, and to find a float's sign.
    """
    np.negative(z.view(np.int32), out=out)
    np.right_shift(out, 31, out=out)
