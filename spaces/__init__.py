"""Search spaces over Keras models: describe them, draw from them, resolve and build what was drawn."""

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
