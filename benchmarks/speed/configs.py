"""Which fixed configs does each work train, by every contestant alike?

They are what a random search draws: no two networks have the same widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Config = Mapping[str, Any]

_MLP = {"activation": "relu", "batch_norm": False, "dropout": 0.0, "l2": 0.0, "optimizer": "adam"}
_CNN = {
    "conv_layers": 1, "kernel_size": 3, "pooling": "max", "conv_dropout": 0.0, "head": "flatten", "layers": 0,
    "units": [], "activation": "relu", "batch_norm": False, "dropout": 0.0, "l2": 0.0, "optimizer": "adam",
}  # fmt: skip


def _mlp(*units: int, rate: float, **others: Any) -> Config:
    return {**_MLP, "layers": len(units), "units": list(units), "learning_rate": rate, **others}


def _cnn(*filters: int, rate: float, units: tuple[int, ...] = (), **others: Any) -> Config:
    sizes = {"conv_layers": len(filters), "filters": list(filters), "layers": len(units), "units": list(units)}
    return {**_CNN, **sizes, "learning_rate": rate, **others}


PIMA = (
    _mlp(12, 8, rate=1e-3),
    _mlp(24, rate=3e-3, activation="tanh", dropout=0.2),
    _mlp(48, 16, rate=1e-3, batch_norm=True),
    _mlp(9, 31, 14, rate=2e-3, activation="elu", optimizer="rmsprop"),
    _mlp(64, rate=1e-2, optimizer="sgd", momentum=0.9),
    _mlp(20, 27, rate=5e-4, dropout=0.35, l2=1e-4),
    _mlp(33, 11, 6, rate=1.5e-3, activation="leaky_relu"),
    _mlp(17, 52, rate=4e-3, batch_norm=True, dropout=0.1, optimizer="rmsprop"),
    _mlp(40, rate=8e-4, activation="tanh", l2=1e-3),
    _mlp(58, 37, 19, rate=6e-3, optimizer="sgd", momentum=0.5, l2=1e-4),
)
DIGITS = (
    _mlp(64, rate=1e-3, dropout=0.2),
    _mlp(128, 64, rate=1e-3),
    _mlp(96, rate=3e-3, activation="tanh"),
    _mlp(110, 45, rate=2e-3, batch_norm=True),
    _mlp(70, 51, 38, rate=1e-3, activation="elu", optimizer="rmsprop"),
    _mlp(120, rate=1e-2, optimizer="sgd", momentum=0.9, l2=1e-4),
    _mlp(83, 100, rate=7e-4, dropout=0.3),
    _mlp(41, 29, rate=5e-3, batch_norm=True, dropout=0.1),
    _mlp(105, 90, 75, rate=5e-4, activation="leaky_relu", l2=1e-4),
    _mlp(57, rate=2e-3, optimizer="rmsprop", batch_norm=True),
)
FASHION = (
    _mlp(128, rate=1e-3),
    _mlp(256, 64, rate=1e-3, dropout=0.2),
    _mlp(200, rate=2e-3, activation="tanh"),
    _mlp(150, 100, rate=1e-3, batch_norm=True),
    _mlp(180, 90, 45, rate=8e-4, activation="elu", optimizer="rmsprop"),
    _mlp(96, rate=5e-2, optimizer="sgd", momentum=0.9),
    _mlp(220, 110, rate=7e-4, l2=1e-4),
    _mlp(75, 50, rate=3e-3, batch_norm=True, dropout=0.1),
    _mlp(300, rate=5e-4, activation="leaky_relu", dropout=0.3),
    _mlp(160, 140, rate=2e-3, optimizer="rmsprop", batch_norm=True),
)
FONTS = (
    _cnn(4, rate=1e-3, kernel_size=5),
    _cnn(16, 4, rate=1e-3),
    _cnn(8, 16, rate=2e-3, batch_norm=True),
    _cnn(12, 24, rate=1e-3, units=(64,), dropout=0.2),
    _cnn(6, 10, 20, rate=1e-3, activation="elu", pooling="average"),
    _cnn(20, rate=5e-4, optimizer="rmsprop"),
    _cnn(14, 28, rate=1e-2, optimizer="sgd", momentum=0.9, batch_norm=True),
    _cnn(9, 18, 32, rate=1e-3, units=(48,), conv_dropout=0.1),
    _cnn(24, 12, rate=8e-4, kernel_size=5, activation="leaky_relu"),
    _cnn(10, 22, rate=3e-3, batch_norm=True, units=(96,), l2=1e-4, optimizer="rmsprop"),
)

# What holds them all, for a study that is given them as ``start_with``.
_TRAINING_SPACE: dict[str, Any] = {
    "activation": ["relu", "tanh", "elu", "leaky_relu"],
    "batch_norm": [True, False],
    "dropout": {"float": [0.0, 0.5]},
    "l2": [0.0, 1e-4, 1e-3],
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate": {"float": [3e-4, 1e-1], "log": True},
    "momentum": {"float": [0.0, 0.99], "when": {"optimizer": "sgd"}},
}
MLP_SPACE: dict[str, Any] = {"layers": {"int": [1, 3]}, "units": {"int": [4, 512], "log": True}, **_TRAINING_SPACE}
CNN_SPACE: dict[str, Any] = {
    "conv_layers": {"int": [1, 3]},
    "filters": {"int": [4, 64], "log": True},
    "kernel_size": [3, 5],
    "pooling": ["max", "average"],
    "conv_dropout": {"float": [0.0, 0.3]},
    "head": "flatten",
    "layers": {"int": [0, 1]},
    "units": {"int": [32, 256], "log": True},
    **_TRAINING_SPACE,
}
# What is searched for a target: the peer draws from the same (benchmarks/peers/hyperband.py).
TARGET_SPACE: dict[str, Any] = {
    "layers": {"int": [1, 3]},
    "units": {"int": [16, 128], "log": True},
    "activation": ["relu", "tanh", "elu", "leaky_relu"],
    "batch_norm": [True, False],
    "dropout": {"float": [0.0, 0.5]},
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate": {"float": [3e-4, 3e-2], "log": True},
    "momentum": {"float": [0.0, 0.99], "when": {"optimizer": "sgd"}},
}
