"""How does an optimizer's config become a Keras optimizer?"""

from __future__ import annotations

from typing import Any

from spaces.builders.dense import OUTPUTS
from spaces.model_config import OptimizerConfig

OPTIMIZER_CLASSES: dict[str, str] = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "Nadam", "adamax": "Adamax",
    "adagrad": "Adagrad", "adadelta": "Adadelta", "lion": "Lion", "lamb": "Lamb", "ftrl": "Ftrl",
    "adafactor": "Adafactor", "muon": "Muon", "schedule_free_adamw": "ScheduleFreeAdamW",
}  # fmt: skip


def build_optimizer(config: OptimizerConfig, precision: str = "float32") -> Any:
    """A fresh ``keras.optimizers`` object, at its plain learning rate: a schedule is the training loop's.

    For ``mixed_float16``, in which small gradients vanish, it is wrapped as ``compile`` would, to scale the loss.
    """
    import keras

    arguments: dict[str, Any] = dict(config.settings)
    if config.learning_rate is not None:
        arguments["learning_rate"] = config.learning_rate
    # AdamW and Muon decay by default; here a config says all.
    arguments["weight_decay"] = config.weight_decay or (0.0 if config.name in ("adamw", "muon") else None)
    for name in ("clipnorm", "clipvalue", "global_clipnorm"):
        if getattr(config, name) is not None:
            arguments[name] = getattr(config, name)
    if config.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": config.ema_momentum}
    if config.name == "muon":
        # Its own step is for the matrices between hidden layers: Keras leaves embeddings out, and this the output. A
        # shortcut over steps or pixels has a gradient whose shape TensorFlow does not know, which Muon asks for.
        arguments |= {"adam_weight_decay": config.weight_decay, "exclude_layers": [f"^{OUTPUTS}/", "_projection/"]}
    optimizer = getattr(keras.optimizers, OPTIMIZER_CLASSES[config.name])(**arguments)
    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer
