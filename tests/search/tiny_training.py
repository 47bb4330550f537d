"""A model and data so small that a test may train them."""

from __future__ import annotations

from typing import Any

import numpy as np

from search.data.dataset import Part
from spaces import DataSpec, ModelConfig, parse_space, resolve
from spaces.suggesters import Sampled

BASE: dict[str, Any] = {
    "layers": 2,
    "units": {"choice": [7], "shared": True},
    "activation": "tanh",
    "batch_norm": False,
    "dropout": 0.0,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 16,
}


def config(**changes: Any) -> ModelConfig:
    return resolve(parse_space({**BASE, **changes}).suggest(Sampled(0)))


def parts(task: str, samples: int = 60) -> tuple[DataSpec, Part, Part]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples + 23, 5)).astype(np.float32)
    if task == "binary":
        spec, y = DataSpec.single((5,), 1, "binary"), (x[:, :1] > 0).astype(np.float32)
    elif task == "multiclass":
        spec, y = DataSpec.single((5,), 3, "multiclass"), np.argmax(x[:, :3], axis=1).astype(np.int32)
    else:
        spec, y = DataSpec.single((5,), 1, "regression"), (x @ np.arange(5, dtype=np.float32))[:, None]
    return spec, Part(x[:samples], y[:samples]), Part(x[samples:], y[samples:])
