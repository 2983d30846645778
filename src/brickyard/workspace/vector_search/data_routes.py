"""What is in an index: queried, scanned, written, synced.

The SDK sends queries by POST, the client `databricks-vectorsearch` the same bodies by GET.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from brickyard.workspace.kernel import Call, Json, Route, invalid
from brickyard.workspace.vector_search import answer, direct, search
from brickyard.workspace.vector_search.definition import Definition
from brickyard.workspace.vector_search.direct import Outcome
from brickyard.workspace.vector_search.embedding import embed, invoke
from brickyard.workspace.vector_search.rows import Rows
from brickyard.workspace.vector_search.schema import vector_name
from brickyard.workspace.vector_search.search import Query

INDEX = "/api/2.0/vector-search/indexes/{index_name}"
# Embedding asks this server over HTTP: it must not wait for the threads that answer it.
EMBEDDING = ThreadPoolExecutor(max_workers=8, thread_name_prefix="vector-embedding")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextPage:
    page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    num_results: int = 10
    last_primary_key: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    inputs_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    primary_keys: Sequence[str | int]


async def query(call: Call) -> Json:
    want = call.read(Query)
    kept, rows = await _readable(call)
    embeds = want.query_vector is None and want.kind != search.FULL_TEXT
    search.check(want, has_vectors=bool(vector_name(kept)), embeds=bool(kept.model_for_queries))
    numbers = want.query_vector
    if embeds:
        who, texts = call.header("authorization"), [str(want.query_text)]
        work = partial(embed, call.workspace, who, kept.model_for_queries, texts)
        numbers = (await asyncio.get_running_loop().run_in_executor(EMBEDDING, work))[0]
    return await _page(call, kept, rows, want, numbers)


async def next_page(call: Call) -> Json:
    place = answer.opened(call.read(NextPage).page_token)
    kept, rows = await _readable(call)
    search.check_kind(place.query, has_vectors=bool(vector_name(kept)))
    return await _page(call, kept, rows, place.query, place.numbers, place.start)


def scan(call: Call) -> Json:
    want = call.read(Scan)
    if not 1 <= want.num_results <= search.MOST:
        raise invalid(f"num_results must be between 1 and {search.MOST}")
    kept, rows = _found(call)
    key = kept.primary_key
    schema = rows.table().schema
    keys = sorted(rows.read([key])[key].to_pylist())
    if want.last_primary_key is not None:
        (last,) = direct.keys([want.last_primary_key], schema, key)
        keys = [one for one in keys if one > last]
    chosen = keys[: want.num_results]
    if not chosen:
        return {}
    found = rows.read(schema.names, rows.has(chosen)).sort_by(key).to_pylist()
    return {"data": [_struct(row) for row in found], "last_primary_key": str(chosen[-1])}


def upsert(call: Call) -> Json:
    want = call.read(Upsert)
    engine, name = call.engines.vector_search, call.path["index_name"]
    return _outcome(engine.upsert(call.principal, call.workspace, name, want.inputs_json))


def delete(call: Call) -> Json:
    given: Sequence[str | int] = call.queries("primary_keys")
    if not given:
        given = call.read(Delete).primary_keys
    engine, name = call.engines.vector_search, call.path["index_name"]
    return _outcome(engine.delete_rows(call.principal, call.workspace, name, given))


def sync(call: Call) -> Json:
    call.engines.vector_search.sync(call.principal, call.workspace, call.path["index_name"])
    return {}


async def _readable(call: Call) -> tuple[Definition, Rows]:
    """The index; asked of the database, in a thread, only when memory does not know."""
    engine, name = call.engines.vector_search, call.path["index_name"]
    known: tuple[Definition, Rows] | None = engine.remembered(call.principal, call.workspace, name)
    if known is not None:
        return known
    return await asyncio.to_thread(_found, call)


def _found(call: Call) -> tuple[Definition, Rows]:
    engine, name = call.engines.vector_search, call.path["index_name"]
    found: tuple[Definition, Rows] = engine.readable(call.principal, call.workspace, name)
    return found


async def _page(
    call: Call,
    kept: Definition,
    rows: Rows,
    want: Query,
    numbers: Sequence[float] | None,
    start: int = 0,
) -> Json:
    async def ask(endpoint: str, body: Mapping[str, Any]) -> Any:
        work = partial(invoke, call.workspace, call.header("authorization"), endpoint, body)
        return await asyncio.get_running_loop().run_in_executor(EMBEDDING, work)

    vector = vector_name(kept)
    return answer.shown(
        await answer.page(rows, want, vector=vector, numbers=numbers, ask=ask, start=start)
    )


def _outcome(outcome: Outcome) -> Json:
    result: dict[str, Any] = {"success_row_count": outcome.done}
    if outcome.failed:
        result["failed_primary_keys"] = list(outcome.failed)
    return {"status": outcome.status, "result": result}


def _struct(row: Mapping[str, Any]) -> Json:
    """A row as protobuf's Struct is written here: a list of keys and typed values."""
    return {"fields": [{"key": key, "value": _value(value)} for key, value in row.items()]}


def _value(value: Any) -> dict[str, Any]:
    plain = search.plain(value)
    if plain is None:
        return {}
    if isinstance(plain, bool):
        return {"bool_value": plain}
    if isinstance(plain, int | float):
        return {"number_value": plain}
    if isinstance(plain, str):
        return {"string_value": plain}
    if isinstance(plain, list):
        return {"list_value": {"values": [_value(one) for one in plain]}}
    return {"struct_value": _struct(plain)}


ROUTES = (
    *(
        Route(method, f"{INDEX}/{name}", handler)
        for method in ("POST", "GET")
        for name, handler in (("query", query), ("query-next-page", next_page), ("scan", scan))
    ),
    Route("POST", f"{INDEX}/upsert-data", upsert),
    Route("DELETE", f"{INDEX}/delete-data", delete),
    Route("POST", f"{INDEX}/sync", sync),
)
