"""Which optimizers, learning-rate schedules and losses may a space use, with which settings?

Plain data, readable without Keras; a test compares it with the installed Keras.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spaces.data_spec import Task
from spaces.quantity import Quantity


def _decay(text: str = "a decay rate", low: float = 0.8, high: float = 0.999) -> Quantity:
    return Quantity("float", text, minimum=0, below=1, suggested={"float": [low, high]})


_MOMENTUM = _decay("a decay rate", 0.0, 0.99)
_BETA_1, _BETA_2 = _decay(low=0.8, high=0.99), _decay(low=0.9, high=0.9999)
_EPSILON = Quantity(
    "float", "a small constant against division by zero", above=0, suggested={"float": [1e-8, 1e-3], "log": True}
)
_FLAG = Quantity("bool", "a switch", suggested=[True, False])
_START = Quantity("float", "a start value", minimum=0, suggested={"float": [0.0, 1.0]})
_PENALTY = Quantity("float", "a penalty inside the optimizer", minimum=0, suggested={"float": [0.0, 0.01]})

# Settings by optimizer, as keyword arguments of the Keras class; learning_rate, weight_decay, clipping and the
# moving average of the weights exist for all. Keras's other classes are no choices of their own: LossScaleOptimizer
# only wraps one for 16-bit numbers, MultiOptimizer and OptimizerMap give layers different ones.
OPTIMIZERS: dict[str, dict[str, Quantity]] = {
    "sgd": {"momentum": _MOMENTUM, "nesterov": _FLAG},
    "rmsprop": {"rho": _decay(low=0.8, high=0.99), "momentum": _MOMENTUM, "epsilon": _EPSILON, "centered": _FLAG},
    "adam": {"beta_1": _BETA_1, "beta_2": _BETA_2, "epsilon": _EPSILON, "amsgrad": _FLAG},
    "adamw": {"beta_1": _BETA_1, "beta_2": _BETA_2, "epsilon": _EPSILON, "amsgrad": _FLAG},
    "nadam": {"beta_1": _BETA_1, "beta_2": _BETA_2, "epsilon": _EPSILON},
    "adamax": {"beta_1": _BETA_1, "beta_2": _BETA_2, "epsilon": _EPSILON},
    "adagrad": {"initial_accumulator_value": _START, "epsilon": _EPSILON},
    "adadelta": {"rho": _decay(low=0.8, high=0.99), "epsilon": _EPSILON},
    "lion": {"beta_1": _BETA_1, "beta_2": _BETA_2},
    "lamb": {"beta_1": _BETA_1, "beta_2": _BETA_2, "epsilon": _EPSILON},
    "ftrl": {
        "learning_rate_power": Quantity(
            "float", "the power of the accumulator", maximum=0, suggested={"float": [-1.0, 0.0]}
        ),
        "initial_accumulator_value": _START,
        "l1_regularization_strength": _PENALTY,
        "l2_regularization_strength": _PENALTY,
        "l2_shrinkage_regularization_strength": _PENALTY,
        "beta": Quantity("float", "a constant beside the accumulator", minimum=0, suggested={"float": [0.0, 1.0]}),
    },
    "adafactor": {
        "beta_2_decay": Quantity("float", "the power of the decay", below=0, suggested={"float": [-1.0, -0.5]}),
        "epsilon_1": Quantity("float", "a small constant", above=0, suggested={"float": [1e-30, 1e-8], "log": True}),
        "epsilon_2": Quantity("float", "the least step scale", above=0, suggested={"float": [1e-4, 1e-2], "log": True}),
        "clip_threshold": Quantity("float", "the largest update, as a root mean square", above=0,
                                   suggested={"float": [0.5, 2.0]}),
        "relative_step": _FLAG,
    },
    "muon": {
        "momentum": _MOMENTUM,
        "nesterov": _FLAG,
        "adam_beta_1": _BETA_1,
        "adam_beta_2": _BETA_2,
        "epsilon": _EPSILON,
        "adam_lr_ratio": Quantity("float", "step size of what AdamW trains, over that of the rest", above=0,
                                  suggested={"float": [0.1, 1.0]}),
        "ns_steps": Quantity("int", "Newton-Schulz iterations", minimum=1, maximum=20, suggested={"int": [3, 7]}),
        "rms_rate": Quantity("float", "scale of an update", above=0, suggested={"float": [0.1, 0.4]}),
    },
    "schedule_free_adamw": {
        # The interpolation divides by it.
        "beta_1": _BETA_1,
        "beta_2": _BETA_2,
        "epsilon": _EPSILON,
        "warmup_steps": Quantity("int", "steps of a warm-up of its own", minimum=0, maximum=1_000_000,
                                 suggested={"int": [0, 1000]}),
    },
}  # fmt: skip

_END = Quantity("float", "the lowest learning rate, as a fraction of the first", minimum=0, maximum=1, neutral=0.0,
                suggested={"float": [0.0, 0.1]})  # fmt: skip
_RATE = Quantity("float", "what the learning rate is multiplied by in decay_epochs", above=0, maximum=1, neutral=0.9,
                 suggested={"float": [0.5, 0.99]})  # fmt: skip
_DECAY_EPOCHS = Quantity("float", "epochs in which the learning rate falls to decay_rate of itself", above=0,
                         neutral=10.0, suggested={"float": [1.0, 50.0], "log": True})  # fmt: skip
_SPAN = Quantity("float", "epochs from the first learning rate to the lowest", above=0, neutral=100.0,
                 suggested={"float": [10.0, 100.0]}, otherwise="training.epochs")  # fmt: skip

# Settings by schedule; times in epochs (fractions of one count), learning rates as fractions of the optimizer's.
SCHEDULES: dict[str, dict[str, Quantity]] = {
    "constant": {},
    "exponential": {"decay_rate": _RATE, "decay_epochs": _DECAY_EPOCHS},
    "staircase": {"decay_rate": _RATE, "decay_epochs": _DECAY_EPOCHS},
    "polynomial": {
        "span_epochs": _SPAN,
        "end_fraction": _END,
        "power": Quantity("float", "the power of the polynomial", above=0, neutral=1.0,
                          suggested={"float": [0.5, 2.0]}),
    },
    "cosine": {"span_epochs": _SPAN, "end_fraction": _END},
    "cosine_restarts": {
        "first_restart": Quantity("float", "epochs before the first restart", above=0, neutral=10.0,
                                  suggested={"float": [5.0, 30.0]}),
        "restart_factor": Quantity("float", "how much longer each period is than the one before", minimum=1,
                                   neutral=2.0, suggested=[1.0, 1.5, 2.0]),
        "restart_peak": Quantity("float", "the first learning rate of a period over that of the one before",
                                 above=0, maximum=1, neutral=1.0, suggested={"float": [0.5, 1.0]}),
        "end_fraction": _END,
    },
    "plateau": {
        "plateau_factor": Quantity("float", "what the learning rate is multiplied by on a plateau", above=0, below=1,
                                   neutral=0.5, suggested={"float": [0.1, 0.7]}),
        "plateau_patience": Quantity("int", "epochs without a better objective that make a plateau", minimum=1,
                                     maximum=1_000_000, neutral=5, suggested={"int": [2, 10]}),
        "end_fraction": _END,
    },
}  # fmt: skip

SCHEDULE_MEANINGS: dict[str, str] = {
    "constant": "the optimizer's learning rate throughout",
    "exponential": "falls smoothly, to `decay_rate` of itself in `decay_epochs`",
    "staircase": "the same, in steps: it falls once every `decay_epochs`",
    "polynomial": "falls to `end_fraction` in `span_epochs`; `power: 1` is a straight line",
    "cosine": "falls to `end_fraction` in `span_epochs` along half a cosine wave",
    "cosine_restarts": "falls likewise, and starts anew at the end of each period",
    "plateau": "falls by `plateau_factor` when the objective has not improved for `plateau_patience` epochs",
}


@dataclass(frozen=True)
class LossInfo:
    """A loss by its short name: the tasks that it fits, its settings, and what it is."""

    tasks: tuple[Task, ...]
    meaning: str
    settings: dict[str, Quantity] = field(default_factory=dict)


_SMOOTHING = Quantity("float", "what of each label is spread over all classes", minimum=0, below=1, neutral=0.0,
                      suggested={"float": [0.0, 0.2]})  # fmt: skip

LOSSES: dict[str, LossInfo] = {
    "mse": LossInfo(("regression", "binary"), "mean squared error"),
    "mae": LossInfo(("regression", "binary"), "mean absolute error"),
    "huber": LossInfo(
        ("regression",),
        "squared up to `huber_delta`, absolute beyond it",
        {"huber_delta": Quantity("float", "where the Huber loss turns from squares to absolutes, in standard "
                                 "deviations of the target", above=0, neutral=1.0,
                                 suggested={"float": [0.1, 3.0], "log": True})},
    ),
    "log_cosh": LossInfo(("regression",), "logarithm of the hyperbolic cosine of the error"),
    "asymmetric": LossInfo(
        ("regression",),
        "a unit too many costs `cost`, a unit too few `profit`",
        {
            "cost": Quantity("float", "what a unit too many costs", above=0, neutral=1.0,
                             suggested={"float": [0.1, 10.0], "log": True}),
            "profit": Quantity("float", "what a unit too few costs", above=0, neutral=1.0,
                               suggested={"float": [0.1, 10.0], "log": True}),
        },
    ),
    "binary_crossentropy": LossInfo(("binary",), "binary cross-entropy", {"label_smoothing": _SMOOTHING}),
    "sparse_categorical_crossentropy": LossInfo(("multiclass",), "cross-entropy of class numbers"),
    "categorical_crossentropy": LossInfo(
        ("multiclass",), "the same of one-hot classes, which can be smoothed", {"label_smoothing": _SMOOTHING}
    ),
    "focal": LossInfo(
        ("binary", "multiclass"),
        "cross-entropy that counts samples less the surer the model is of them",
        {
            "focal_gamma": Quantity("float", "how fast the focal loss forgets samples that are easy", minimum=0,
                                    neutral=2.0, suggested={"float": [0.5, 5.0]}),
            "focal_alpha": Quantity("float", "weight of class 1 in the focal loss (0.5 treats both alike)", above=0,
                                    below=1, neutral=0.25, suggested={"float": [0.1, 0.9]}),
        },
    ),
}  # fmt: skip

DEFAULT_LOSS: dict[Task, str] = {
    "binary": "binary_crossentropy",
    "multiclass": "sparse_categorical_crossentropy",
    "regression": "mse",
}
