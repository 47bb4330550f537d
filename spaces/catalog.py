"""Which names and settings may a space use, and what are their bounds?

Plain data, readable without Keras; a test compares it with the installed Keras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scalar = int | float | str | bool

ACTIVATIONS: tuple[str, ...] = (
    "relu", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "relu6", "tanh", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_tanh", "softplus", "softsign", "softmax", "exponential", "linear",
)  # fmt: skip

INITIALIZERS: tuple[str, ...] = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    "orthogonal", "random_normal", "random_uniform", "truncated_normal", "zeros", "ones",
)  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """One thing that a space can set: its kind, its hard bounds, and what holds where a trial leaves it out.

    Attributes:
        kind: "int", "float", "bool" or "name".
        minimum, maximum: hard bounds (inclusive); None is unbounded.
        below: an exclusive upper bound, e.g. 1 for a dropout rate.
        above: an exclusive lower bound, e.g. 0 for a learning rate.
        names: the allowed names of a "name".
        per_layer: whether it may differ from layer to layer.
        neutral: the value where the space does not set it; None means that every trial must have one
            (or, for a learning rate and optimizer settings, that Keras's own default holds).
        meaning: a phrase for messages and docs.
    """

    kind: Literal["int", "float", "bool", "name"]
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    below: float | None = None
    above: float | None = None
    names: tuple[str, ...] = ()
    per_layer: bool = False
    neutral: Scalar | None = None


_DECAY = Quantity("float", "a decay rate", minimum=0, below=1)
_EPSILON = Quantity("float", "a small constant against division by zero", above=0)
_FLAG = Quantity("bool", "a switch")

# Settings by optimizer, as keyword arguments of the Keras class; learning_rate and weight_decay exist for all.
OPTIMIZERS: dict[str, dict[str, Quantity]] = {
    "sgd": {"momentum": _DECAY, "nesterov": _FLAG},
    "rmsprop": {"rho": _DECAY, "momentum": _DECAY, "epsilon": _EPSILON, "centered": _FLAG},
    "adam": {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _EPSILON, "amsgrad": _FLAG},
    "adamw": {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _EPSILON, "amsgrad": _FLAG},
    "nadam": {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _EPSILON},
    "adamax": {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _EPSILON},
    "adagrad": {"initial_accumulator_value": Quantity("float", "a start value", minimum=0), "epsilon": _EPSILON},
    "adadelta": {"rho": _DECAY, "epsilon": _EPSILON},
    "lion": {"beta_1": _DECAY, "beta_2": _DECAY},
    "lamb": {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _EPSILON},
}

# In the order in which a space without an order of its own asks for them.
QUANTITIES: dict[str, Quantity] = {
    "layers": Quantity("int", "number of hidden layers", minimum=1, maximum=1000),
    "units": Quantity("int", "neurons of a hidden layer", minimum=1, maximum=1_000_000, per_layer=True),
    "activation": Quantity(
        "name", "activation of the hidden layers", names=ACTIVATIONS, per_layer=True, neutral="relu"
    ),
    "batch_norm": Quantity("bool", "batch normalisation before the activation", per_layer=True, neutral=False),
    "dropout": Quantity(
        "float", "a fraction of a hidden layer's outputs", minimum=0, below=1, per_layer=True, neutral=0.0
    ),
    "input_dropout": Quantity("float", "a fraction of the inputs", minimum=0, below=1, neutral=0.0),
    "l1": Quantity("float", "L1 penalty on the kernels", minimum=0, neutral=0.0),
    "l2": Quantity("float", "L2 penalty on the kernels", minimum=0, neutral=0.0),
    "kernel_initializer": Quantity("name", "initializer of the kernels", names=INITIALIZERS, neutral="glorot_uniform"),
    "optimizer": Quantity("name", "the optimizer", names=tuple(OPTIMIZERS), neutral="adam"),
    "learning_rate": Quantity("float", "the optimizer's step size", above=0),
    "weight_decay": Quantity("float", "decoupled weight decay of the optimizer", minimum=0, neutral=0.0),
    "batch_size": Quantity("int", "samples a training step", minimum=1, maximum=1_000_000, neutral=32),
    **{name: quantity for settings in OPTIMIZERS.values() for name, quantity in settings.items()},
}

OPTIMIZER_SETTINGS: dict[str, tuple[str, ...]] = {
    setting: tuple(name for name, settings in OPTIMIZERS.items() if setting in settings)
    for setting in dict.fromkeys(name for settings in OPTIMIZERS.values() for name in settings)
}

# What each layer draws for itself unless `shared: true` says otherwise; the others are shared unless `shared: false`.
PER_LAYER_BY_DEFAULT: tuple[str, ...] = ("units",)

# What a space leaves out is filled in from here; what is not here either stays at its neutral value.
DEFAULT_SPACE: dict[str, object] = {
    "layers": {"int": [1, 5]},
    "units": {"int": [10, 100], "log": True},
    "activation": ["relu", "tanh", "elu", "leaky_relu"],
    "batch_norm": [True, False],
    "dropout": {"float": [0.0, 0.5]},
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate": {"float": [3e-4, 3e-2], "log": True},
    "momentum": {"float": [0.0, 0.99], "when": {"optimizer": "sgd"}},
}

FAMILIES: tuple[str, ...] = ("mlp",)
