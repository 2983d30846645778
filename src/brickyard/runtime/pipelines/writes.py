"""Tables of the pipeline, written: replaced, appended to, checked against expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from brickyard.runtime import api
from brickyard.runtime.pipelines.graph import Dataset, Expectation, PipelineFault, quoted
from brickyard.runtime.pipelines.reads import Reads

MADE_BY: Final = "pipelines.pipelineId"
KIND: Final = "pipelines.datasetType"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A frame without the rows to drop, and what was counted; None when nothing was expected."""

    frame: Any
    quality: Mapping[str, Any] | None = None


class Writes:
    def __init__(self, session: Any, reads: Reads, pipeline_id: str) -> None:
        self._session = session
        self._reads = reads
        self._pipeline_id = pipeline_id

    def table(self, dataset: Dataset) -> Path | None:
        """The folder of the dataset's table, None when it is not made yet.

        Raises PipelineFault when there is a table of this name that the pipeline did not make.
        """
        try:
            found = self._reads.info(dataset.key)
        except PipelineFault:
            return None
        except api.RequestRefused as fault:
            if fault.status == 404:
                return None
            raise
        if (found.get("properties") or {}).get(MADE_BY) != self._pipeline_id:
            kind = found.get("table_type", "MANAGED")
            raise PipelineFault(
                f"Could not materialize '{dataset.key}' because a {kind} table already exists "
                "with that name, and this pipeline did not make it."
            )
        return self._reads.location(dataset.key)

    def replace(self, dataset: Dataset, kind: str, frame: Any) -> None:
        """Data and columns as the frame has them; makes the table when there is none."""
        from pyspark.sql import functions

        writer = frame.writeTo(quoted(dataset.key)).using("delta")
        for name, value in dataset.properties.items():
            writer = writer.tableProperty(name, value)
        writer = writer.tableProperty(MADE_BY, self._pipeline_id).tableProperty(KIND, kind)
        if dataset.partitions:
            writer = writer.partitionedBy(*(functions.col(one) for one in dataset.partitions))
        writer.createOrReplace()
        if dataset.comment:
            text = dataset.comment.replace("\\", "\\\\").replace("'", "\\'")
            sql = self._reads.original["sql"]
            sql(self._session, f"COMMENT ON TABLE {quoted(dataset.key)} IS '{text}'")

    def append(self, dataset: Dataset, frame: Any) -> None:
        writer = frame.write.format("delta").mode("append").option("mergeSchema", "true")
        writer.saveAsTable(quoted(dataset.key))


def checked(dataset: Dataset, flow_name: str, frame: Any) -> Checked:
    """Count what breaks an expectation, drop what is to be dropped.

    A condition that is null is broken. Raises PipelineFault for one that fails the update.
    """
    expectations = dataset.expectations
    if not expectations:
        return Checked(frame=frame)
    from pyspark.sql import functions

    holds = [
        functions.coalesce(
            functions.expr(one.condition) if isinstance(one.condition, str) else one.condition,
            functions.lit(False),
        )
        for one in expectations
    ]
    dropping = [h for h, one in zip(holds, expectations, strict=True) if one.action == "DROP"]
    kept = functions.lit(True)
    for one in dropping:
        kept = kept & one
    counts = frame.agg(
        functions.count(functions.lit(1)).alias("_all"),
        functions.sum(functions.when(kept, 0).otherwise(1)).alias("_dropped"),
        *(
            functions.sum(functions.when(one, 0).otherwise(1)).alias(f"_{number}")
            for number, one in enumerate(holds)
        ),
    ).collect()[0]
    total = int(counts["_all"])
    broken = [int(counts[f"_{number}"] or 0) for number in range(len(expectations))]
    failing = [
        one.name
        for one, count in zip(expectations, broken, strict=True)
        if one.action == "FAIL" and count
    ]
    if failing:
        names = ", ".join(f"'{one}'" for one in failing)
        rows = sum(c for o, c in zip(expectations, broken, strict=True) if o.action == "FAIL")
        raise PipelineFault(
            f"[EXPECTATION_VIOLATION] Flow '{flow_name}' failed to meet the expectation. "
            f"Violated expectations: {names}; {rows} of {total} rows break them."
        )
    quality = {
        "dropped_records": int(counts["_dropped"] or 0),
        "expectations": _shown(expectations, broken, total, dataset.name),
    }
    return Checked(frame=frame.filter(kept) if dropping else frame, quality=quality)


def _shown(
    expectations: Sequence[Expectation], broken: Sequence[int], total: int, dataset: str
) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "dataset": dataset,
            "passed_records": total - count,
            "failed_records": count,
        }
        for one, count in zip(expectations, broken, strict=True)
    ]


def conformed(dataset: Dataset, frame: Any) -> Any:
    """The columns that the dataset declares, in their order and of their types."""
    if dataset.schema is None:
        return frame
    from pyspark.sql import functions
    from pyspark.sql.types import StructType

    given = dataset.schema
    schema = given if isinstance(given, StructType) else StructType.fromDDL(given)
    known = {name.lower(): name for name in frame.columns}
    missing = [one.name for one in schema.fields if one.name.lower() not in known]
    extra = known.keys() - {one.name.lower() for one in schema.fields}
    if missing or extra:
        what = f"lacks {', '.join(missing)}" if missing else f"also has {', '.join(sorted(extra))}"
        raise PipelineFault(
            f"Dataset '{dataset.key}': the query {what}; the declared columns are "
            f"{', '.join(one.name for one in schema.fields)}."
        )
    return frame.select(
        *(
            functions.col(f"`{known[one.name.lower()]}`").cast(one.dataType).alias(one.name)
            for one in schema.fields
        )
    )


def empty(session: Any, dataset: Dataset) -> Any:
    """No rows, with the columns that the dataset declares."""
    from pyspark.sql.types import StructType

    given = dataset.schema
    if given is None:
        raise PipelineFault(f"Nothing writes to '{dataset.key}', and it declares no columns.")
    schema = given if isinstance(given, StructType) else StructType.fromDDL(given)
    return session.createDataFrame([], schema)
