"""How long would the arithmetic alone take, at the machine's measured peak?

A multiplication and an addition are two operations. A product of a weight matrix is done once to predict; to train it
is done again for the gradient of the weights, and once more for that of its input, which the first layer needs not.
Activations, normalisation, metrics and the optimizer are left out: the limit lies a little higher.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil, prod

from benchmarks.speed.configs import Config


@dataclass(frozen=True)
class Peak:
    """Billions of float32 operations a second in a product of matrices."""

    one_thread: float
    all_threads: float

    def to_json(self) -> dict[str, float]:
        """As plain data."""
        return asdict(self)


def layer_operations(config: Config, shape: Sequence[int], outputs: int) -> list[int]:
    """Operations of each layer that has weights, to predict one sample.

    Args:
        config: of one of the families ``mlp`` and ``cnn``.
        shape: of one sample, (features,) or (height, width).
        outputs: numbers that the last layer gives.

    >>> layer_operations({"units": [4]}, (8,), 1)
    [64, 8]
    """
    layers = []
    if config.get("conv_layers"):
        (height, width), channels = shape, 1
        for filters in config["filters"]:
            layers.append(2 * config["kernel_size"] ** 2 * channels * filters * height * width)
            height, width, channels = ceil(height / 2), ceil(width / 2), filters
        width_in = height * width * channels
    else:
        width_in = prod(shape)
    for units in (*config["units"], outputs):
        layers.append(2 * width_in * units)
        width_in = units
    return layers


def operations(config: Config, shape: Sequence[int], outputs: int, rows: Iterable[tuple[int, int]], epochs: int) -> int:
    """Operations of training a config, with a validation after each epoch.

    Args:
        rows: of each training, how many samples train and how many validate.
    """
    layers = layer_operations(config, shape, outputs)
    to_predict, to_train = sum(layers), 3 * sum(layers) - layers[0]
    return epochs * sum(train * to_train + validation * to_predict for train, validation in rows)


def measure_peak(side: int = 2048, seconds: float = 2.0) -> Peak:
    """Multiply two float32 matrices over and over, and take the best time."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1):
        one = _best(side, seconds)
    return Peak(one, max(one, _best(side, seconds)))


def _best(side: int, seconds: float) -> float:
    import numpy as np

    a = np.random.default_rng(0).random((side, side), dtype=np.float32)
    b, best, until = a.T.copy(), float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until or best == float("inf"):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best / 1e9
