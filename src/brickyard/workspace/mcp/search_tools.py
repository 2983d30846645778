"""Vector search indexes as tools: `catalog__schema__index`, asked with a text.

Only indexes that embed texts themselves are tools. How they search can be preset in `_meta`, as
"Managed MCP servers: Vector Search" documents: num_results, columns, filters, query_type,
score_threshold, include_score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from brickyard.workspace.catalog.securables import Securable
from brickyard.workspace.functions.own_api import ask
from brickyard.workspace.kernel import Call, invalid
from brickyard.workspace.mcp.protocol import Tool
from brickyard.workspace.vector_search.sync import definition_of

DEFAULT: Final = 5
SCHEMA: Final = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to search for"}},
    "required": ["query"],
}


def tools(call: Call, schema: str, only: str = "") -> Sequence[Tool]:
    """Those that the caller may search."""
    catalog = call.engines.catalog
    wanted = f"{schema}.{only}".lower() if only else ""
    return [
        _tool(call, one)
        for one in catalog.vector_indexes.visible(call.principal, call.workspace)
        if one.full_name.rpartition(".")[0] == schema.lower()
        and wanted in ("", one.full_name)
        and definition_of(one).model_for_queries
        and catalog.can(call.principal, call.workspace, "SELECT", "vector_index", one.full_name)
    ]


def _tool(call: Call, index: Securable) -> Tool:
    spec = definition_of(index).delta_sync_index_spec
    source = f" over the table {spec.source_table}" if spec is not None else ""
    return Tool(
        name=index.full_name.replace(".", "__"),
        description=index.comment or f"Search the vector index {index.full_name}{source}",
        schema=SCHEMA,
        run=partial(_run, call, index.full_name),
    )


def _run(call: Call, index: str, given: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    asked = {
        "query_text": str(given["query"]),
        "columns": _columns(meta.get("columns")),
        "num_results": meta.get("num_results", DEFAULT),
        "query_type": meta.get("query_type"),
        "score_threshold": meta.get("score_threshold"),
        "filters_json": _filters(meta.get("filters")),
    }
    body = {key: value for key, value in asked.items() if value is not None}
    path = f"/api/2.0/vector-search/indexes/{quote(index, safe='')}/query"
    answer = ask(call.workspace, call.header("authorization"), path, body)
    names = [one["name"] for one in answer["manifest"]["columns"]]
    shown = names if str(meta.get("include_score")).lower() == "true" else names[:-1]
    rows = (answer.get("result") or {}).get("data_array") or ()
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return json.dumps(
        [{name: row[name] for name in shown} for row in found], ensure_ascii=False, default=str
    )


def _columns(given: Any) -> list[str]:
    """A list, or names with commas between them."""
    if isinstance(given, str):
        return [one.strip() for one in given.split(",") if one.strip()]
    return [str(one) for one in given or ()]


def _filters(given: Any) -> str | None:
    if given is None or isinstance(given, str):
        return given
    if not isinstance(given, dict):
        raise invalid("filters must be a JSON object")
    return json.dumps(given)
