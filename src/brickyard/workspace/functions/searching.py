"""`vector_search()` in SQL: the nearest rows of an index, as a table.

Follows "vector_search function" of the Databricks SQL reference: every argument by name, all
columns of the index and `search_score`. Each row of a lateral query is one request to the index's
own API as the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from brickyard.workspace.functions.batches import Batch
from brickyard.workspace.functions.offers import Bound, Offer
from brickyard.workspace.functions.own_api import ask, each
from brickyard.workspace.kernel import ApiError
from brickyard.workspace.spark.refusals import Refusal

PARAMETERS: Final = (
    "index",
    "query_text",
    "query_vector",
    "num_results",
    "query_type",
    "filters",
    "query",  # the name of query_text in older runtimes
)
SCORE: Final = "search_score"
MOST: Final = 100
DEFAULT: Final = 10


def offer(vector_search: Any) -> Offer:
    def write(bound: Bound) -> str:
        from brickyard.workspace.vector_search.schema import spark_types, vector_name

        caller, name = bound.asked.caller, str(bound.constants["index"])
        kept, rows = vector_search.readable(caller.principal, caller.workspace, name)
        hidden = "" if kept.vector_column is not None else vector_name(kept)
        types = {k: v for k, v in spark_types(rows.table().schema).items() if k != hidden}
        return _written(bound, name, types)

    return Offer(
        name="vector_search",
        parameters=PARAMETERS,
        required=1,
        constants=frozenset({"index", "num_results", "query_type"}),
        by_name_only=True,
        write=write,
    )


def _written(bound: Bound, index: str, types: Mapping[str, str]) -> str:
    many = bound.constants.get("num_results")
    many = DEFAULT if many is None else many
    if not isinstance(many, int) or not 1 <= many <= MOST:
        raise _invalid(f"num_results must be between 1 and {MOST}")
    if not {"query_text", "query_vector", "query"} & bound.texts.keys():
        raise _invalid("give query_text or query_vector")
    fields = [f"`{name}`: {kind}" for name, kind in types.items()]
    request = {
        "kind": "vector_search",
        "index": index,
        "num_results": many,
        "query_type": bound.constants.get("query_type"),
        "shown": list(types),
    }
    called = bound.remote(
        request,
        f"ARRAY<STRUCT<{', '.join(fields)}, {SCORE}: DOUBLE>>",
        {
            "query_text": "STRING",
            "query": "STRING",
            "query_vector": "ARRAY<DOUBLE>",
            "filters": "STRING",
        },
    )
    return f"inline({called})" + ("" if bound.asked.call.is_aliased else " AS `vector_search`")


def search(batch: Batch) -> bytes:
    """For each row of queries the list of what is found, best first."""
    shown = [str(one) for one in batch.asked["shown"]]
    path = f"/api/2.0/vector-search/indexes/{quote(str(batch.asked['index']), safe='')}/query"

    def one(row: Mapping[str, Any]) -> Any:
        text = row.get("query_text", row.get("query"))
        if text is None and row.get("query_vector") is None:
            return []
        body = {
            "columns": shown,
            "query_text": text,
            "query_vector": row.get("query_vector"),
            "num_results": batch.asked["num_results"],
            "query_type": batch.asked.get("query_type"),
            "filters_json": row.get("filters"),
        }
        given = {key: value for key, value in body.items() if value is not None}
        answer = ask(batch.workspace, batch.authorization, path, given)
        found: Sequence[Any] = (answer.get("result") or {}).get("data_array") or ()
        return found

    kinds = batch.asked["returns"]["elementType"]["fields"]
    results = []
    for found in each(one, batch.rows()):
        if isinstance(found, ApiError):
            raise found
        results.append([_row(values, kinds) for values in found])
    return batch.answer(results)


def _row(values: Sequence[Any], kinds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        kind["name"]: _typed(value, kind["type"]) for value, kind in zip(values, kinds, strict=True)
    }


def _typed(value: Any, kind: Any) -> Any:
    """A value of the index's JSON answer as Arrow takes it."""
    if not isinstance(value, str) or not isinstance(kind, str):
        return json.dumps(value) if isinstance(value, Mapping) else value
    if kind == "date":
        return date.fromisoformat(value)
    if kind.startswith("timestamp"):
        return datetime.fromisoformat(value)
    return value


def _invalid(what: str) -> Refusal:
    return Refusal("INVALID_PARAMETER_VALUE", f"vector_search: {what}.", sql_state="22023")
