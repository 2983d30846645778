"""The features of a trip and its fare: shared by training, scoring and the tests."""

from __future__ import annotations

import pandas as pd

FEATURES = ["distance_km", "minutes", "is_night"]
LABEL = "fare"


def sample_trips(count: int = 200) -> pd.DataFrame:
    """Trips with a fare that follows from them, and some noise. The same for every call."""
    numbers = pd.Series(range(count))
    distance = 1 + (numbers * 7 % 23) / 2
    minutes = distance * 3 + numbers % 5
    night = (numbers % 4 == 0).astype(int)
    fare = 2.5 + 1.2 * distance + 0.3 * minutes + 2 * night + (numbers % 3) / 10
    return pd.DataFrame(
        {"trip": numbers, "distance_km": distance, "minutes": minutes, "is_night": night, "fare": fare}
    )


def split(trips: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trips to learn from, and every fifth to judge by."""
    is_test = trips["trip"] % 5 == 0
    return trips[~is_test], trips[is_test]
