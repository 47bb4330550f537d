"""Which traced graphs does a worker keep for later trials?

A trial whose model differs from an earlier one in numbers only (``search.training.numbers.structure_of``) trains in
that one's graph. What is kept is bounded: by a few graphs, and by the weights that they hold.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from search.training.direct.loop import DirectLoop
from search.training.lean import LeanLoop
from search.training.loops import EpochLoop
from search.training.numbers import structure_of
from search.training.threads import forget_prepared
from spaces.model_config import ModelConfig

if TYPE_CHECKING:
    import keras

_MOST_LOOPS = 8
_MOST_WEIGHTS = 5_000_000  # in all of them; an optimizer holds as many again, or twice
_TRACED_BETWEEN = 20  # what TensorFlow holds of so many small graphs is 15 MB; to make it anew takes 20 ms


class KeptLoops:
    """The loops of the last structures that a worker has trained."""

    def __init__(self) -> None:
        self._loops: OrderedDict[str, LeanLoop] = OrderedDict()
        self._used: EpochLoop | None = None
        self._traced = 0

    def __contains__(self, structure: str) -> bool:
        return structure in self._loops

    def find(self, config: ModelConfig, fresh: keras.Model, *, epochs: int) -> LeanLoop | None:
        """A loop whose graph fits, ready to train as ``fresh`` would be; None if there is none."""
        structure = structure_of(config)
        if structure is None or structure not in self._loops:
            return None
        self._loops.move_to_end(structure)
        self._used = loop = self._loops[structure]
        loop.adopt(fresh, config, epochs=epochs)
        return loop

    def keep(self, config: ModelConfig, loop: EpochLoop) -> None:
        """Keep a new loop, if later trials may use it, and forget the oldest ones beyond the bounds."""
        self._used = loop
        if not isinstance(loop, DirectLoop):
            self._traced += 1
            if self._traced % _TRACED_BETWEEN == 0:
                forget_prepared()
        structure = structure_of(config)
        if structure is None or not isinstance(loop, LeanLoop):
            return
        self._loops[structure] = loop
        while len(self._loops) > _MOST_LOOPS or self._weights() > _MOST_WEIGHTS:
            self._loops.popitem(last=False)

    def release(self) -> None:
        """Let go of what the last trial was trained on, and with: graphs are kept, data and other processes are not."""
        if self._used is not None:
            self._used.release()
            self._used = None

    def clear(self) -> None:
        """Forget all of them, where memory has run out."""
        self._loops.clear()

    def _weights(self) -> int:
        return sum(int(loop.model.count_params()) for loop in self._loops.values())
