"""Seeded studies for the tests of pictures: plain rows, as a real random search would leave them."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from search.pictures.rows import Scalar, TrialRow


def history_of(epochs: int, seed: int = 0, lift: float = 0.0) -> list[dict[str, float]]:
    """A history that looks like a small classifier on a small table."""
    random_ = random.Random(seed)
    history = []
    for epoch in range(1, epochs + 1):
        fall = math.exp(-epoch / 12)
        history.append(
            {
                "loss": 0.40 + 0.35 * fall + random_.gauss(0, 0.006),
                "accuracy": 0.80 - 0.18 * fall + lift + random_.gauss(0, 0.004),
                "val_loss": 0.47 + 0.26 * fall + 0.0012 * epoch + random_.gauss(0, 0.012),
                "val_accuracy": 0.765 - 0.15 * fall + lift + random_.gauss(0, 0.011),
                "learning_rate": 1e-3,
            }
        )
    return history


def random_params(random_: random.Random) -> dict[str, Scalar]:
    layers = random_.randint(1, 5)
    params: dict[str, Scalar] = {"layers": layers}
    for layer in range(1, layers + 1):
        params[f"units_{layer}"] = round(10 ** random_.uniform(1, 2))
    params["activation"] = random_.choice(["relu", "tanh", "elu", "leaky_relu"])
    params["batch_norm"] = random_.random() < 0.5
    params["dropout"] = random_.uniform(0, 0.5)
    params["optimizer"] = random_.choice(["adam", "sgd", "rmsprop"])
    params["learning_rate"] = 3e-4 * 100 ** random_.random()
    if params["optimizer"] == "sgd":
        params["momentum"] = random_.uniform(0, 0.99)
    params["batch_size"] = 10
    return params


def study_of(trials: int, seed: int = 7) -> list[TrialRow]:
    """A random study in which a learning rate near 4e-3 and less dropout help, with every state in it."""
    random_ = random.Random(seed)
    rows = []
    for number in range(trials):
        params = random_params(random_)
        rate, dropout = params["learning_rate"], params["dropout"]
        assert isinstance(rate, float)
        assert isinstance(dropout, float)
        value = 0.80 - 0.045 * abs(math.log10(rate / 4e-3)) - 0.05 * dropout + random_.gauss(0, 0.012)
        row = TrialRow(
            number=number,
            state="complete",
            value=value,
            params=params,
            best_epoch=random_.randint(15, 120),
            epochs=140,
            seconds=random_.uniform(1.2, 9.0),
            parameters=random_.randint(200, 24000),
        )
        chance = random_.random()
        if chance < 0.42:
            epoch = random_.choice([3, 9, 27])
            reason = f"pruned at epoch {epoch}: {value - 0.1:.4f} is not among the best third of 21 trials"
            row = replace(
                row,
                state="pruned",
                value=value - 0.12 + epoch / 300,
                epochs=epoch,
                best_epoch=epoch,
                reason=reason,
            )
        elif chance < 0.47:
            row = replace(row, state="diverged", value=None, best_epoch=None, epochs=4, reason="diverged at epoch 4")
        elif chance < 0.5:
            row = replace(row, state="failed", value=None, best_epoch=None, epochs=0, reason="worker lost (signal 9)")
        rows.append(row)
    if trials > 20:
        rows[-1] = replace(rows[-1], state="running", value=None, best_epoch=None, epochs=2, seconds=None)
    return rows


IMPORTANCES = {
    "learning_rate": 0.46,
    "dropout": 0.19,
    "layers": 0.1,
    "optimizer": 0.08,
    "units_1": 0.07,
    "activation": 0.06,
    "batch_norm": 0.04,
}
LOG_PARAMS = frozenset({"learning_rate", *(f"units_{layer}" for layer in range(1, 6))})
