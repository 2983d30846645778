"""What Databricks Connect is told of the runtime rides behind the engine's own answer."""

from __future__ import annotations

from google.protobuf import unknown_fields

from brickyard.workspace.spark.protocol import DBR_VERSION, AnalyzePlanResponse, with_runtime


def test_the_runtime_joins_the_version_of_spark() -> None:
    answer = AnalyzePlanResponse(session_id="s")
    answer.spark_version.version = "4.0.0"
    joined = AnalyzePlanResponse.FromString(answer.SerializeToString() + with_runtime("17.3.x"))
    assert (joined.session_id, joined.spark_version.version) == ("s", "4.0.0")
    (field,) = unknown_fields.UnknownFieldSet(joined.spark_version)
    assert (field.field_number, field.data) == (DBR_VERSION, b"17.3.x")
