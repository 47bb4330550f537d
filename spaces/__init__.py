"""Which names does a space of Keras models offer: to describe it, draw from it, and resolve what was drawn?

>>> from spaces import parse_space, resolve
>>> from spaces.suggesters import Sampled
>>> resolve(parse_space({"layers": 2, "units": 16}).suggest(Sampled(seed=0))).hidden[1].units
16
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spaces.data_spec import TASKS, DataSpec, Task
    from spaces.dimension import Condition, Dimension, Params
    from spaces.domains import Choice, FloatRange, IntRange, Suggester
    from spaces.errors import SpaceError
    from spaces.model_config import ModelConfig, resolve
    from spaces.parse import parse_space
    from spaces.pins import pin
    from spaces.space import Space

__all__ = [
    "TASKS",
    "Choice",
    "Condition",
    "DataSpec",
    "Dimension",
    "FloatRange",
    "IntRange",
    "ModelConfig",
    "Params",
    "Space",
    "SpaceError",
    "Suggester",
    "Task",
    "parse_space",
    "pin",
    "resolve",
]

_HOMES = {
    "TASKS": "data_spec",
    "Choice": "domains",
    "Condition": "dimension",
    "DataSpec": "data_spec",
    "Dimension": "dimension",
    "FloatRange": "domains",
    "IntRange": "domains",
    "ModelConfig": "model_config",
    "Params": "dimension",
    "Space": "space",
    "SpaceError": "errors",
    "Suggester": "domains",
    "Task": "data_spec",
    "parse_space": "parse",
    "pin": "pins",
    "resolve": "model_config",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: pydantic behind ModelConfig takes longer to load than `kerasweep --help` to answer.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
