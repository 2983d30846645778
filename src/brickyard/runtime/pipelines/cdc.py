"""Change feeds (AUTO CDC): the target as all changes so far make it.

The target is computed from the whole history of the feed, so changes may come late or out of order.
SCD type 1 keeps the last state of each key, type 2 all states with the time each was valid.
"""

from __future__ import annotations

from typing import Any

from brickyard.runtime.pipelines.graph import Cdc, PipelineFault

START, END = "__START_AT", "__END_AT"


def applied(changes: Any, cdc: Cdc) -> Any:
    """The target's rows from all changes."""
    from pyspark.sql import functions
    from pyspark.sql.window import Window

    if cdc.truncates and cdc.scd == 2:
        raise PipelineFault("APPLY AS TRUNCATE WHEN needs SCD type 1.")
    columns = _columns(changes, cdc)
    sequence = functions.expr(cdc.sequence_by)
    deletes = functions.expr(cdc.deletes) if cdc.deletes else functions.lit(False)
    frame = changes.withColumn("__sequence", sequence).withColumn(
        "__deleted", functions.coalesce(deletes, functions.lit(False))
    )
    keys = [functions.col(f"`{one}`") for one in cdc.keys]
    if cdc.truncates:
        frame = _after_truncates(frame, cdc)
    if cdc.ignores_nulls:
        raise PipelineFault(
            "ignore_null_updates (IGNORE NULL UPDATES) is not in the embedded workspace."
        )
    by_key = Window.partitionBy(*keys)
    shown = [functions.col(f"`{one}`") for one in columns]
    if cdc.scd == 1:
        last = by_key.orderBy(functions.col("__sequence").desc())
        ranked = frame.withColumn("__rank", functions.row_number().over(last))
        kept = ranked.filter((functions.col("__rank") == 1) & ~functions.col("__deleted"))
        return kept.select(*shown)
    in_order = by_key.orderBy(functions.col("__sequence"))
    state = functions.to_json(functions.struct(*shown, functions.col("__deleted")))
    frame = frame.withColumn("__state", state)
    frame = frame.withColumn("__before", functions.lag("__state").over(in_order))
    changed = frame.filter(
        functions.col("__before").isNull() | (functions.col("__before") != functions.col("__state"))
    )
    ended = changed.withColumn(END, functions.lead("__sequence").over(in_order))
    return ended.filter(~functions.col("__deleted")).select(
        *shown, functions.col("__sequence").alias(START), functions.col(END)
    )


def _columns(changes: Any, cdc: Cdc) -> list[str]:
    names = list(changes.columns)
    if cdc.columns is not None:
        return list(cdc.columns)
    dropped = {one.lower() for one in cdc.except_columns}
    return [one for one in names if one.lower() not in dropped]


def _after_truncates(frame: Any, cdc: Cdc) -> Any:
    """The changes that came after the last truncate."""
    from pyspark.sql import functions

    assert cdc.truncates is not None
    truncates = functions.coalesce(functions.expr(cdc.truncates), functions.lit(False))
    last = frame.filter(truncates).agg(functions.max("__sequence").alias("at")).collect()[0]["at"]
    kept = frame.filter(~truncates)
    return kept if last is None else kept.filter(functions.col("__sequence") > functions.lit(last))
