"""Search over Keras models: run studies, and take the best away.

>>> import search
>>> model = search.load_best("pima")             # doctest: +SKIP
>>> model.predict(frame)                         # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.errors import SearchError
    from search.experiment import Experiment, load_experiment, parse_experiment
    from search.home import Home
    from search.reuse.load import load_best
    from search.study.run import run_study

__all__ = ["Experiment", "Home", "SearchError", "load_best", "load_experiment", "parse_experiment", "run_study"]

_HOMES = {
    "Experiment": "experiment",
    "Home": "home",
    "SearchError": "errors",
    "load_best": "reuse.load",
    "load_experiment": "experiment",
    "parse_experiment": "experiment",
    "run_study": "study.run",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `import search` itself stays quick.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
