"""How does an optimizer update weights in a single operation?

Keras's update is a dozen operations. Each goes through all weights, which takes a large model half of its step, and
costs a small one as much as a layer. TensorFlow has the usual updates as one operation each. What of them depends on
nothing but the number of the step is computed for a whole epoch at once, outside the graph.

The two differ in one place. To an average that forgets, Keras adds the share 1 - beta, taken in double precision and
rounded; TensorFlow takes it from the rounded beta, which for 0.999 makes the average of Adam's first steps 1.3e-5 of
itself too small. How much it is after any number of steps is a geometric sum, and is made up for in the step's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sizes = NDArray[np.float32]


class Update(Protocol):
    """One optimizer's update."""

    def sizes(self, numbers: Floats) -> tuple[Floats, Floats]:
        """A factor of the learning rate and the epsilon for each step, given their numbers, from 1 on; (steps,)."""

    def begin(self) -> None:
        """In a graph, before an epoch: clear what is this update's own, and of which nothing may last."""

    def apply(self, index: int, variable: Any, gradient: Any, rate: Any, epsilon: Any) -> None:
        """In a graph, update the variable that is the optimizer's so-and-so-many-th."""


class _Descent:
    """Of `keras.optimizers.SGD`."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def sizes(self, numbers: Floats) -> tuple[Floats, Floats]:
        return np.ones_like(numbers), np.zeros_like(numbers)

    def begin(self) -> None:
        """Nothing: it has only the optimizer's variables."""

    def apply(self, index: int, variable: Any, gradient: Any, rate: Any, epsilon: Any) -> None:
        import tensorflow as tf

        optimizer = self._optimizer
        if not optimizer.momentum:
            tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=optimizer.momentums[index].value.handle,
            lr=rate,
            grad=gradient,
            momentum=tf.cast(optimizer.momentum, tf.float32),
            use_nesterov=optimizer.nesterov,
        )


class _RootMeanSquare:
    """Of `keras.optimizers.RMSprop`."""

    def __init__(self, optimizer: Any) -> None:
        import tensorflow as tf

        self._optimizer = optimizer
        # The operation wants a place for its momentum, needed or not.
        unused = () if optimizer._momentums else optimizer._velocities
        self._unused = [tf.Variable(tf.zeros(slot.shape), trainable=False) for slot in unused]
        self._momentums = self._unused or [slot.value for slot in optimizer._momentums]

    def sizes(self, numbers: Floats) -> tuple[Floats, Floats]:
        lag = _lag(self._optimizer.rho, numbers)
        return 1 / np.sqrt(lag), self._optimizer.epsilon / lag

    def begin(self) -> None:
        import tensorflow as tf

        for slot in self._unused:  # a trial that diverged leaves NaN, which a momentum of zero does not take away
            slot.assign(tf.zeros(slot.shape))

    def apply(self, index: int, variable: Any, gradient: Any, rate: Any, epsilon: Any) -> None:
        import tensorflow as tf

        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=self._optimizer._velocities[index].value.handle,
            mom=self._momentums[index].handle,
            lr=rate,
            rho=tf.cast(self._optimizer.rho, tf.float32),
            momentum=tf.cast(self._optimizer.momentum, tf.float32),
            epsilon=epsilon,
            grad=gradient,
        )


class _Adam:
    """Of `keras.optimizers.Adam` and `AdamW`, whose decay Keras has done before."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def sizes(self, numbers: Floats) -> tuple[Floats, Floats]:
        first, second = self._optimizer.beta_1, self._optimizer.beta_2
        # Both averages begin at zero, which Keras corrects by the rounded betas.
        rate = np.sqrt(1 - _rounded(second) ** numbers) / (1 - _rounded(first) ** numbers)
        root = np.sqrt(_lag(second, numbers))
        return rate * _lag(first, numbers) / root, self._optimizer.epsilon / root

    def begin(self) -> None:
        """Nothing: it has only the optimizer's variables."""

    def apply(self, index: int, variable: Any, gradient: Any, rate: Any, epsilon: Any) -> None:
        import tensorflow as tf

        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._optimizer._momentums[index].value.handle,
            v=self._optimizer._velocities[index].value.handle,
            beta1_power=0.0,  # the rate has the correction
            beta2_power=0.0,
            lr=rate,
            beta1=tf.cast(self._optimizer.beta_1, tf.float32),
            beta2=tf.cast(self._optimizer.beta_2, tf.float32),
            epsilon=epsilon,
            grad=gradient,
        )


def update_of(optimizer: Any) -> Update | None:
    """The single operation that does what a built optimizer does; None if there is none."""
    import keras

    if type(optimizer) is keras.optimizers.SGD:
        return _Descent(optimizer)
    # An average that takes in a share of 1e-8 or less is, rounded, one that takes in nothing.
    if type(optimizer) is keras.optimizers.RMSprop and not optimizer.centered and _rounded(optimizer.rho) < 1:
        return _RootMeanSquare(optimizer)
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not optimizer.amsgrad:
        return _Adam(optimizer) if _rounded(max(optimizer.beta_1, optimizer.beta_2)) < 1 else None
    return None


def sizes_of(update: Update | None, optimizer: Any, steps: int) -> Sizes:
    """What the next steps of the optimizer are to be given, float32 (steps, 2): learning rate's factor and epsilon."""
    if update is None:
        return np.zeros((0, 2), np.float32)
    numbers = int(optimizer.iterations) + np.arange(1.0, steps + 1)
    return np.stack(update.sizes(numbers), axis=1).astype(np.float32)


@contextmanager
def in_one_operation(optimizer: Any, update: Update | None, sizes: Any, step: Any) -> Iterator[None]:
    """Inside, while a graph is traced, the optimizer updates float32 variables from dense gradients by ``update``.

    All else (decay, clipping, averages) stays Keras's.

    Args:
        sizes: of ``sizes_of``; step: which of its rows is for this one.
    """
    import tensorflow as tf

    if update is None:
        yield
        return
    rate, epsilon = tf.unstack(sizes[step], num=2)
    rate *= optimizer.learning_rate

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        if isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32:
            type(optimizer).update_step(optimizer, gradient, variable, learning_rate)
            return
        index = optimizer._get_variable_index(variable)
        update.apply(index, variable, tf.cast(gradient, tf.float32), rate, epsilon)

    optimizer.update_step = update_step
    try:
        yield
    finally:
        del optimizer.update_step


def _rounded(beta: float) -> float:
    return float(np.float32(beta))


def _lag(beta: float, numbers: Floats) -> Floats:
    """By what factor Keras's average is larger than TensorFlow's after each of these steps, (steps,)."""
    share = float(np.float32(1 - beta))
    # Of equal numbers, an average with the share s is 1 - (1 - s)^n of them.
    return (1 - (1 - share) ** numbers) / (1 - _rounded(beta) ** numbers)
