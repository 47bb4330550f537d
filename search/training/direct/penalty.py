"""What do large weights cost, and in which direction are they pulled?"""

from __future__ import annotations

import numpy as np

from search.training.direct.arrays import empty
from search.training.direct.parameters import Parameters
from spaces.model_config import ModelConfig


class Penalty:
    """L1 and L2 of the kernels, ``l1 * sum(|w|) + l2 * sum(w ** 2)``, over a share of the weights."""

    def __init__(self, parameters: Parameters, config: ModelConfig, member: int, share: slice) -> None:
        """``member``: to whose gradient that of the penalty is added."""
        self._values, self._gradient = parameters.values[share], parameters.gradients[member, share]
        penalised = parameters.penalised[share]
        self._l1 = penalised * np.float32(config.l1) if config.l1 else None
        self._l2 = penalised * np.float32(2 * config.l2) if config.l2 else None
        self._pull = empty(len(self._values))

    def add(self) -> float:
        """Add its gradient to that of the loss; gives its value."""
        values, pull, total = self._values, self._pull, 0.0
        if self._l2 is not None:
            np.multiply(self._l2, values, out=pull)
            np.add(self._gradient, pull, out=self._gradient)
            total += 0.5 * float(np.dot(pull, values))
        if self._l1 is not None:
            np.sign(values, out=pull)
            np.multiply(self._l1, pull, out=pull)
            np.add(self._gradient, pull, out=self._gradient)
            total += float(np.dot(pull, values))
        return total

    def value(self) -> float:
        """What it is now."""
        kept = self._gradient.copy()
        total = self.add()
        np.copyto(self._gradient, kept)
        return total
