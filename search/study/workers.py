"""How many processes train side by side, and on how many threads each?"""

from __future__ import annotations

import os

from search.experiment import Experiment, SearchConfig
from spaces import DataSpec, Space, resolve
from spaces.domains import Suggester
from spaces.suggesters import Extreme, Sampled

# A worker with small data holds 0.6 to 1 GB, nearly all of it TensorFlow.
_WORKER_BYTES = 1_500_000_000
_MOST_WORKERS = 8
_DRAWS = 30
# Their layers are too small to be shared out: what a second thread computes, both lose by waiting for each other.
_OF_SMALL_LAYERS = frozenset({"linear", "mlp", "rnn"})


def worker_count(search: SearchConfig) -> int:
    """How many trials run side by side: as asked, else one a core as far as memory goes; never more than trials."""
    if search.executor == "inline":
        return 1
    import psutil

    affordable = max(1, int(psutil.virtual_memory().available // _WORKER_BYTES))
    return min(search.workers or min(_cores(), affordable, _MOST_WORKERS), search.trials)


def thread_count(experiment: Experiment, space: Space, spec: DataSpec) -> int:
    """Threads of one worker: as asked, else its share of the cores.

    One for small layers, and in a process that has other things to do.
    """
    search = experiment.search
    if experiment.training.threads is not None:
        return experiment.training.threads
    each = max(1, _cores() // worker_count(search))
    if search.executor == "inline" or each == 1:
        return 1
    if experiment.model in _OF_SMALL_LAYERS:
        keras_computes_so = (os.environ.get("KERAS_BACKEND") or "tensorflow") == "tensorflow"
        return each if keras_computes_so and _are_shared_out(space, spec, each) else 1
    return each


def _are_shared_out(space: Space, spec: DataSpec, threads: int) -> bool:
    """Whether all models of a space train in NumPy, as far as a few draws show, and the largest in several processes.

    What is left to TensorFlow would lose by a second thread.
    """
    from search.training.direct.scope import is_known, team_size

    drawn: list[Suggester] = [Extreme(largest=True), *(Sampled(seed) for seed in range(_DRAWS))]
    configs = [resolve(space.suggest(one), family=space.family) for one in drawn]
    return team_size(configs[0], spec, threads) > 1 and all(is_known(config, spec) for config in configs)


def _cores() -> int:
    """Of the processor, that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
