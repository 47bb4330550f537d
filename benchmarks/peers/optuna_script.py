"""What does a script take that someone writes with Optuna, Keras and MLflow, for a list of fixed configs?

    python optuna_script.py TASK.json

Parameters and the metrics of each epoch go to MLflow on SQLite, and at the end the best model. What such a script is
often slowed down by is left out: its study is in memory, and the requirements of the model are given, not inferred.
"""

from __future__ import annotations

import os
import time
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import keras
import mlflow
import mlflow.keras
import optuna
from models import build_model
from task import Outcome, Task, read_task


def suggest(trial: optuna.Trial, *, convolutions: bool) -> dict[str, Any]:
    """A config of the space that holds them all; here each value is one that was enqueued."""
    config: dict[str, Any] = {}
    if convolutions:
        config["conv_layers"] = trial.suggest_int("conv_layers", 1, 3)
        config["filters"] = [trial.suggest_int(f"filters_{n}", 4, 64) for n in range(config["conv_layers"])]
        config["kernel_size"] = trial.suggest_categorical("kernel_size", [3, 5])
        config["pooling"] = trial.suggest_categorical("pooling", ["max", "average"])
        config["conv_dropout"] = trial.suggest_float("conv_dropout", 0.0, 0.3)
    layers = trial.suggest_int("layers", 0, 3)
    config["units"] = [trial.suggest_int(f"units_{n}", 4, 512) for n in range(layers)]
    config["activation"] = trial.suggest_categorical("activation", ["relu", "tanh", "elu", "leaky_relu"])
    config["batch_norm"] = trial.suggest_categorical("batch_norm", [True, False])
    config["dropout"] = trial.suggest_float("dropout", 0.0, 0.5)
    config["l2"] = trial.suggest_categorical("l2", [0.0, 1e-4, 1e-3])
    config["optimizer"] = trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"])
    config["learning_rate"] = trial.suggest_float("learning_rate", 3e-4, 1e-1, log=True)
    if config["optimizer"] == "sgd":
        config["momentum"] = trial.suggest_float("momentum", 0.0, 0.99)
    return config


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """The config as parameters that a study can be given."""
    params: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, list):
            params |= {f"{name}_{number}": entry for number, entry in enumerate(value)}
        elif name != "head":
            params[name] = value
    return params


class LogEpochs(keras.callbacks.Callback):
    """Writes an epoch's metrics down."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        mlflow.log_metrics(logs or {}, step=epoch + 1)


class Search:
    """The objective, and the best model so far."""

    def __init__(self, task: Task, outcome: Outcome) -> None:
        self.task, self.outcome = task, outcome
        self.x, self.y, self.x_validation, self.y_validation = task.parts()
        self.best_value, self.best_model, self.best_run = -1.0, None, ""

    def __call__(self, trial: optuna.Trial) -> float:
        began, task = time.perf_counter(), self.task
        with mlflow.start_run(run_name=f"trial-{trial.number}") as run:
            config = suggest(trial, convolutions="conv_layers" in task.configs[0])
            mlflow.log_params(trial.params)
            model = build_model(config, self.x.shape[1:], task.outputs, task.task)
            history = model.fit(
                self.x,
                self.y,
                validation_data=(self.x_validation, self.y_validation),
                epochs=task.epochs,
                batch_size=task.batch_size,
                callbacks=[LogEpochs()],
                verbose=0,
            ).history["val_accuracy"]
        if max(history) > self.best_value:
            self.best_value, self.best_model, self.best_run = max(history), model, run.info.run_id
        self.outcome.add(time.perf_counter() - began, history, model.count_params())
        return max(history)


def main() -> None:
    """Search, log the best model, and say what came out."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("search")
    task, outcome = read_task(), Outcome()  # from here on: the database is there for kerasweep's search too
    keras.utils.set_random_seed(task.seed)
    search = Search(task, outcome)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=task.seed))
    for config in task.configs:
        study.enqueue_trial(flat(config))
    study.optimize(search, n_trials=len(task.configs))
    signature = mlflow.models.infer_signature(search.x[:5], search.best_model.predict(search.x[:5], verbose=0))
    needs = [f"keras=={keras.__version__}", "tensorflow"]
    with mlflow.start_run(run_id=search.best_run):
        mlflow.keras.log_model(search.best_model, name="model", signature=signature, pip_requirements=needs)
    outcome.say()


if __name__ == "__main__":
    main()
