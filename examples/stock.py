"""How many units should a shop order, if too few cost it more than too many?

A unit that is not sold costs COST, a customer who finds the shelf empty costs the PROFIT of a sale. The best order is
then not the mean demand but a quantile of it, PROFIT / (COST + PROFIT) = 0.75 here: the newsvendor's problem.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

COST = 1.0  # money a unit left over
PROFIT = 3.0  # money a unit missed
DAYS = 4000


def load() -> pd.DataFrame:
    """Make up the sales of a shop: 4000 days with weather, weekday, price and advertising, and the demand on each.

    The demand depends on all of them, not linearly, and scatters the more the higher it is: how much to add to the
    mean for safety differs from day to day.
    """
    draw = np.random.default_rng(11)
    temperature = draw.normal(15, 8, DAYS)  # degrees Celsius
    weekday = draw.integers(0, 7, DAYS)
    price = draw.uniform(2, 4, DAYS)  # money a unit
    advertised = draw.random(DAYS) < 0.2
    expected = 40 + 25 / (1 + np.exp(-(temperature - 18) / 3)) + 15 * (weekday >= 5) + 12 * advertised
    expected *= (3 / price) ** 1.2
    demand = draw.gamma(shape=12, scale=expected / 12)  # standard deviation: 29 % of the expected demand
    names = np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    return pd.DataFrame(
        {
            "temperature": temperature.round(1),
            "weekday": names[weekday],
            "price": price.round(2),
            "advertised": np.where(advertised, "yes", "no"),
            "demand": demand.round(),
        }
    )


def money_lost(y_true: Any, y_pred: Any) -> Any:
    """The loss: COST for a unit too many, PROFIT for one too few; mean over the samples.

    Args:
        y_true, y_pred: float32, (samples, 1), demand and order, on whatever scale: the loss grows with it.

    Reference: Koenker and Bassett, Regression Quantiles, Econometrica 46 (1978), times COST + PROFIT.
    """
    from keras import ops

    short = y_true - y_pred
    return ops.mean(ops.maximum(PROFIT * short, -COST * short), axis=-1)
