"""What does KerasTuner's RandomSearch take for a list of fixed configs? It records nothing in MLflow.

    python random_search.py TASK.json

Only which config comes next is fixed, where RandomSearch would draw one; all else is KerasTuner's own.
"""

from __future__ import annotations

import time
from typing import Any

import keras
import keras_tuner
import tensorflow as tf  # noqa: F401 - so that its import counts as one
from models import build_model
from task import Outcome, read_task


class InOrder(keras_tuner.oracles.RandomSearchOracle):
    """Gives trial i config i."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        return {"status": "RUNNING", "values": {"config": int(trial_id)}}


class Timed(keras_tuner.Tuner):
    """Notes what came out of each trial."""

    outcome: Outcome

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        (history,) = results = super().run_trial(trial, *args, **kwargs)
        size = history.model.count_params()
        self.outcome.add(time.perf_counter() - began, history.history["val_accuracy"], size)
        return results


def main() -> None:
    """Search, and say what came out."""
    task, outcome = read_task(), Outcome()
    keras.utils.set_random_seed(task.seed)
    x, y, x_validation, y_validation = task.parts()

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        number = hp.Int("config", 0, len(task.configs) - 1)
        return build_model(task.configs[number], x.shape[1:], task.outputs, task.task)

    oracle = InOrder(objective="val_accuracy", max_trials=len(task.configs), seed=task.seed)
    tuner = Timed(oracle=oracle, hypermodel=build, directory="keras_tuner", project_name="search")
    tuner.outcome = outcome
    fit = {"epochs": task.epochs, "batch_size": task.batch_size, "verbose": 0}
    tuner.search(x, y, validation_data=(x_validation, y_validation), **fit)
    outcome.say()


if __name__ == "__main__":
    main()
