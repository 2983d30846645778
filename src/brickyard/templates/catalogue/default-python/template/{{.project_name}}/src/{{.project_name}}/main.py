"""Writes a table of numbers: the place to begin."""

import sys


def square(number: int) -> int:
    return number * number


def main() -> None:
    from databricks.sdk.runtime import spark

    catalog, schema = sys.argv[1:3]
    rows = [(number, square(number)) for number in range(10)]
    table = f"{catalog}.{schema}.numbers"
    frame = spark.createDataFrame(rows, "number INT, square INT")
    frame.write.mode("overwrite").saveAsTable(table)
    print(f"{frame.count()} rows in {table}")
