"""How do the two common copies of the census table come to look alike?"""

from __future__ import annotations

import numpy as np
import pandas as pd

TEST_SHARE = 1 / 3


def columns(people: pd.DataFrame) -> pd.DataFrame:
    """Name the columns as UCI does, with underscores, and say which rows are the test part.

    OpenML's copy calls the target ``class`` and does not tell the original test rows from the others. Where a table
    says it, in a column ``split``, that holds; else a third is drawn, as many as the original has.
    """
    people = people.rename(columns=lambda name: str(name).replace("-", "_")).rename(columns={"class": "income"})
    if "split" not in people:
        test = np.random.default_rng(1994).random(len(people)) < TEST_SHARE
        people = people.assign(split=np.where(test, "test", "train"))
    return people
