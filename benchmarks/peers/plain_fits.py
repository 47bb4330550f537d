"""What does cross-validation take as plain Keras: one ``fit`` a fold, and no record?

python plain_fits.py TASK.json
"""

from __future__ import annotations

import time

import keras
from models import build_model
from task import Outcome, read_task


def main() -> None:
    """Fit a fresh model on each fold, and say what came out."""
    task, outcome = read_task(), Outcome()
    keras.utils.set_random_seed(task.seed)
    for fold in range(1, task.rounds + 1):
        began = time.perf_counter()
        x, y, x_validation, y_validation = task.parts(fold)
        model = build_model(task.configs[0], x.shape[1:], task.outputs, task.task)
        data, fit = (x_validation, y_validation), {"epochs": task.epochs, "batch_size": task.batch_size}
        history = model.fit(x, y, validation_data=data, verbose=0, **fit).history["val_accuracy"]
        outcome.add(time.perf_counter() - began, history, model.count_params())
    outcome.say()


if __name__ == "__main__":
    main()
