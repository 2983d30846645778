"""`samples.nyctaxi`: as many rides as Databricks has, in the same two months."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow

TRIPS: Final = 21_932
BEGIN: Final = datetime(2016, 1, 1, tzinfo=UTC)
SPAN_S: Final = 60 * 24 * 3600
ZIPS: Final = (
    *range(10001, 10041), 10044, 10065, 10069, 10075, 10103, 10110, 10119, 10128, 10153, 10162,
    10199, 10280, 10282, 11101, 11103, 11106, 11201, 11205, 11211, 11217, 11222, 11231, 11238,
    11371, 11422, 11430,
)  # fmt: skip


def trips() -> pyarrow.Table:
    """Taxi rides: most are short, a fare follows distance and time as New York's tariff did."""
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    kinds = {
        "tpep_pickup_datetime": moment,
        "tpep_dropoff_datetime": moment,
        "trip_distance": pa.float64(),
        "fare_amount": pa.float64(),
        "pickup_zip": pa.int32(),
        "dropoff_zip": pa.int32(),
    }
    return pa.Table.from_pylist(
        [dict(zip(kinds, row, strict=True)) for row in _rides()], schema=pa.schema(kinds.items())
    )


def _rides() -> Iterator[tuple[datetime, datetime, float, float, int, int]]:
    chance = random.Random(2016)
    for _ in range(TRIPS):
        begin = BEGIN + timedelta(seconds=chance.randrange(SPAN_S))
        miles = round(min(chance.lognormvariate(0.55, 0.85), 35.0), 2)
        minutes = max(1.0, miles * chance.uniform(3.5, 7.0))
        end = begin + timedelta(seconds=round(minutes * 60))
        fare = 2.5 + 0.5 * round(5 * miles * 0.85 + minutes * 0.25)
        yield begin, end, miles, fare, chance.choice(ZIPS), chance.choice(ZIPS)


TABLES: Final[Mapping[str, Callable[[], pyarrow.Table]]] = {"trips": trips}
