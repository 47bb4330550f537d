"""Which seed has each round of a trial?"""

from __future__ import annotations

import numpy as np


def round_seed(seed: int, round: int) -> int:
    """The seed of a round (1-based) of a trial with this seed; the first round has the trial's own."""
    if round == 1:
        return seed
    return int(np.random.SeedSequence([seed, round]).generate_state(1)[0] & 0x7FFFFFFF)
