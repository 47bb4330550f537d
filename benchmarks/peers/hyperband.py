"""When does KerasTuner's Hyperband first have a trial that is good enough?

    python hyperband.py TASK.json

The space is TARGET_SPACE of benchmarks/speed/configs.py. The script ends at the first such trial.
"""

from __future__ import annotations

import os
import time
from typing import Any

import keras
import keras_tuner
from models import build_model
from task import Outcome, read_task


def config_of(hp: keras_tuner.HyperParameters) -> dict[str, Any]:
    """A config as KerasTuner asks for it."""
    optimizer = hp.Choice("optimizer", ["adam", "sgd", "rmsprop"])
    return {
        "units": [hp.Int(f"units_{n}", 16, 128, sampling="log") for n in range(hp.Int("layers", 1, 3))],
        "activation": hp.Choice("activation", ["relu", "tanh", "elu", "leaky_relu"]),
        "batch_norm": hp.Boolean("batch_norm"),
        "dropout": hp.Float("dropout", 0.0, 0.5),
        "optimizer": optimizer,
        "learning_rate": hp.Float("learning_rate", 3e-4, 3e-2, sampling="log"),
        "momentum": hp.Float("momentum", 0.0, 0.99) if optimizer == "sgd" else 0.0,
    }


class UntilGoodEnough(keras_tuner.Hyperband):
    """Ends the process with the first trial that reaches the accuracy."""

    outcome: Outcome
    accuracy: float

    def on_trial_end(self, trial: Any) -> None:
        super().on_trial_end(trial)
        now = time.time()
        self.outcome.add(0.0, [trial.score], 0)
        if trial.score >= self.accuracy:
            self.outcome.say(reached_at=now)
            os._exit(0)


def main() -> None:
    """Search until the accuracy is reached, or the brackets are over."""
    task, outcome = read_task(), Outcome()
    keras.utils.set_random_seed(task.seed)
    x, y, x_validation, y_validation = task.parts()

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        return build_model(config_of(hp), x.shape[1:], task.outputs, task.task)

    tuner = UntilGoodEnough(
        build,
        objective="val_accuracy",
        max_epochs=task.epochs,
        hyperband_iterations=100,  # more than there is time for
        seed=task.seed,
        directory="keras_tuner",
        project_name="search",
    )
    tuner.outcome, tuner.accuracy = outcome, task.accuracy
    tuner.search(x, y, validation_data=(x_validation, y_validation), batch_size=task.batch_size, verbose=0)
    outcome.say()


if __name__ == "__main__":
    main()
