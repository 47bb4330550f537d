"""Which columns of a card payment may a model look at?"""

from __future__ import annotations

import pandas as pd

INPUTS = (*(f"V{number}" for number in range(1, 29)), "Amount")


def columns(payments: pd.DataFrame) -> pd.DataFrame:
    """Keep the 28 components, the amount and the class.

    Copies of this table differ in the rest: the seconds since the first payment (``Time``, which would tell a model
    about these two days only) or where a row was found.
    """
    return payments[[*INPUTS, "Class"]]
