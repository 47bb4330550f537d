"""Which dimensions may a space use, which family has them, and what does a space take that says nothing?

Plain data, readable without Keras; a test compares it with the installed Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from spaces.catalog_layers import ACTIVATIONS, CELLS, COUNTS, FLIPS, HEADS, INITIALIZERS, LAYER_QUANTITIES, POOLINGS
from spaces.catalog_training import DEFAULT_LOSS, LOSSES, OPTIMIZERS, SCHEDULE_MEANINGS, SCHEDULES, LossInfo
from spaces.quantity import Quantity, Scalar

__all__ = [
    "ACTIVATIONS",
    "AS_HIDDEN",
    "CELLS",
    "CONDITIONAL_DEFAULTS",
    "COUNTS",
    "DEFAULT_EPOCHS",
    "DEFAULT_LOSS",
    "DEFAULT_SPACE",
    "DEFAULT_SPACES",
    "FAMILIES",
    "FAMILY_DIMENSIONS",
    "FLIPS",
    "HEADS",
    "IMPLIED",
    "INITIALIZERS",
    "LAYERS_NEEDED",
    "LEADING",
    "LOSSES",
    "LOSS_SETTINGS",
    "OPTIMIZERS",
    "OPTIMIZER_SETTINGS",
    "PER_LAYER_BY_DEFAULT",
    "POOLINGS",
    "QUANTITIES",
    "SCHEDULES",
    "SCHEDULE_MEANINGS",
    "SCHEDULE_SETTINGS",
    "LossInfo",
    "Quantity",
    "Scalar",
    "quantity_of",
]

# Family to what it is; `custom` is the user's own model, which brings its dimensions along.
FAMILIES: dict[str, str] = {
    "linear": "the inputs are weighted and summed: no hidden layer",
    "mlp": "a stack of dense layers",
    "cnn": "blocks of convolution, normalisation, activation, pooling and dropout over images or sequences, "
    "then dense layers",
    "rnn": "recurrent layers over sequences of numbers or tokens, then dense layers",
    "custom": "your own model, named as `model: my_model.py:build`",
}


def _takers(settings: Mapping[str, Mapping[str, Quantity]]) -> dict[str, tuple[str, ...]]:
    """Setting to the names that take it."""
    return {
        setting: tuple(name for name, own in settings.items() if setting in own)
        for setting in dict.fromkeys(key for own in settings.values() for key in own)
    }


_LOSS_QUANTITIES = {name: loss.settings for name, loss in LOSSES.items()}
OPTIMIZER_SETTINGS = _takers(OPTIMIZERS)
SCHEDULE_SETTINGS = _takers(SCHEDULES)
LOSS_SETTINGS = _takers(_LOSS_QUANTITIES)

_LEARNING_RATES = {"float": [3e-4, 3e-2], "log": True}
_MOMENTA = {"float": [0.0, 0.99]}


def _all(settings: Mapping[str, Mapping[str, Quantity]]) -> dict[str, Quantity]:
    return {name: quantity for own in settings.values() for name, quantity in own.items()}


_TRAINING: dict[str, Quantity] = {
    "loss": Quantity("name", "what training makes small", names=tuple(LOSSES), functions=True,
                     otherwise="the task's own"),
    **_all(_LOSS_QUANTITIES),
    "positive_weight": Quantity("float", "what a sample of class 1 counts, one of class 0 being 1", above=0,
                                neutral=1.0, suggested={"float": [1.0, 100.0], "log": True}),
    "class_weight": Quantity("name", "whether rare classes count more, in inverse proportion to their share",
                             names=("none", "balanced"), suggested=["none", "balanced"],
                             otherwise="training.class_weight"),
    "optimizer": Quantity("name", "the optimizer", names=tuple(OPTIMIZERS), neutral="adam",
                          suggested=["adam", "sgd", "rmsprop"]),
    "learning_rate": Quantity("float", "the optimizer's step size", above=0, suggested=_LEARNING_RATES,
                              otherwise="Keras's own"),
    "weight_decay": Quantity("float", "decoupled weight decay of the optimizer", minimum=0, neutral=0.0,
                             suggested={"float": [1e-5, 1e-1], "log": True}),
    "clipnorm": Quantity("float", "the largest norm of one variable's gradient; 0 is any", minimum=0, neutral=0.0,
                         suggested=[0.0, 0.5, 1.0, 5.0]),
    "clipvalue": Quantity("float", "the largest entry of a gradient; 0 is any", minimum=0, neutral=0.0,
                          suggested=[0.0, 0.1, 0.5, 1.0]),
    "global_clipnorm": Quantity("float", "the largest norm of all gradients together; 0 is any", minimum=0,
                                neutral=0.0, suggested=[0.0, 0.5, 1.0, 5.0]),
    "ema_momentum": Quantity("float", "decay rate of a moving average of the weights, which is what is validated and "
                             "kept; 0 is none", minimum=0, below=1, neutral=0.0, suggested=[0.0, 0.9, 0.99, 0.999]),
    "schedule": Quantity("name", "how the learning rate goes on from its first value", names=tuple(SCHEDULES),
                         neutral="constant", suggested=list(SCHEDULES)),
    **_all(SCHEDULES),
    "warmup_epochs": Quantity("float", "epochs in which the learning rate rises to its first value", minimum=0,
                              maximum=1_000_000, neutral=0.0, suggested=[0.0, 1.0, 5.0]),
    "second_optimizer": Quantity("name", "the optimizer of a second phase of training", names=("none", *OPTIMIZERS),
                                 neutral="none", suggested=["none", "sgd"]),
    "second_from": Quantity("int", "epoch from which the second phase holds; also as a fraction of all epochs",
                            minimum=2, maximum=1_000_000, suggested={"float": [0.3, 0.8]}),
    "second_learning_rate": Quantity("float", "step size of the second phase", above=0,
                                     suggested={"float": [1e-4, 1e-1], "log": True}, otherwise="Keras's own"),
    "second_momentum": Quantity("float", "momentum of the second phase", minimum=0, below=1, suggested=_MOMENTA,
                                otherwise="Keras's own"),
    "batch_size": Quantity("int", "samples a training step", minimum=1, maximum=1_000_000, neutral=32,
                           suggested={"int": [16, 256], "log": True}, otherwise="training.batch_size, else 32"),
    **_all(OPTIMIZERS),
}  # fmt: skip

# In the order in which a space without an order of its own asks for them.
QUANTITIES: dict[str, Quantity] = {**LAYER_QUANTITIES, **_TRAINING}

_DENSE = tuple(LAYER_QUANTITIES)[tuple(LAYER_QUANTITIES).index("layers") : tuple(LAYER_QUANTITIES).index("l1")]
_PENALTIES = ("l1", "l2", "max_norm", "kernel_initializer")
_AUGMENTATION = ("flip", "shift", "rotate", "zoom")
_CONVOLUTION = tuple(LAYER_QUANTITIES)[: tuple(LAYER_QUANTITIES).index("recurrent_layers")]
_RECURRENT = tuple(LAYER_QUANTITIES)[len(_CONVOLUTION) : tuple(LAYER_QUANTITIES).index("embedding")]

FAMILY_DIMENSIONS: dict[str, tuple[str, ...]] = {
    "linear": ("embedding", "input_dropout", *_PENALTIES, *_AUGMENTATION, "precision", *_TRAINING),
    "mlp": ("embedding", *_DENSE, *_PENALTIES, *_AUGMENTATION, "precision", *_TRAINING),
    "cnn": (*_CONVOLUTION, "embedding", *_DENSE, *_PENALTIES, *_AUGMENTATION, "precision", *_TRAINING),
    "rnn": (*_RECURRENT, "embedding", *_DENSE, *_PENALTIES, "precision", *_TRAINING),
    "custom": ("class_weight", "batch_size"),
}

# What a dimension needs another one to be, whether a file says so or not.
IMPLIED: dict[str, tuple[str, tuple[Scalar, ...]]] = {
    **{setting: ("optimizer", takers) for setting, takers in OPTIMIZER_SETTINGS.items()},
    **{setting: ("schedule", takers) for setting, takers in SCHEDULE_SETTINGS.items()},
    **{setting: ("loss", takers) for setting, takers in LOSS_SETTINGS.items()},
    "units": ("widths", ("free",)),
    "units_first": ("widths", ("funnel",)),
    "units_last": ("widths", ("funnel",)),
    "leaky_slope": ("activation", ("leaky_relu",)),
    "second_from": ("second_optimizer", tuple(OPTIMIZERS)),
    "second_learning_rate": ("second_optimizer", tuple(OPTIMIZERS)),
    "second_momentum": ("second_optimizer", OPTIMIZER_SETTINGS["momentum"]),
}

# How many layers of a kind it takes for a dimension to change the model; any one of the kinds will do.
LAYERS_NEEDED: dict[str, dict[str, int]] = {
    **{name: {"layers": 1} for name in ("widths", "units", "units_first")},
    **{name: {"layers": 1} for name in ("activation", "batch_norm", "layer_norm", "dropout")},
    "units_last": {"layers": 2},
    # The last recurrent layer gives a state, not a sequence: there is nothing to add its input to.
    "residual": {"layers": 1, "conv_layers": 1, "recurrent_layers": 2},
}

# What a dimension of convolutions is where it is left out.
AS_HIDDEN = {"conv_activation": "activation", "conv_batch_norm": "batch_norm", "conv_layer_norm": "layer_norm"}

# Asked for before all others: they decide how many parameters those have, or which.
LEADING: tuple[str, ...] = (*COUNTS, "widths")

# What each layer draws for itself unless `shared: true` says otherwise; the others are shared unless `shared: false`.
PER_LAYER_BY_DEFAULT: tuple[str, ...] = ("filters", "state_size", "units")

_OPTIMIZER_SPACE: dict[str, object] = {
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate": _LEARNING_RATES,
    "momentum": {**_MOMENTA, "when": {"optimizer": "sgd"}},
}
_ACTIVATION_SPACE: dict[str, object] = {
    "activation": ["relu", "tanh", "elu", "leaky_relu"],
    "batch_norm": [True, False],
    "dropout": {"float": [0.0, 0.5]},
}

# What a space leaves out is filled in from here; what is not here either stays at its neutral value.
DEFAULT_SPACES: dict[str, dict[str, object]] = {
    "linear": {"l2": {"float": [1e-6, 1e-2], "log": True}, **_OPTIMIZER_SPACE},
    "mlp": {
        "layers": {"int": [1, 5]},
        "units": {"int": [10, 100], "log": True},
        **_ACTIVATION_SPACE,
        **_OPTIMIZER_SPACE,
    },
    "cnn": {
        "conv_layers": {"int": [1, 4]},
        "filters": {"int": [8, 64], "log": True},
        "kernel_size": [3, 5],
        "pooling": ["max", "average"],
        "conv_dropout": {"float": [0.0, 0.4]},
        "head": ["flatten", "average"],
        "layers": {"int": [0, 2]},
        "units": {"int": [16, 128], "log": True},
        **_ACTIVATION_SPACE,
        **_OPTIMIZER_SPACE,
    },
    "rnn": {
        "recurrent_layers": {"int": [1, 2]},
        "cell": ["gru", "lstm"],
        "state_size": {"int": [8, 128], "log": True},
        "bidirectional": [True, False],
        "cell_dropout": {"float": [0.0, 0.4]},
        "layers": {"int": [0, 1]},
        "units": {"int": [16, 128], "log": True},
        **_ACTIVATION_SPACE,
        **_OPTIMIZER_SPACE,
    },
    "custom": {},
}
DEFAULT_SPACE = DEFAULT_SPACES["mlp"]

# Of a training that says nothing else; the default of training.epochs.
DEFAULT_EPOCHS = 100

# Joins a space of its own accord where the space has what it depends on.
CONDITIONAL_DEFAULTS: dict[str, object] = {
    name: QUANTITIES[name].suggested for name in ("units_first", "units_last", "second_from", "second_learning_rate")
}


def quantity_of(name: str, family: str) -> Quantity:
    """A dimension's bounds in one family: an MLP has at least one hidden layer, a CNN or RNN may have none."""
    quantity = QUANTITIES[name]
    return replace(quantity, minimum=1) if name == "layers" and family == "mlp" else quantity
