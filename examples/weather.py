"""How do daily weather records become weeks, each with its season?"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEASONS = np.array(["winter", "spring", "summer", "autumn"])


def weeks(days: pd.DataFrame) -> pd.DataFrame:
    """Sum the rain of each week, average its snow depth and its temperatures, and name the season of its middle day.

    Args:
        days: columns DATE, PRCP (rain, inches), SNWD (snow depth, inches), TMAX and TMIN (degrees Fahrenheit), as
            NOAA's daily summaries have them. Others, such as the wind that was not measured before 1984, are left out.

    Returns:
        One row a week of seven days: week (its first day, as days since 1970), rain, snow_depth, warmest, coldest,
        season. A last week that is cut short is left out.
    """
    days = days.assign(DATE=pd.to_datetime(days["DATE"])).set_index("DATE").sort_index()
    by_week = days.resample("7D")
    weeks = pd.DataFrame(
        {
            "rain": by_week["PRCP"].sum(),
            "snow_depth": by_week["SNWD"].mean(),
            "warmest": by_week["TMAX"].mean(),
            "coldest": by_week["TMIN"].mean(),
        }
    )[by_week.size() == 7]
    # Meteorological seasons, whole months: winter is December to February.
    weeks["season"] = SEASONS[((weeks.index + pd.Timedelta(days=3)).month % 12) // 3]
    weeks.insert(0, "week", (weeks.index - pd.Timestamp("1970-01-01")).days)
    return weeks.reset_index(drop=True)
