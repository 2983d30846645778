"""An index whose vectors a serving endpoint computes, at sync and for the texts of queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from databricks.sdk.service.serving import EndpointCoreConfigInput, ServedEntityInput
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingSourceColumn,
    PipelineType,
    VectorIndexType,
)
from deltalake import write_deltalake
from search_place import Place, folder, online, wait

pytestmark = [pytest.mark.documented, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# Counts letters, and refuses a text that it has seen: nothing is embedded twice.
MODEL = """
import mlflow

class Letters(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.seen = set()

    def predict(self, context, model_input: list[str], params=None) -> list[list[float]]:
        for text in model_input:
            if text in self.seen and not text.startswith("?"):
                raise ValueError("embedded twice: " + text)
            self.seen.add(text)
        return [[float(text.count(one)) for one in "abc"] for text in model_input]

mlflow.models.set_model(Letters())
"""


def test_texts_are_embedded_once_and_found_by_text(
    place: Place, workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    for key, value in workspace.environment("dev").items():
        if key.startswith("DATABRICKS_"):
            monkeypatch.setenv(key, value)
    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    mlflow.set_experiment(f"/Shared/{place.endpoint}")
    (tmp_path / "model.py").write_text(MODEL)
    model, client, name = f"{place.schema}.letters", place.client, f"{place.schema}.embedded"
    mlflow.pyfunc.log_model(
        name="letters",
        python_model=str(tmp_path / "model.py"),
        registered_model_name=model,
        pip_requirements=["mlflow"],
    )
    served = ServedEntityInput(entity_name=model, entity_version="1", workload_size="Small")
    letters = f"letters-{place.endpoint}"
    client.serving_endpoints.create_and_wait(
        letters, config=EndpointCoreConfigInput(name=letters, served_entities=[served])
    )
    table = place.table("texts", ("id", "long"), ("text", "string"))
    shape = pa.schema([("id", pa.int64()), ("text", pa.string())])

    def append(*rows: tuple[int, str | None]) -> None:
        given = [{"id": id, "text": text} for id, text in rows]
        write_deltalake(folder(client, table), pa.Table.from_pylist(given, shape), mode="append")

    def nearest(text: str, **more: Any) -> list[Any]:
        got = client.vector_search_indexes.query_index(
            name, ["id"], query_text="?" + text, num_results=1, **more
        )
        return got.result.data_array[0]

    append((1, "aaa"), (2, "bbb"), (3, None))
    client.vector_search_indexes.create_index(
        name,
        place.endpoint,
        "id",
        VectorIndexType.DELTA_SYNC,
        delta_sync_index_spec=DeltaSyncVectorIndexSpecRequest(
            source_table=table,
            pipeline_type=PipelineType.TRIGGERED,
            embedding_source_columns=[
                EmbeddingSourceColumn(name="text", embedding_model_endpoint_name=letters)
            ],
        ),
    )
    assert wait(client, name, online)["indexed_row_count"] == 3
    assert nearest("bbb") == [2, 1.0]
    append((4, "ccc"), (5, "aaa"))
    client.vector_search_indexes.sync_index(name)
    assert wait(client, name, online)["indexed_row_count"] == 5
    assert nearest("ccc") == [4, 1.0]
    assert nearest("ccc", query_type="HYBRID", filters_json=json.dumps({"id <": 3}))[0] in (1, 2)
    client.vector_search_indexes.delete_index(name)
    client.serving_endpoints.delete(letters)
